"""Finds the data folders, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
_IN_CHECKOUT = {"fingerprints": "fingerprints", "policies": "policies", "reports": "reports", "lab": "tests/lab"}


def data_path(name: str) -> Path:
    """Return the folder of the data named `fingerprints`, `policies`, `reports` or `lab`.

    Raises:
        FileNotFoundError: the installation lacks that folder.
        KeyError: no such data folder is defined.
    """
    packed = _PACKAGE / "_data" / name
    checkout = _PACKAGE.parent / _IN_CHECKOUT[name]
    for folder in (packed, checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"data folder `{name}` is missing: looked for {packed} and {checkout}")
