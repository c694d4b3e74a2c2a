"""The command line as its users type it; nothing here touches a network but the demonstration, on loopback."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from auditor import report
from auditor.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
AUDITOR = [sys.executable, "-m", "auditor"]
LINES = (
    b'{"device": "10.0.0.5", "probe": "http", "port": 80, "request": "GET /", "raw": "HTTP/1.1 200 OK\\r\\nServer: App-webs/\\r\\n\\r\\n"}\n'
    b'{"device": "10.0.0.5", "probe": "mac", "facts": {"mac": "44:19:b6:00:00:05"}}\n'
    b'{"device": "10.0.0.6", "probe": "http", "raw": "HTTP/1.1 200 OK\\r\\nServer: nginx\\r\\n\\r\\n"}\n'
)


def run(*words, **options):
    return subprocess.run(
        [*AUDITOR, *map(str, words)],
        cwd=options.pop("cwd", ROOT),
        capture_output=True,
        check=False,
        timeout=120,
        **options,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run folder made by `auditor demo`."""
    folder = tmp_path_factory.mktemp("demo")
    done = run("demo", "--quiet", "--out", folder / "run")
    assert done.returncode in (0, 1), done.stderr
    assert done.stderr == b"", "quiet prints nothing but the result"
    return folder / "run", done


def commands(group, path=()):
    for name, command in group.commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


