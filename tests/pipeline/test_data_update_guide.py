"""The commands of docs/data-updates.md, taken from its text, run in their order and do what it says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
import shutil
import tarfile
from pathlib import Path

from click.testing import CliRunner

from auditor.cli.main import cli
from auditor.common.data import packaged_path
from auditor.common.installed import VARIABLE
from auditor.pipeline import data_update
from auditor.update import PublicKey, SecretKey, Signature, read_state

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "data-updates.md"


def steps():
    """Yield the guide's commands and lists of keys as they stand, without the container's, which is two lines."""
    block = []
    for line in GUIDE.read_text("utf-8").splitlines():
        if line.startswith("```json"):
            block = [""]
        elif line == "```":
            yield "list", "\n".join(block)
            block = []
        elif block:
            block.append(line)
        elif re.match(r"    (?:minisign|auditor|tar) ", line):
            yield "command", shlex.split(line, comments=True)


def minisign(words):
    """Do what the tool does with an unencrypted key; the formats are held against the real one elsewhere."""
    given = (
        dict(zip(words[1::2], words[2::2], strict=False))
        if words[0] == "-G"
        else dict(zip(words[::2], words[1::2], strict=True))
    )
    if words[0] == "-G":
        seed = hashlib.sha256(given["-s"].encode()).digest()
        secret = SecretKey(seed[:8], seed)
        SECRETS[given["-s"]] = secret
        Path(given["-p"]).write_text(f"untrusted comment: test\n{secret.public.text}\n")
        blob = b"Ed\0\0B2" + bytes(48) + seed[:8] + seed + secret.public.raw + bytes(32)
        Path(given["-s"]).write_bytes(b"untrusted comment: test\n" + base64.b64encode(blob) + b"\n")
    elif "-Sm" in given:
        secret = SECRETS[given["-s"]]
        signature = secret.sign(Path(given["-Sm"]).read_bytes(), given.get("-t", "a list"))
        Path(given["-Sm"] + ".minisig").write_bytes(signature.file)
    else:
        signature = Signature.from_file(Path(given["-Vm"] + ".minisig").read_bytes())
        signature.check(PublicKey.from_file(Path(given["-p"]).read_bytes()), Path(given["-Vm"]).read_bytes())


SECRETS = {}


def test_the_guide_works_as_it_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(data_update, "_selftest", lambda _folder: [])  # of the shipped data; it has tests of its own
    for kind in ("fingerprints", "policies"):
        shutil.copytree(packaged_path(kind), tmp_path / "data" / kind)
    manifest = tmp_path / "data" / "fingerprints" / "manifest.yaml"
    text = re.sub(r"(?m)^version: .*", "version: '2027.01.10'", manifest.read_text())
    manifest.write_text(re.sub(r"(?m)^dated: .*", "dated: '2027-01-10'", text))
    done = []
    for sort, step in steps():
        if sort == "list":
            filled = re.sub(
                r"RW\.\.\. \(the line of (\S+)\)", lambda found: Path(found[1]).read_text().splitlines()[1], step
            )
            Path(f"keys-{json.loads(filled)['sequence']}.json").write_text(filled)
        elif step[0] == "minisign":
            minisign(step[1:])
        elif step[0] == "tar":
            with tarfile.open(step[2]) as archive:
                archive.extractall(filter="data")
        else:
            ended = CliRunner().invoke(cli, step[1:])
            assert ended.exit_code == 0, (step, ended.output)
            done.append(" ".join(step[2:4]))
    assert done == [
        "pack data", "pack data", "pack data", "verify update-12.cadata", "install update-12.cadata", "pack data",
        "verify update-13.cadata", "install update-13.cadata",
    ]  # fmt: skip
    assert Path("signed-12.cadata").read_bytes() == Path("update-12.cadata").read_bytes()
    state = read_state(tmp_path / "home")
    assert (state.pack.sequence, state.trust.sequence) == (13, 2)
    assert {key.key: key.signs for key in state.trust.keys} == {
        SECRETS["hq-lists.key"].public.text: ("keys",), SECRETS["hq-data-2028.key"].public.text: ("data",),
    }  # fmt: skip
    assert state.trust.revoked == (SECRETS["hq-data.key"].public.text,)
