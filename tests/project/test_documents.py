"""What the documents promise is what the program has."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from auditor.cli.main import cli
from auditor.common.errors import ExitCode
from auditor.model import GENTLE, STANDARD
from auditor.site import load_site
from auditor.store import folder as run_folder

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def leaves(group: click.Group, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, command in group.commands.items():
        found |= leaves(command, f"{prefix}{name} ") if isinstance(command, click.Group) else {f"{prefix}{name}"}
    return found


def test_the_table_of_commands_is_the_command_line() -> None:
    promised: set[str] = set()
    for usage in re.findall(r"^\| `auditor ([^`]+)`", section("Commands"), re.MULTILINE):
        name, *rest = usage.replace("\\|", "|").split()
        names = (
            [f"{name} {part}" for part in rest[0].split("|")]
            if rest and "|" in rest[0] and name != "schema"
            else [name]
        )
        promised.update(names)
    assert promised == leaves(cli)


def test_options_in_the_table_of_commands_exist() -> None:
    for usage in re.findall(r"^\| `auditor ([^`]+)`", section("Commands"), re.MULTILINE):
        command = cli.commands[usage.split()[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", usage)) <= known, usage


def test_the_table_of_exit_codes_is_the_list_of_exit_codes() -> None:
    rows = re.findall(r"^\| (\d) \| ", section("Exit codes"), re.MULTILINE)
    assert [int(row) for row in rows] == [code.value for code in ExitCode]


def test_the_table_of_files_is_what_a_run_writes() -> None:
    promised = set(re.findall(r"^\| `([a-z.]+)` \|", section("Files of a run"), re.MULTILINE))
    names = (
        run_folder.OUTCOMES, run_folder.OBSERVATIONS, run_folder.AUDIT, run_folder.REPORT, run_folder.PLAN,
        run_folder.STATUS, run_folder.LOG, run_folder.SITE,
    )  # fmt: skip
    assert promised == set(names)


def test_the_smallest_site_file_works(tmp_path: Path) -> None:
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert text is not None
    path = tmp_path / "site.yaml"
    path.write_text(text.group(1), encoding="utf-8")
    path.chmod(0o600)
    assert load_site(path).scope.size == 512


def test_the_safety_numbers_are_those_in_force() -> None:
    page = (ROOT / "docs" / "scanning-safely.md").read_text(encoding="utf-8")
    rows = {
        name.strip(): re.findall(r"\d[\d,]*", values)
        for name, values in re.findall(r"^\| ([A-Za-z][^|]+) \| (.+) \|$", page.split("## How fast")[1], re.MULTILINE)
    }
    for row, field in {
        "all packets of the audit": "packets",
        "ARP requests": "arp",
        "new connections to one device": "new_connections",
        "open connections to one device": "open_connections",
        "connections to one device in the whole audit": "connections",
    }.items():
        assert rows[row] == [f"{getattr(pace, field):g}" for pace in (GENTLE, STANDARD)], row


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_make_targets_that_are_named_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^    |\| )(?:[A-Z_]+=\S+ )*make ([a-z-]+)", text, re.MULTILINE)
    assert set(named) <= targets


def test_decisions_are_numbered_and_have_the_four_parts() -> None:
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    for number, page in enumerate(pages, 1):
        text = page.read_text(encoding="utf-8")
        assert page.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^(?:## )?(Status|Context|Decision|Consequences)", text, re.MULTILINE) == [
            "Status", "Context", "Decision", "Consequences",
        ]  # fmt: skip


def test_pre_commit_hooks_are_local_and_run_what_exists() -> None:
    config = YAML(typ="safe").load(ROOT / ".pre-commit-config.yaml")
    for repository in config["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            assert hook["language"] == "system"
            assert hook["entry"].startswith(".venv/bin/")


def test_shell_scripts_are_well_formed_and_executable() -> None:
    scripts = [*(ROOT / "deploy").glob("*.sh"), ROOT / ".ci" / "run"]
    for script in scripts:
        shell = "bash" if script.name == "run" else "sh"
        subprocess.run([shell, "-n", str(script)], check=True)
        assert script.stat().st_mode & 0o111, f"{script} is not executable"
