"""Makes the emulated site (tests/lab) importable as `lab` and offers its fixtures to every test."""

from __future__ import annotations

import sys
from pathlib import Path

# At the end: a folder of tests such as tests/site must not hide a module of the standard library.
sys.path.append(str(Path(__file__).resolve().parent))

from lab.fixtures import demo, lab, office

__all__ = ["demo", "lab", "office"]
