"""The command line: arguments, progress and exit codes, nothing else."""

from auditor.cli.main import main

__all__ = ["main"]
