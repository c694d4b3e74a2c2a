"""No file names somebody's machine, a registry's host, or work to be finished later."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests" / "project" / "house_words.py"


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(PROGRAM), str(folder)], check=False, capture_output=True, text=True)


def test_this_repository_holds_none_of_them() -> None:
    result = run(ROOT)
    assert result.returncode == 0, result.stdout
    assert "files hold none of them" in result.stdout


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("see /wo" + "rk/main/x.py", "a path of one machine"),
        ("HOME=/ro" + "ot/.cache", "a path of one machine"),
        ("/ho" + "me/somebody/x", "a path of one machine"),
        ("https://files.pythonho" + "sted.org/x", "the host of a package registry"),
        ("--index-url https://py" + "pi.org/simple", "the host of a package registry"),
        ("FROM dock" + "er.io/library/debian", "the host of a package registry"),
        ("# TO" + "DO later", "unfinished work"),
    ],
)
def test_each_kind_is_found_with_its_place(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "clean.md").write_text("nothing here\n", encoding="utf-8")
    (tmp_path / "notes.md").write_text(f"first line\n{text}\n", encoding="utf-8")
    result = run(tmp_path)
    assert result.returncode == 1
    assert result.stdout.startswith(f"notes.md:2: {reason}: ")
    assert "clean.md" not in result.stdout


def test_words_that_only_look_alike_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ok.md").write_text("a/work/order, /workorder, Todoist, method, rooted\n", encoding="utf-8")
    assert run(tmp_path).returncode == 0
