"""Each part that the product is built on is really used: without it, a named test of behaviour fails.

The test runs twice in a child process, in an environment made for it: once as it is, where it has to pass, and once
with the part's import refused in every process of that environment (isolated ones too), where it has to fail.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Package -> (module that is refused, the test of behaviour that cannot pass without it).
PARTS = {
    "scapy": (
        "scapy",
        "tests/capture/test_main.py::test_a_request_is_one_plain_broadcast_frame_of_the_interface_itself",
    ),
    "onvif-zeep": ("onvif", "tests/net/test_soap.py::test_every_operation_makes_an_envelope_on_one_line"),
    "python-nmap": ("nmap", "tests/discover/test_sweep.py::test_drops_rejects_and_prohibitions_are_kept_apart"),
    "netaddr": ("netaddr", "tests/site/test_scope.py::test_nested_prefixes_go_to_the_longest"),
    "jinja2": ("jinja2", "tests/report/test_page.py::test_flagged_devices_have_work_orders_evidence_rules_and_sources"),
}
NEED_ROOT = {"scapy", "python-nmap"}  # these tests build network namespaces

BLOCKER = '''\
"""Refuses one import, for a test that wants to see what breaks."""
import os, sys

class _Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in os.environ.get("REFUSED_IMPORT", "").split(","):
            raise ModuleNotFoundError(f"{name} is refused by this environment", name=name)
        return None

sys.meta_path.insert(0, _Refuse())
'''


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that sees our packages and starts with the blocker."""
    folder = tmp_path_factory.mktemp("parts") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    # Not sitecustomize: Debian's Python has one of its own, which comes first.
    (packages / "refuse_import.py").write_text(BLOCKER, encoding="utf-8")
    (packages / "aa_refuse_import.pth").write_text("import refuse_import\n", encoding="utf-8")
    ours = sysconfig.get_path("purelib")
    (packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n", encoding="utf-8")
    return folder / "bin" / "python"


def run(python: Path, node: str, refused: str, scratch: Path) -> subprocess.CompletedProcess[str]:
    # CI is taken out: an only half-run file shall not fail for being skipped, but for what it says.
    environment = {key: value for key, value in os.environ.items() if key not in {"CI", "PYTEST_ADDOPTS"}}
    command = [str(python), "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--basetemp", str(scratch), node]
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT,
        env={**environment, "REFUSED_IMPORT": refused, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


@pytest.mark.parametrize("package", PARTS)
def test_without_the_part_its_test_of_behaviour_fails(python: Path, tmp_path: Path, package: str) -> None:
    if package in NEED_ROOT and os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    module, node = PARTS[package]
    with_it = run(python, node, "", tmp_path / "with")
    assert with_it.returncode == 0, with_it.stdout[-3000:]
    assert " passed" in with_it.stdout
    assert "skipped" not in with_it.stdout
    without = run(python, node, module, tmp_path / "without")
    assert without.returncode in {
        pytest.ExitCode.TESTS_FAILED,
        pytest.ExitCode.INTERRUPTED,
        pytest.ExitCode.USAGE_ERROR,
    }
    if without.returncode != pytest.ExitCode.TESTS_FAILED:  # the file could not even be collected: by this import only
        assert f"{module} is refused" in without.stdout.replace("{name}", module) + without.stderr


def test_without_the_parts_other_tests_still_pass(python: Path, tmp_path: Path) -> None:
    """A red test above is the behaviour's doing, not that of something which every test loads."""
    refused = ",".join(module for module, _ in PARTS.values())
    other = run(python, "tests/common/test_display.py", refused, tmp_path / "other")
    assert other.returncode == 0, other.stdout[-3000:]


def test_the_blocker_reaches_isolated_children(python: Path) -> None:
    child = [str(python), "-I", "-c", "import netaddr"]
    assert subprocess.run(child, check=False).returncode == 0
    refused = subprocess.run(
        child, check=False, capture_output=True, text=True, env={**os.environ, "REFUSED_IMPORT": "netaddr"}
    )
    assert refused.returncode == 1
    assert "netaddr is refused" in refused.stderr