@pytest.mark.parametrize(
    "path", [path for path, command in commands(cli) if not hasattr(command, "commands")], ids=" ".join
)
def test_the_help_of_every_command_shows_an_example(path):
    result = CliRunner().invoke(cli, [*path, "--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output
    assert f"auditor {' '.join(path)}" in result.output.split("Example:")[1]


def test_an_unknown_command_is_a_usage_error():
    assert run("frobnicate").returncode == 2


def test_init_writes_a_file_that_needs_only_the_authorisation(tmp_path):
    done = run("init", "--subnet", "10.88.0.0/24", "--out", tmp_path / "site.yaml")
    assert done.returncode == 0, done.stderr
    refused = run("scan", tmp_path / "site.yaml", "--dry-run")
    assert refused.returncode == 2
    assert b"authorisation" in refused.stderr
    again = run("init", "--out", tmp_path / "site.yaml")
    assert again.returncode == 2
    assert b"exists already" in again.stderr


def test_a_wrong_site_file_names_line_key_and_fix(tmp_path):
    (tmp_path / "site.yaml").write_text("site: {name: A, sensitivity: sensitive}\nzone: []\n")
    done = run("doctor", tmp_path / "site.yaml")
    assert done.returncode == 2
    text = done.stderr.decode()
    assert "site.yaml" in text
    assert "zones" in text
    assert "Traceback" not in text


def test_identify_prints_one_line_a_device_in_the_order_of_the_input(tmp_path):
    (tmp_path / "o.jsonl").write_bytes(LINES)
    done = run("identify", tmp_path / "o.jsonl")
    assert done.returncode == 0, done.stderr
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert (first["device"], first["maker"], first["verdict"], first["confidence"]) == (
        "10.0.0.5",
        "Hikvision",
        "confirmed",
        0.997,
    )
    assert (second["device"], second["maker"]) == ("10.0.0.6", None)


def test_identify_reads_standard_input_and_reports_bad_lines_with_their_number():
    done = run(
        "identify",
        "-",
        input=LINES
        + b"{broken\n"
        + LINES[:100]
        + b"\n\xff\xfe\n"
        + b'{"device": "10.0.0.7", "probe": "mac", "facts": {"mac": "44:19:b6:00:00:07"}}\n',
    )
    assert done.returncode == 3
    assert [json.loads(line)["device"] for line in done.stdout.splitlines()] == ["10.0.0.5", "10.0.0.6", "10.0.0.7"]
    assert re.findall(rb"line (\d+):", done.stderr) == [b"4", b"5", b"6"]


def test_a_key_that_comes_back_is_an_error_unless_unsorted(tmp_path):
    (tmp_path / "o.jsonl").write_bytes(LINES + LINES[:1] * 0 + LINES.splitlines(keepends=True)[0])
    assert run("identify", tmp_path / "o.jsonl").returncode == 3
    assert run("identify", "--unsorted", tmp_path / "o.jsonl").returncode == 0


@pytest.mark.parametrize("name", ["audit", "observation", "site", "policy", "fingerprint"])
def test_every_published_schema_is_a_schema(name):
    result = CliRunner().invoke(cli, ["schema", name])
    assert result.exit_code == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(result.output))


def test_the_data_passes_its_own_checks():
    for what in ("fingerprints", "policies"):
        done = run(what, "check")
        assert done.returncode == 0, done.stderr


def test_a_broken_rule_fails_the_check(tmp_path):
    (tmp_path / "x.yaml").write_text("maker: X\nrules: [{id: 5}]\n")
    done = run("fingerprints", "check", "--rules", tmp_path)
    assert done.returncode == 2
    assert b"x.yaml" in done.stderr


def test_list_and_show():
    rules = run("fingerprints", "list").stdout.decode().splitlines()
    assert len(rules) > 100
    wanted = next(line.split()[0] for line in rules if "app-webs" in line)
    assert "counter_examples" in run("fingerprints", "show", wanted).stdout.decode()
    assert run("fingerprints", "show", "no.such.rule").returncode == 2
    assert {line.split()[0] for line in run("policies", "list").stdout.decode().splitlines()} >= {"uk-2022", "us-889"}
    assert "rules" in run("policies", "show", "uk-2022").stdout.decode()
    assert run("policies", "show", "none-such").returncode == 2


def test_the_demo_audits_a_whole_site_and_prints_where_the_report_is(finished):
    folder, done = finished
    assert done.returncode == 1
    out = done.stdout.decode()
    assert "EMULATED" in out
    assert f"Report: {folder / 'report.html'}" in out
    audit = json.loads((folder / "audit.json").read_bytes())
    jsonschema.Draft202012Validator(report.audit_schema()).validate(audit)
    assert audit["run"]["emulated"] is True
    assert audit["run"]["complete"] is True
    assert "EMULATED" in (folder / "report.html").read_text("utf-8")
    assert {item["maker"] for item in audit["devices"] if item["flagged"]} == {"Hikvision", "Dahua"}


def test_a_run_is_reported_explained_and_planned_again(finished):
    folder, _done = finished
    before = {name: (folder / name).read_bytes() for name in ("report.html", "plan.csv", "audit.json")}
    done = run("report", folder)
    assert done.returncode == 0, done.stderr
    assert {name: (folder / name).read_bytes() for name in before} == before
    device = next(item for item in json.loads(before["audit.json"])["devices"] if item["flagged"])
    for wanted in (device["id"], device["addresses"][0]):
        explained = run("explain", folder, wanted).stdout.decode()
        assert device["maker"] in explained
        assert "overturn" in explained
        assert device["evidence"][0]["fingerprint"] in explained
    planned = run("plan", folder).stdout.decode()
    assert "EMULATED" in planned
    assert "WO-0001" in planned
    assert run("explain", folder, "10.9.9.9").returncode == 2
    assert run("report", folder, "--format", "papyrus").returncode == 2


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    for words in (("report", tmp_path), ("explain", tmp_path, "x"), ("plan", tmp_path)):
        done = run(*words)
        assert done.returncode == 2
        assert b"audit.json" in done.stderr


def test_damaged_or_newer_runs_are_refused_in_one_sentence(finished, tmp_path):
    folder, _done = finished
    document = json.loads((folder / "audit.json").read_bytes())
    (tmp_path / "audit.json").write_text("{")
    assert b"damaged" in run("report", tmp_path).stderr
    (tmp_path / "audit.json").write_text(json.dumps(document | {"schema_version": 999}))
    newer = run("report", tmp_path)
    assert newer.returncode == 2
    assert b"Traceback" not in newer.stderr


def test_a_terminal_sees_a_live_display(tmp_path):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*AUDITOR, "demo", "--out", str(tmp_path / "live")],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(slave)
    seen = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the other side closed
            break
        if not part:
            break
        seen += part
    os.close(master)
    assert process.wait(60) == 1
    text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", seen).decode("utf-8", "replace")
    for word in ("Stage", "Subnets", "Devices found", "Flagged", "Packets/s", "Time left"):
        assert word in text, word


GOOD_LINE = b'{"device": "%d", "probe": "mac", "facts": {"mac": "44:19:b6:00:00:05"}}\n'


