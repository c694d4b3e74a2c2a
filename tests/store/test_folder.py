import json
import os
import stat
import subprocess
import sys

import pytest

from auditor.common.errors import LockHeld, StorageError, UnreadableError, UsageError
from auditor.model import Outcome, Status
from auditor.store import RunFolder

OUTCOME = Outcome("10.0.0.5", "http", raw=b"HTTP/1.1 200 OK\r\n\r\n\xff\x00", port=80, request="GET /")


def test_outcomes_come_back_as_they_went_in_and_are_on_disk_at_once(tmp_path):
    with RunFolder.create(tmp_path / "run") as folder:
        folder.append_outcome(OUTCOME)
        assert list(RunFolder(tmp_path / "run").outcomes()) == [OUTCOME]
        folder.append_outcome(Outcome("10.0.0.6", "rtsp", Status.TIMED_OUT, port=554, detail="no-response"))
    assert [outcome.status for outcome in folder.outcomes()] == [Status.ANSWERED, Status.TIMED_OUT]


def test_folder_and_files_are_private(tmp_path):
    with RunFolder.create(tmp_path / "run") as folder:
        folder.append_outcome(OUTCOME)
        folder.write("audit.json", "{}")
        folder.write_lines("observations.jsonl", [{"device": "x"}])
        folder.log_stream().close()
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    assert {
        path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in (tmp_path / "run").iterdir()
    } == dict.fromkeys([".lock", "outcomes.jsonl", "audit.json", "observations.jsonl", "run.log"], "0o600")


def test_a_second_run_in_the_same_folder_is_told_who_holds_it(tmp_path):
    with RunFolder.create(tmp_path / "run"), pytest.raises(LockHeld, match=rf"since 20.*by process {os.getpid()}"):
        RunFolder.create(tmp_path / "run")


def test_the_lock_of_a_killed_run_is_free(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from auditor.store import RunFolder;"
        "RunFolder.create(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path / "run")], check=False).returncode == -9
    RunFolder.create(tmp_path / "run").close()


def test_a_finished_run_is_never_overwritten(tmp_path):
    RunFolder.create(tmp_path / "run").close()  # refused before its first packet
    with RunFolder.create(tmp_path / "run") as folder:
        folder.append_outcome(OUTCOME)
    with pytest.raises(UsageError, match="already holds a run"):
        RunFolder.create(tmp_path / "run")
    (tmp_path / "run" / "outcomes.jsonl").unlink()
    (tmp_path / "run" / "audit.json").write_text("{}")
    with pytest.raises(UsageError, match="already holds a run"):
        RunFolder.create(tmp_path / "run")


def test_a_damaged_line_is_named(tmp_path):
    with RunFolder.create(tmp_path / "run") as folder:
        folder.append_outcome(OUTCOME)
    with (tmp_path / "run" / "outcomes.jsonl").open("ab") as stream:
        stream.write(b'{"device": "10.0.0')
    with pytest.raises(UnreadableError, match="line 2"):
        list(folder.outcomes())


def test_a_full_disk_is_a_storage_error(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path / "run")

    class Full:
        def write(self, line):
            raise OSError(28, "No space left on device")

        def close(self):
            pass

    folder._outcomes = Full()
    with pytest.raises(StorageError, match="No space left"):
        folder.append_outcome(OUTCOME)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no audit\.json"):
        RunFolder.finished(tmp_path)


def test_text_that_is_no_unicode_is_still_json(tmp_path):
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_lines("observations.jsonl", [{"facts": {"http.title": "\udcff"}}])
    assert json.loads((tmp_path / "run" / "observations.jsonl").read_bytes())["facts"]["http.title"] == "\udcff"
