"""Tests mirror sources: every module has a test file in the same place, or a named one that covers it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Module -> the test file that covers it, where that is not tests/<folder>/test_<module>.py: small modules that are
# one thing only together with their neighbours, and are tested as that thing.
COVERED_BY = {
    "assess/entities.py": "tests/assess/test_packs.py",
    "assess/selftest.py": "tests/policies/test_shipped.py",
    "assess/wording.py": "tests/assess/test_judge.py",
    "assess/yamlfile.py": "tests/assess/test_packs.py",
    "cli/main.py": "tests/cli/test_commands.py",
    "cli/progress.py": "tests/cli/test_commands.py",
    "discover/__init__.py": "tests/discover/test_site.py",
    "discover/announce.py": "tests/discover/test_site.py",
    "discover/base.py": "tests/discover/test_site.py",
    "identify/examples.py": "tests/identify/test_selftest.py",
    "identify/schema.py": "tests/identify/test_match.py",
    "model/audit.py": "tests/report/test_writing.py",
    "model/identity.py": "tests/identify/test_identity.py",
    "model/vocab.py": "tests/model/test_network.py",
    "observe/dhip.py": "tests/observe/test_discovery.py",
    "observe/fields.py": "tests/observe/test_discovery.py",
    "observe/isapi.py": "tests/observe/test_text_protocols.py",
    "observe/mac.py": "tests/observe/test_text_protocols.py",
    "observe/magicbox.py": "tests/observe/test_text_protocols.py",
    "observe/message.py": "tests/observe/test_http.py",
    "observe/plain.py": "tests/observe/test_text_protocols.py",
    "observe/registry.py": "tests/observe/test_observe.py",
    "observe/sadp.py": "tests/observe/test_discovery.py",
    "observe/snmp.py": "tests/observe/test_text_protocols.py",
    "observe/ssdp.py": "tests/observe/test_discovery.py",
    "observe/text.py": "tests/observe/test_text_protocols.py",
    "observe/wsd.py": "tests/observe/test_onvif.py",
    "observe/xmlread.py": "tests/observe/test_onvif.py",
    "pipeline/__init__.py": "tests/pipeline/test_office_audit.py",
    "pipeline/demo.py": "tests/cli/test_commands.py",
    "pipeline/preflight.py": "tests/pipeline/test_how_scans_end.py",
    "pipeline/show.py": "tests/cli/test_commands.py",
    "pipeline/conclude.py": "tests/pipeline/test_office_audit.py",
    "pipeline/gather.py": "tests/pipeline/test_office_audit.py",
    "pipeline/run.py": "tests/pipeline/test_office_audit.py",
    "pipeline/watch.py": "tests/pipeline/test_office_audit.py",
    "plan/orders.py": "tests/plan/test_plan.py",
    "plan/waves.py": "tests/plan/test_plan.py",
    "plan/wording.py": "tests/plan/test_plan.py",
    "probe/base.py": "tests/probe/test_registry.py",
    "probe/http.py": "tests/probe/test_device.py",
    "probe/https.py": "tests/probe/test_device.py",
    "probe/listen.py": "tests/probe/test_device.py",
    "probe/mac.py": "tests/probe/test_device.py",
    "probe/onvif.py": "tests/probe/test_device.py",
    "probe/rtsp.py": "tests/probe/test_device.py",
    "probe/visit.py": "tests/probe/test_device.py",
    "report/figures.py": "tests/report/test_sentence.py",
    "report/language.py": "tests/report/test_page.py",
    "report/numbers.py": "tests/report/test_page.py",
    "report/reading.py": "tests/report/test_writing.py",
    "report/schema.py": "tests/report/test_writing.py",
    "report/summary.py": "tests/report/test_sentence.py",
    "report/views.py": "tests/report/test_page.py",
    "report/words.py": "tests/report/test_page.py",
    "site/addresses.py": "tests/site/test_scope.py",
}


def modules() -> list[str]:
    """Return the modules that define a function or a class, as paths below auditor/; tables of constants do not count."""
    found = []
    for path in sorted((ROOT / "auditor").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if re.search(r"^(async )?def |^class ", text, re.MULTILINE):
            found.append(path.relative_to(ROOT / "auditor").as_posix())
    return found


def mirrored(module: str) -> Path:
    """Return where the tests of a module belong."""
    path = Path(module)
    name = f"{path.parent.name}" if path.name == "__init__.py" else path.stem.strip("_")
    return ROOT / "tests" / path.parent / f"test_{name}.py"


@pytest.mark.parametrize("module", modules())
def test_every_module_has_its_tests(module: str) -> None:
    place = ROOT / COVERED_BY[module] if module in COVERED_BY else mirrored(module)
    assert place.is_file(), f"auditor/{module} has no {place.relative_to(ROOT)}"
    assert "def test_" in place.read_text(encoding="utf-8")


def test_the_list_of_exceptions_holds_only_exceptions() -> None:
    for module, covered_by in COVERED_BY.items():
        assert (ROOT / "auditor" / module).is_file(), f"auditor/{module} is gone; take it from the list"
        assert not mirrored(module).is_file(), f"auditor/{module} has its own tests; take it from the list"
        assert covered_by.startswith("tests/")


def test_every_folder_of_tests_is_one_of_the_sources_or_a_known_one() -> None:
    known = {"lab", "labtests", "project", "browser", "bench", "fingerprints", "policies", "deploy"}
    folders = {
        path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith(("_", "."))
    }
    sources = {path.name for path in (ROOT / "auditor").iterdir() if path.is_dir()}
    assert folders - known <= sources
