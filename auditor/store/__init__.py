"""Where runs are kept. The run folder is the unit that travels (design, sections 5 and 8)."""

from auditor.store.folder import RunFolder

__all__ = ["RunFolder"]
