"""Finds the data folders: in a checkout, in an installed wheel, or where a signed data pack was installed."""

from __future__ import annotations

from pathlib import Path

from auditor.common.installed import KINDS, Choice, choose

_PACKAGE = Path(__file__).resolve().parent.parent
_IN_CHECKOUT = {"fingerprints": "fingerprints", "policies": "policies", "reports": "reports", "lab": "tests/lab"}
# What this process was told, in its order: a warning must reach the person even when the run goes on without it.
_told: dict[str, None] = {}


def data_path(name: str) -> Path:
    """Return the folder of the data named `fingerprints`, `policies`, `reports` or `lab`.

    `fingerprints` and `policies` come from an installed data pack while that is whole and not older than what came
    with the program (`auditor.common.installed`); `data_warnings` says why one is not used.

    Raises:
        FileNotFoundError: the installation lacks that folder.
        KeyError: no such data folder is defined.
    """
    if name in KINDS:
        folder = data_choice().folder
        if folder is not None:
            return folder / name
    return packaged_path(name)


def packaged_path(name: str) -> Path:
    """Return the folder of the data that came with the program.

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


def data_choice() -> Choice:
    """Return which data is in use now."""
    choice = choose(packaged_path("fingerprints"), packaged_path("policies"))
    _told.update(dict.fromkeys(choice.warnings))
    return choice


def data_warnings() -> tuple[str, ...]:
    """Return why installed data is not used; empty when all is well or nothing is installed. One sentence each."""
    return data_choice().warnings


def warnings_so_far() -> tuple[str, ...]:
    """Return the warnings that came up in this process, without looking again."""
    return tuple(_told)


def forget_warnings() -> None:
    """Forget what was warned of: an installation has just replaced the data that it was about."""
    _told.clear()