@pytest.mark.parametrize("bad", [
    b"{broken\n", b'{"device": "x", "probe": "http", "raw": "' + b"x" * (2 * 1024 * 1024) + b'"}\n', b'{"device": "\xff"}\n', b'{"device": "x", "probe": "x", "z": ' + b"[" * 100_000 + b"\n",
    b'{"device": "x", "device": "y", "probe": "x", "raw": ""}\n', b'{"device": "x", "device" : "y", "probe": "x", "raw": ""}\n', b'{"device": "x", "probe": "x", "facts": {"mac": "a", "mac": "b"}}\n',
    b'{"device": "x", "probe": "mac", "facts": {"mac": NaN}}\n', b'{"device": "x", "probe": "mac", "facts": 5}\n', b'{"device": "x", "probe": "mac", "facts": {"mac": 5}}\n', b'{"device": "x", "probe": "mac", "facts": {"mac": [5]}}\n',
    b'{"device": "x", "probe": "mac", "port": "80", "raw": ""}\n', b'{"device": "x", "probe": "mac", "port": 99999, "raw": ""}\n', b'{"device": "x", "probe": "mac", "port": true, "raw": ""}\n',
    b'{"device": "", "probe": "mac", "raw": ""}\n', b'{"device": 5, "probe": "mac", "raw": ""}\n', b'{"device": "' + b"x" * 10_000_000 + b'", "probe": "mac", "raw": ""}\n',
    b'{"device": "x", "probe": "http", "raw_base64": "a"}\n', b'{"device": "x", "probe": "http", "raw_base64": "\xc3\xa9"}\n', b'{"device": "x", "probe": "http", "raw_base64": 5}\n', b'{"device": "x", "probe": "http", "status": [], "raw": ""}\n',
    b'{"device": "x", "probe": "http", "status": "gone", "raw": ""}\n', b'{"device": "x", "probe": "http", "request": 5, "raw": ""}\n', b"null\n", b'"x"\n', b"\0\n", b"\x1f\x8b\x08\x00\x00\n", b'{"device": "x", "probe": "mac"} {}\n',
    b'{"device": "\\ud800", "probe": "mac", "raw": ""}\n', b'{"device": "x\\u0000", "probe": "mac", "raw": ""}\n', b'{"device": "x\\u0085y", "probe": "mac", "raw": ""}\n', b'{"device": "x\\ny", "probe": "mac", "raw": ""}\n',
    b'{"device": "x", "probe": "mac", "facts": {"sadp.DeviceDescription": "x", "dhip.method": "client.notifyDevInfo"}}\n',
])  # fmt: skip
@pytest.mark.parametrize("options", [[], ["--unsorted"]])
def test_identify_reports_a_bad_line_with_its_number_and_goes_on(tmp_path, bad, options):
    (tmp_path / "o.jsonl").write_bytes(GOOD_LINE % 1 + bad + GOOD_LINE % 2)
    result = CliRunner().invoke(cli, ["identify", *options, str(tmp_path / "o.jsonl")])
    assert result.exit_code == 3, result.output
    assert [json.loads(line)["device"] for line in result.stdout.splitlines()] == ["1", "2"]
    assert re.findall(r", line (\d+): .{3}", result.stderr) == ["2"]
    assert len(result.stderr) < 1000


@pytest.mark.parametrize("data", [
    b"", b"\n \r\n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf" + GOOD_LINE % 1, (GOOD_LINE % 1).replace(b"\n", b"\r\n"), (GOOD_LINE % 1).rstrip(), b'{"device": "1", "probe": "mac", "raw": "\\ud800\\u0000"}\n',
    b'{"device": "1", "probe": "http", "facts": {"http.server": "\\udfff App-webs/"}}\n', b'{"device" : "1" , "probe" :"mac", "facts": {"a\\":b": "c\\":d"}}\n', b'{"device": "1", "probe": "no-such-probe", "raw": "x"}\n',
])  # fmt: skip
@pytest.mark.parametrize("options", [[], ["--unsorted"]])
def test_identify_takes_what_is_unusual_and_not_wrong(data, options):
    result = CliRunner().invoke(cli, ["identify", *options, "-"], input=data)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert len(result.stdout_bytes.splitlines()) == (1 if b"{" in data else 0)


@pytest.mark.parametrize("value", [
    {}, [], [[], [{}]], "x,\ny\r\n", ",\\n", "\u00e9\u2028\x85\x7f\x01", "\U0001f600", "\ud800 half", 0.0, 0.997, 1.0, 12.0, 2.1, None, True, 65535,
])  # fmt: skip
def test_a_line_of_identify_is_what_json_dumps_gives(value):
    from auditor.cli.main import _json_line

    document = {"device": "a", "\u00e9": value, "list": [value, {"b": value}]}
    text = json.dumps(document, ensure_ascii=False).replace("\ud800", "\ufffd")
    assert _json_line(document) == text.encode() + b"\n"


def test_identify_without_a_reader_room_or_temporary_folder(tmp_path):
    (tmp_path / "o.jsonl").write_bytes(b"".join(GOOD_LINE % number for number in range(2000)))
    program = f"{sys.executable} -m auditor identify {tmp_path / 'o.jsonl'}"
    closed = subprocess.run(
        ["bash", "-c", f"{program} | head -1; exit ${{PIPESTATUS[0]}}"], capture_output=True, check=False
    )
    assert (closed.returncode, closed.stderr, len(closed.stdout.splitlines())) == (0, b"", 1)
    full = subprocess.run(["bash", "-c", f"{program} > /dev/full"], capture_output=True, check=False)
    assert full.returncode == 6
    assert b"No space left" in full.stderr
    assert b"Traceback" not in full.stderr
