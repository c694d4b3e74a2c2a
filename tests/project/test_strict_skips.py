"""With CI=true a test that did not run makes the run fail; on a person's machine it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PASSING = "def test_runs():\n    assert True\n"
NOT_RUN = {
    "skipped by a mark": "import pytest\n@pytest.mark.skip(reason='x')\ndef test_not_run():\n    pass\n",
    "skipped inside": "import pytest\ndef test_not_run():\n    pytest.skip('x')\n",
    "a whole file": "import pytest\npytest.skip('x', allow_module_level=True)\n",
    "a library that is missing": "import pytest\npytest.importorskip('no_such_library')\n",
    "expected to fail": "import pytest\n@pytest.mark.xfail\ndef test_not_run():\n    assert False\n",
    "passed though expected to fail": "import pytest\n@pytest.mark.xfail\ndef test_not_run():\n    assert True\n",
}


def run(folder: Path, ci: str, *extra: str, **files: str) -> subprocess.CompletedProcess[str]:
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text, encoding="utf-8")
    environment = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "tests.project.strict_skips", "--rootdir", str(folder)]
    command += ["-c", os.devnull, "-p", "no:cacheprovider", *extra, str(folder)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)


@pytest.mark.parametrize("kind", NOT_RUN)
def test_in_ci_a_test_that_did_not_run_fails_the_run_and_is_named(tmp_path: Path, kind: str) -> None:
    result = run(tmp_path, "true", a=PASSING, b=NOT_RUN[kind])
    assert result.returncode == 1, result.stdout
    assert "counts as a failure" in result.stdout
    assert "test_b.py" in result.stdout.split("counts as a failure")[1]


def test_in_ci_a_deselected_test_fails_the_run(tmp_path: Path) -> None:
    result = run(tmp_path, "true", "-k", "test_runs", a=PASSING, b="def test_other():\n    pass\n")
    assert result.returncode == 1
    assert "test_b.py::test_other" in result.stdout


@pytest.mark.parametrize("ci", ["", "false", "0"])
def test_elsewhere_a_skip_is_only_a_skip(tmp_path: Path, ci: str) -> None:
    result = run(tmp_path, ci, a=PASSING, b=NOT_RUN["skipped by a mark"])
    assert result.returncode == 0, result.stdout
    assert "1 passed, 1 skipped" in result.stdout


def test_in_ci_a_run_without_skips_stays_green(tmp_path: Path) -> None:
    assert run(tmp_path, "true", a=PASSING).returncode == 0


def test_a_failure_keeps_its_own_exit_code(tmp_path: Path) -> None:
    result = run(tmp_path, "true", a="def test_bad():\n    assert False\n", b=NOT_RUN["skipped inside"])
    assert result.returncode == 1
    assert "1 failed, 1 skipped" in result.stdout


def test_every_run_of_this_repository_loads_the_plugin(request: pytest.FixtureRequest) -> None:
    assert request.config.pluginmanager.has_plugin("tests.project.strict_skips")
