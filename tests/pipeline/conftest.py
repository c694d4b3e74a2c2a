"""One audit of the emulated office, shared by every test that only looks at its results."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lab import Lab

if TYPE_CHECKING:
    from subprocess import CompletedProcess

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Audited:
    """A finished scan of a lab site, with what the lab itself counted."""

    folder: Path
    done: CompletedProcess[str]
    counters: dict
    truth: list[dict]
    audit: dict = field(default_factory=dict)

    @property
    def wire(self) -> dict:
        return self.counters["wire"]

    def device(self, address: str) -> dict | None:
        return next((item for item in self.audit["devices"] if address in item["addresses"]), None)


def scan(lab: Lab, folder: Path, *options: str, user: str = "", **changes: object) -> Audited:
    """Scan a lab site as a separate process in the scanner's namespace, as its user would."""
    site = lab.write_site(folder.parent / f"{folder.name}.yaml", **changes)
    command = [sys.executable, "-m", "auditor", "scan", str(site), "--out", str(folder), *options]
    if user:
        command = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--bounding-set=-all", *command]
    lab.reset()
    done = lab.exec(command, env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"})
    audited = Audited(folder, done, lab.counters(), lab.truth())
    if (folder / "audit.json").is_file():
        audited.audit = json.loads((folder / "audit.json").read_bytes())
    return audited


@pytest.fixture(scope="session")
def office_audit(tmp_path_factory) -> Audited:
    """The issue's acceptance: a /24 with 40 devices on core and isolated zones, 3 excluded, at the gentle pace."""
    with Lab("office") as lab:
        return scan(lab, tmp_path_factory.mktemp("office") / "run")
