"""Who may import whom: the import-linter contracts, ruff's fences, and an own look at the imports themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Library -> the only places of auditor/ that may import it (design, section 3).
PLACES = {
    "socket": ("net/", "capture/"),  # capture: packet sockets, in a program of its own
    "ssl": ("net/",),
    "http": ("net/",),
    "urllib.request": ("net/",),
    "requests": ("net/soap.py",),
    "pyroute2": ("net/",),
    "scapy": ("capture/",),
    "nmap": ("discover/sweep.py",),
    "onvif": ("net/soap.py",),
    "zeep": ("net/soap.py",),
    "jinja2": ("report/",),
    "sqlalchemy": ("store/",),
    "xml.etree": (),
    "httpx": (),
    "aiohttp": (),
    "random": (),
    # Child processes: nmap through python-nmap's place, the capture helper, the emulated site of the demo.
    "subprocess": ("discover/sweep.py", "net/capture_client.py", "pipeline/demo.py"),
}


def imports(source: str) -> set[str]:
    """Return the dotted names that a module imports, inside functions and type-checking blocks too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"__import__", "importlib.import_module"}:
            found.add(node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else "computed")
    return found


def trespasses(package: Path) -> list[str]:
    """Return `file imports library` for each import outside its place."""
    bad = []
    for path in sorted(package.rglob("*.py")):
        where = path.relative_to(package).as_posix()
        for name in sorted(imports(path.read_text(encoding="utf-8"))):
            for library, places in PLACES.items():
                inside = name == library or name.startswith(f"{library}.")
                if inside and not any(
                    where == place or (place.endswith("/") and where.startswith(place)) for place in places
                ):
                    bad.append(f"{where} imports {name}")
    return bad


def test_libraries_are_imported_only_in_their_place() -> None:
    assert trespasses(ROOT / "auditor") == []


@pytest.mark.parametrize(
    "statement",
    ["import socket", "from scapy.all import ARP", "def f():\n    import zeep.client", "__import__('nmap')",
     "from xml import etree", "import importlib\nimportlib.import_module('ssl')"],
)  # fmt: skip
def test_an_import_in_the_wrong_place_is_found(tmp_path: Path, statement: str) -> None:
    (tmp_path / "probe").mkdir()
    (tmp_path / "probe" / "bad.py").write_text(statement, encoding="utf-8")
    assert len(trespasses(tmp_path)) >= 1
    assert "probe/bad.py imports" in trespasses(tmp_path)[0]


@pytest.mark.parametrize(
    "library",
    ["socket", "ssl", "http.client", "urllib.request", "requests", "pyroute2", "scapy.all", "nmap", "onvif", "zeep",
     "jinja2", "sqlalchemy", "xml.etree.ElementTree", "random"],
)  # fmt: skip
def test_ruff_reports_a_fenced_library_in_a_stage(library: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--select", "TID251", "--output-format", "concise",
         "--stdin-filename", "auditor/probe/fence.py", "-"],
        input=f"import {library}\n\nprint({library})\n", check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert result.returncode == 1
    assert "TID251" in result.stdout


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)


def test_the_import_contracts_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


AGAINST_THE_GRAIN = [
    ("model/vocab.py", "import auditor.common.clock"),
    ("capture/__init__.py", "import auditor.common.limits"),
    ("observe/__init__.py", "import auditor.identify"),
    ("identify/__init__.py", "import auditor.net"),
    ("report/__init__.py", "import auditor.site"),
    ("probe/__init__.py", "import auditor.pipeline"),
    ("net/__init__.py", "import auditor.discover"),
    ("common/clock.py", "import auditor.site"),
    ("update/__init__.py", "import auditor.identify"),
    ("update/__init__.py", "import auditor.net"),
    ("store/__init__.py", "import auditor.update"),
    ("discover/__init__.py", "import auditor.capture"),
]


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the layout: packages and a few modules, all of them empty, so that nothing is broken in it."""
    folder = tmp_path_factory.mktemp("layout")
    for source in (ROOT / "auditor").rglob("*.py"):
        if source.name in {"__init__.py", "vocab.py", "clock.py", "limits.py"}:
            copy = folder / source.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text("", encoding="utf-8")
    (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    result = lint_imports(folder)
    assert result.returncode == 0, result.stdout
    return folder


@pytest.mark.parametrize(("module", "statement"), AGAINST_THE_GRAIN)
def test_a_broken_contract_is_reported(layout: Path, module: str, statement: str) -> None:
    path = layout / "auditor" / module
    path.write_text(f"{statement}\n", encoding="utf-8")
    try:
        broken = lint_imports(layout)
    finally:
        path.write_text("", encoding="utf-8")
    assert broken.returncode == 1, broken.stdout
    assert "BROKEN" in broken.stdout
