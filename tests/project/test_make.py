"""The Makefile and the scripts it calls, without the network: what they refuse, what they pass on, what they skip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAKE = """#!/bin/sh
echo "$@" >> "$0.calls"
case "$*" in *"auditor demo"*) exit ${DEMO_EXIT:-0} ;; esac
"""


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=cwd, env={**clean, **environment}, timeout=120
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what make reads, with an environment whose Python only writes down what it was asked."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("deploy", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(FAKE, encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    return tmp_path


def calls(checkout: Path) -> list[str]:
    path = checkout / ".venv" / "bin" / "python.calls"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pytest.mark.parametrize(("code", "succeeds"), [("0", True), ("1", True), ("2", False), ("3", False), ("6", False)])
def test_make_demo_counts_flagged_devices_as_success_and_nothing_else(
    checkout: Path, code: str, succeeds: bool
) -> None:
    result = run("make", "demo", cwd=checkout, DEMO_EXIT=code)
    assert (result.returncode == 0) is succeeds, result.stderr
    assert calls(checkout)[-1].startswith("-m auditor demo --out demo-audit-")


def test_make_installs_by_hash_once_and_again_when_a_lock_or_the_project_changed(checkout: Path) -> None:
    assert run("make", "install", cwd=checkout).returncode == 0
    first = calls(checkout)
    assert any("install" in call and "--require-hashes" in call and "requirements/run.txt" in call for call in first)
    installs = [call for call in first if " install " in call]
    assert all("--require-hashes" in call or "--no-deps" in call for call in installs)
    assert all("--no-build-isolation" in call for call in installs if "build.txt" not in call)
    assert run("make", "install", cwd=checkout).returncode == 0
    assert calls(checkout) == first
    for number, name in enumerate(("requirements/run.txt", "requirements/build.txt", "pyproject.toml"), 1):
        later = time.time() + number
        os.utime(checkout / name, (later, later))
        before = len(calls(checkout))
        assert run("make", "install", cwd=checkout).returncode == 0
        assert len(calls(checkout)) > before, name
        os.utime(checkout / ".venv" / ".installed-run", (later, later))


def test_make_stops_when_an_installation_fails_and_tries_again_next_time(checkout: Path) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(FAKE.replace("case", 'case "$*" in *run.txt*) exit 1 ;; esac\ncase'), encoding="utf-8")
    assert run("make", "install", cwd=checkout).returncode != 0
    assert not (checkout / ".venv" / ".installed-run").exists()
    assert run("make", "install", cwd=checkout).returncode != 0


def bootstrap(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run("sh", str(ROOT / "deploy" / "bootstrap.sh"), *arguments, **environment)


def test_bootstrap_never_clears_a_folder_that_is_no_environment(tmp_path: Path) -> None:
    precious = tmp_path / "venv" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years of work", encoding="utf-8")
    result = bootstrap(str(precious.parent))
    assert result.returncode == 1
    assert "is not a virtual environment" in result.stderr
    assert precious.read_text(encoding="utf-8") == "years of work"


def test_bootstrap_says_which_pythons_will_do(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    result = bootstrap(str(tmp_path / "venv"), str(old))
    assert result.returncode == 1
    assert "3.11, 3.12 or 3.13" in result.stderr
    assert not (tmp_path / "venv").exists()


def stub(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_bootstrap_without_ensurepip_and_without_packages_ends_in_a_clear_sentence(tmp_path: Path) -> None:
    """A Python whose ensurepip and pip are missing, and an apt-get that reaches nothing."""
    tools = tmp_path / "bin"
    tools.mkdir()
    stub(tools, "apt-get", "exit 100")
    blocker = tmp_path / "blocked"
    blocker.mkdir()
    for module in ("ensurepip", "pip"):
        (blocker / f"{module}.py").write_text("raise ImportError('not installed here')\n", encoding="utf-8")
    stub(tools, "find", "exit 0")
    base = getattr(sys, "_base_executable", sys.executable)
    path = f"{tools}:{os.environ['PATH']}"
    result = bootstrap(str(tmp_path / "venv"), base, PATH=path, PYTHONPATH=str(blocker))
    assert result.returncode == 1
    assert "apt-get install python3-venv" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "venv").exists()


def test_bootstrap_falls_back_to_the_pip_wheel_of_debian(tmp_path: Path) -> None:
    """apt-get hands over a package (here: a stub that unpacks to a wheel that only notes its call)."""
    tools = tmp_path / "bin"
    tools.mkdir()
    noted = tmp_path / "noted"
    stub(tools, "apt-get", 'case "$*" in *download*) touch python3-pip-whl_1_all.deb ;; *) exit 100 ;; esac')
    stub(
        tools, "dpkg-deb",
        "mkdir -p usr/share/python-wheels/pip-1-py3-none-any.whl/pip\n"
        f"echo 'import sys; open(\"{noted}\", \"w\").write(\" \".join(sys.argv[1:]))' "
        "> usr/share/python-wheels/pip-1-py3-none-any.whl/pip/__main__.py",
    )  # fmt: skip
    real_find = shutil.which("find")
    stub(tools, "find", f'case "$1" in /usr/*) exit 0 ;; esac\nexec {real_find} "$@"')
    blocker = tmp_path / "blocked"
    blocker.mkdir()
    for module in ("ensurepip", "pip"):
        (blocker / f"{module}.py").write_text("raise ImportError('not installed here')\n", encoding="utf-8")
    base = getattr(sys, "_base_executable", sys.executable)
    path = f"{tools}:{os.environ['PATH']}"
    result = bootstrap(str(tmp_path / "venv"), base, PATH=path, PYTHONPATH=str(blocker))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "venv" / "bin" / "python").exists()
    asked = noted.read_text(encoding="utf-8")
    assert "install" in asked
    assert "--require-hashes" in asked
    assert asked.endswith("requirements/build.txt")


def packages(tmp_path: Path, *, user: str, installed: bool = False) -> tuple[subprocess.CompletedProcess[str], str]:
    noted = tmp_path / "apt-calls"
    stub(tmp_path, "dpkg-query", "echo 'install ok installed'" if installed else "exit 1")
    stub(tmp_path, "apt-get", f'echo "$@" >> {noted}')
    stub(tmp_path, "id", f"echo {user}")
    result = run("sh", str(ROOT / "deploy" / "test-packages.sh"), PATH=f"{tmp_path}:{os.environ['PATH']}")
    return result, noted.read_text(encoding="utf-8") if noted.exists() else ""


def test_missing_debian_packages_are_installed_by_root(tmp_path: Path) -> None:
    result, asked = packages(tmp_path, user="0")
    assert result.returncode == 0
    update, install = asked.splitlines()
    assert update == "update"
    assert {"nmap", "nftables", "iproute2", "tcpdump", "chromium"} <= set(install.split())


def test_missing_debian_packages_are_named_to_another_user(tmp_path: Path) -> None:
    result, asked = packages(tmp_path, user="1000")
    assert (result.returncode, asked) == (0, "")
    assert "nftables" in result.stderr


def test_nothing_is_asked_of_apt_when_everything_is_there(tmp_path: Path) -> None:
    result, asked = packages(tmp_path, user="0", installed=True)
    assert (result.returncode, asked, result.stderr) == (0, "", "")


def test_the_image_script_passes_only_files_that_can_be_read(tmp_path: Path) -> None:
    builder = stub(tmp_path, "buildah", f'printf "%s\\n" "$@" > {tmp_path}/noted')
    secret = tmp_path / "pip.conf"
    result = run(
        "sh", str(ROOT / "deploy" / "build-image.sh"), BUILDER=str(builder), PIP_CONF=str(secret), BASE="local/base"
    )
    assert result.returncode == 1
    assert not (tmp_path / "noted").exists()
    secret.write_text("[global]\n", encoding="utf-8")
    result = run(
        "sh", str(ROOT / "deploy" / "build-image.sh"), BUILDER=str(builder), PIP_CONF=str(secret), BASE="local/base"
    )
    assert result.returncode == 0, result.stderr
    asked = (tmp_path / "noted").read_text(encoding="utf-8").splitlines()
    assert f"id=pip,src={secret}" in asked
    assert "BASE=local/base" in asked
    assert asked[0] == "build"


def test_the_image_runs_as_a_numeric_user_without_a_shell() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("FROM ${BASE}")[-1]
    assert "USER 65532:65532" in lines
    assert 'ENTRYPOINT ["/opt/auditor/bin/auditor"]' in lines
    installs = [
        line for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines() if "pip install" in line
    ]
    assert all("--require-hashes" in line for line in installs)
