"""Where runs are kept. The run folder is the unit that travels (design, sections 5 and 8)."""

from auditor.store.folder import RunFolder, only_run_of

__all__ = ["RunFolder", "only_run_of"]
