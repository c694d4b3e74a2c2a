"""An installed wheel and a checkout find the same data files."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
DATA = {"fingerprints": "fingerprints", "policies": "policies", "reports": "reports", "lab": "tests/lab"}
LISTING = """
import hashlib, json, sys
from pathlib import Path
import auditor
from auditor.common.data import data_path
found = {"": auditor.__file__}
for name in sys.argv[1:]:
    folder = data_path(name)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found[f"{name}/{path.relative_to(folder).as_posix()}"] = hashlib.sha256(path.read_bytes()).hexdigest()
print(json.dumps(found))
"""


def house_words() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house_words", ROOT / "tests" / "project" / "house_words.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listing(folder: Path, cwd: Path) -> dict[str, str]:
    """Return data file -> SHA-256 as the package in `folder` finds them; `` -> the package's own place."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", LISTING, *DATA]
    return json.loads(subprocess.run(command, check=True, capture_output=True, cwd=cwd, env=environment).stdout)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], check=True, cwd=ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-compile"]
    subprocess.run([*command, "--target", str(folder), str(wheel)], check=True)
    return folder


def test_the_wheel_and_the_checkout_find_the_same_data_files(installed: Path, tmp_path: Path) -> None:
    from_wheel, from_checkout = listing(installed, tmp_path), listing(ROOT, tmp_path)
    assert Path(from_wheel.pop("")) == installed / "auditor" / "__init__.py"
    assert Path(from_checkout.pop("")) == ROOT / "auditor" / "__init__.py"
    ours = {path.relative_to(ROOT).as_posix() for path in house_words().files(ROOT)}
    tracked = {name: digest for name, digest in from_checkout.items() if place(name) in ours}
    assert {name: digest for name, digest in from_wheel.items() if place(name) in ours} == tracked
    register = "fingerprints/oui/registers.tsv.gz"  # not among `ours`, which are texts
    assert from_wheel[register] == from_checkout[register]
    for name in DATA:
        assert any(path.startswith(f"{name}/") for path in tracked), f"no data file of {name}"


def place(name: str) -> str:
    """Return the path in a checkout of a data file named as in the listing."""
    kind, _, rest = name.partition("/")
    return f"{DATA[kind]}/{rest}"


def test_the_wheel_holds_nothing_but_the_package_and_its_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")} == {"auditor"}
    assert {name.split("/")[2] for name in names if name.startswith("auditor/_data/")} == set(DATA)


def test_the_wheel_carries_licence_entry_point_and_dependencies(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (folder,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
    metadata = archive.read(f"{folder}/METADATA").decode()
    assert "License-Expression: GPL-3.0-or-later" in metadata
    assert "Requires-Dist: onvif-zeep==0.2.12" in metadata
    assert "auditor = auditor.cli:main" in archive.read(f"{folder}/entry_points.txt").decode()
    licence = hashlib.sha256(archive.read(f"{folder}/licenses/LICENSE")).hexdigest()
    assert licence == hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest()


def test_the_installed_command_runs(installed: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "auditor", "--version"], check=True, capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )  # fmt: skip
    assert "version" in result.stdout
