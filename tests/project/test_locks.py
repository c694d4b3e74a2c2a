"""The lock files hold every dependency of the project, each with its hash, and name no registry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = {name: ROOT / "requirements" / f"{name}.txt" for name in ("run", "test", "build", "lock")}


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Return package -> (version, number of hashes) of a lock file."""
    entries: dict[str, tuple[str, int]] = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", LOCKS[name].read_text(encoding="utf-8")):
        requirement = Requirement(entry.split("\\")[0].strip())
        (pin,) = requirement.specifier
        assert pin.operator == "==", entry.splitlines()[0]
        entries[canonicalize_name(requirement.name)] = (
            pin.version,
            len(re.findall("--hash=sha256:[0-9a-f]{64}", entry)),
        )
    return entries


def check_holds(lock: dict[str, tuple[str, int]], wanted: list[str]) -> None:
    for text in wanted:
        requirement = Requirement(text)
        assert canonicalize_name(requirement.name) in lock, f"{text} is not locked; run `make lock`"
        version = lock[canonicalize_name(requirement.name)][0]
        assert requirement.specifier.contains(version, prereleases=True), f"{text} but {version} is locked"


def test_run_lock_holds_every_dependency() -> None:
    check_holds(locked("run"), PROJECT["project"]["dependencies"])


def test_test_lock_holds_the_test_tools_and_the_very_versions_that_run() -> None:
    test = locked("test")
    check_holds(test, PROJECT["dependency-groups"]["test"])
    assert {name: test.get(name) for name in locked("run")} == locked("run")


def test_build_lock_holds_the_build_backend_and_what_source_archives_need() -> None:
    check_holds(locked("build"), [*PROJECT["build-system"]["requires"], "setuptools", "wheel", "pip"])
    shared = locked("build").keys() & locked("test").keys()
    assert {name: locked("build")[name][0] for name in shared} == {name: locked("test")[name][0] for name in shared}


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_package_has_a_hash_and_no_address(name: str) -> None:
    assert all(hashes > 0 for _, hashes in locked(name).values())
    text = LOCKS[name].read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(--(?!hash=)|-[ifrec]\b)", text, re.MULTILINE)


def test_source_only_parts_have_one_archive() -> None:
    """They are built here; a second hash would be a wheel that somebody else built, for one Python only."""
    run = locked("run")
    assert (run["python-nmap"][1], run["onvif-zeep"][1]) == (1, 1)
