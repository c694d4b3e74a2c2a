"""report.html: one file, no script, device text as text, and everything a reader must be told is told."""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import itertools
import re
import time
import unicodedata
from pathlib import Path

import html5lib
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape
from report.build import UK_SOURCE, US_SOURCE, audit, devices, large_audit
from report.hostile import hostile_audit
from report.payloads import PAYLOADS

from auditor.common import clues
from auditor.common.data import data_path
from auditor.model import Conflict, CoverageState, Decision, Kind, Observation, Strength, Verdict
from auditor.plan import orders
from auditor.report import headline, render_html, summary_text, views, words
from auditor.report.language import Language, for_output, source_link, unstacked
from auditor.report.language import shown as visible
from auditor.report.page import _css_text, _environment
from auditor.report.views import evidence_sentence, sureness

NO_CAMERA = tuple(unit for unit in devices() if unit.identity.kind in {Kind.OTHER, Kind.UNKNOWN} and not unit.to_check)
CASES = {
    "complete": audit(), "incomplete": audit(missed=4), "interrupted": audit(missed=4, interrupted=True), "empty": audit(units=()), "no camera": audit(units=NO_CAMERA),
    "emulated": audit(emulated=True), "unfinished": audit(finished=None, complete=False, counters=None, data_dates=None),
}  # fmt: skip
HTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
ELEMENTS = {HTML + name for name in ["html", "head", "meta", "title", "style", "body", "a", "aside", "strong", "header", "p", "h1", "h2", "h3", "h4", "h5", "dl", "div", "dt", "dd", "bdi", "nav", "ul", "ol", "li", "main", "section", "article", "figure", "figcaption", "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "span", "code", "footer"]} | {SVG + name for name in ["svg", "title", "desc", "text", "rect", "path", "defs", "pattern", "circle"]}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "rel", "role", "scope", "tabindex", "aria-label", "aria-labelledby", "aria-hidden", "data-label",
    "viewBox", "focusable", "width", "height", "x", "y", "cx", "cy", "r", "d", "fill", "stroke", "stroke-width", "patternUnits",
}  # fmt: skip
BANNED = re.compile(r"\b(clean|safe|secure)\b", re.IGNORECASE)


@functools.cache
def page(case):
    return render_html(hostile_audit() if case == "hostile" else CASES[case])


@functools.cache
def parse(text):
    parser = html5lib.HTMLParser(tree=html5lib.getTreeBuilder("etree"))
    return parser.parse(text), parser.errors


def texts(node):
    """All text of a node, cells and list entries apart."""
    return " ".join("".join(_pieces(node)).split())


def _pieces(node):
    block = node.tag in {HTML + name for name in ("td", "th", "dt", "dd", "li", "p", "tr", "caption", "h2", "h3", "h4")}
    if block:
        yield " "
    yield node.text or ""
    for child in node:
        yield from _pieces(child)
        yield child.tail or ""
    if block:
        yield " "


def find(tree, where):
    return [node for node in tree.iter() if isinstance(node.tag, str) and where(node)]


def by_id(tree, name):
    (found,) = find(tree, lambda node: node.get("id") == name)
    return found


# --- first of all, without a parser: every tag in the hostile page is one of ours ------------------------------------


def test_hostile_page_has_no_tag_of_theirs():
    text = page("hostile").split("</style>")[1]
    tags = set(re.findall(r"<[^>\s]*", text))
    ours = {"<" + slash + name.split("}")[1] for name in ELEMENTS for slash in ("", "/")}
    assert {tag.removesuffix("/") for tag in tags} - ours == set()


# --- it is one well-made file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [*CASES, "hostile"])
def test_page_is_well_formed_and_holds_allowed_elements_only(case):
    tree, errors = parse(page(case))
    assert errors == []
    assert {node.tag for node in tree.iter()} <= ELEMENTS  # comments and unknown elements are not in it either
    allowed_links = {UK_SOURCE, US_SOURCE}
    for node in tree.iter():
        for name, value in node.attrib.items():
            assert name in ATTRIBUTES, (node.tag, name)
            if name == "href":
                assert (
                    value.startswith("#") or value in allowed_links or (case == "hostile" and _plain_address(value))
                ), value
            if name == "fill" and "url" in value:
                assert re.fullmatch(r"url\(#fill-[a-z-]+\)", value)
            if name == "http-equiv":
                assert value == "Content-Security-Policy"


def _plain_address(value):
    """Sources are our own data; in the hostile audit they are payloads too, and only plain addresses become links."""
    return re.fullmatch(r"https?://[a-z0-9.]+/?[A-Za-z0-9/._,-]*", value) is not None


@pytest.mark.parametrize("case", [*CASES, "hostile"])
def test_policy_allows_the_one_style_sheet_and_nothing_else(case):
    tree, _errors = parse(page(case))
    (policy,) = [node.get("content") for node in tree.iter(HTML + "meta") if node.get("http-equiv")]
    (style,) = tree.iter(HTML + "style")
    digest = base64.b64encode(hashlib.sha256(style.text.encode()).digest()).decode()
    assert (
        policy == f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"@import|url\(|expression|@font-face", style.text)
    assert "<" not in style.text.replace("<!--", "")


@pytest.mark.parametrize("case", [*CASES, "hostile"])
def test_ids_are_unique_and_links_lead_somewhere(case):
    tree, _errors = parse(page(case))
    ids = [node.get("id") for node in tree.iter() if node.get("id") is not None]
    assert len(ids) == len(set(ids))
    for node in tree.iter():
        href = node.get("href", "")
        if href.startswith("#"):
            assert href[1:] in ids, href
        for name in (node.get("aria-labelledby") or "").split():
            assert name in ids, name
        if (fill := node.get("fill") or "").startswith("url(#"):
            assert fill[5:-1] in ids, fill


@pytest.mark.parametrize("case", CASES)
def test_headings_landmarks_tables_and_charts_are_named(case):
    tree, _errors = parse(page(case))
    levels = [int(node.tag[-1]) for node in tree.iter() if re.fullmatch(re.escape(HTML) + "h[1-6]", node.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert next(tree.iter(HTML + "html")).get("lang") == "en" if tree.tag != HTML + "html" else tree.get("lang") == "en"
    for landmark in ("header", "nav", "main", "footer"):
        assert list(tree.iter(HTML + landmark)), landmark
    for cell in tree.iter(HTML + "th"):
        assert cell.get("scope") in {"row", "col"}
    for table in tree.iter(HTML + "table"):
        assert table.get("aria-labelledby") or list(table.iter(HTML + "caption")) or table.get("class") == "plain"
    for drawing in tree.iter(SVG + "svg"):
        if drawing.get("aria-hidden") != "true":
            assert drawing.get("role") == "img"
            assert texts(next(drawing.iter(SVG + "title")))
            assert texts(next(drawing.iter(SVG + "desc")))
    for section in tree.iter(HTML + "section"):
        assert section.get("aria-labelledby")


def test_cells_have_the_same_words_on_a_phone():
    """Where a table becomes cards, every cell names its column."""
    tree, _errors = parse(page("complete"))
    tables = find(tree, lambda node: node.tag == HTML + "table" and "cards" in (node.get("class") or ""))
    assert len(tables) > 5
    for table in tables:
        head, *body = table.iter(HTML + "tr")
        names = [texts(cell) for cell in head]
        for row in body:
            assert len(row) == len(names)
            for name, cell in zip(names, row, strict=True):
                assert cell.get("scope") == "row" or cell.get("data-label") == name


# --- device text is text ------------------------------------------------------------------------------------------


def test_every_payload_is_shown_as_text():
    tree, _errors = parse(page("hostile"))
    shown = {"".join(node.itertext()) for node in tree.iter(HTML + "bdi")}
    for payload in PAYLOADS:
        assert visible(payload) in shown, payload[:80]


def test_hostile_page_holds_no_invisible_character():
    text = page("hostile")
    text.encode("utf-8")
    odd = {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}} - {"\n"}
    assert odd == set()


def test_site_name_changes_nothing_but_its_own_places():
    """The name stands in the title, a heading, sentences and the style sheet: the rest of the page is that of another name."""
    whole = audit(units=(), emulated=True)

    def page_of(name):
        text = render_html(dataclasses.replace(whole, site=dataclasses.replace(whole.site, name=name)))
        head, style = re.sub("sha256-[A-Za-z0-9+/=]+", "", text, count=1).split("<style>")
        return head, *style.split("</style>")

    head, style, body = page_of("SITENAME")
    for name in PAYLOADS:
        if len(visible(name)) > 60:
            continue
        html, css = str(escape(visible(name))), _css_text(visible(name))[1:-1]
        assert page_of(name) == (
            head.replace("SITENAME", html),
            style.replace("SITENAME", css),
            body.replace("SITENAME", html),
        ), name


@pytest.mark.parametrize("name", [text for text in PAYLOADS if len(visible(text)) > 60])
def test_a_long_site_name_cannot_break_the_page(name):
    whole = audit(units=(), emulated=True)
    tree, errors = parse(render_html(dataclasses.replace(whole, site=dataclasses.replace(whole.site, name=name))))
    assert errors == []
    assert {node.tag for node in tree.iter()} <= ELEMENTS
    assert visible(name, 4096) == "".join(next(tree.iter(HTML + "h1")).itertext())


@given(st.text(st.characters(exclude_categories=[]), max_size=60))
def test_css_text_cannot_be_left(text):
    written = _css_text(visible(text))
    assert re.fullmatch(r'"(?:[A-Za-z0-9 ]|[^\x00-\x7f]|\\[0-9a-f]{2} )*"', written)


@given(st.text(st.characters(exclude_categories=[]), min_size=1, max_size=60))
@settings(max_examples=25, deadline=None)
def test_any_text_in_a_device_keeps_the_page_whole(text):
    first, *_rest = devices()
    odd = dataclasses.replace(
        first, identity=dataclasses.replace(first.identity, model=text, serial=text, brand=text), notes=(text,)
    )
    tree, errors = parse(render_html(audit(units=(odd,))))
    assert errors == []
    assert visible(text) in {"".join(node.itertext()) for node in tree.iter(HTML + "bdi")}


@pytest.mark.parametrize(
    "address", ["https://www.gov.uk/x?a=1&b=2#c", "http://example.org", "https://example.org:8443/a_b,c"]
)
def test_plain_addresses_of_our_data_become_links(address):
    assert str(source_link(address)).startswith(
        '<a href="' + address.replace("&", "&amp;") + '" rel="noopener noreferrer">'
    )


@pytest.mark.parametrize("address", [
    "javascript:alert(1)", "data:text/html,x", "//evil.example/", "ftp://example.org/", "https://user@example.org/", 'https://example.org/"onmouseover=x', "https://a b/",
    "HTTPS ://x", "https://example.org/<b>", "https://", "see https://example.org", "https://example.org/\n", "https://ex\u00e4mple.org/", "",
    *(text for text in PAYLOADS if text != "http://evil.example/"),  # a plain address; that sources are our own data is what makes it a link
])  # fmt: skip
def test_anything_else_stays_text(address):
    assert str(source_link(address)).count("<") == 2  # <bdi> and its end


def test_templates_trust_nothing_and_forget_nothing():
    environment = _environment()
    assert environment.autoescape is True
    assert environment.undefined is jinja2.StrictUndefined
    for path in (data_path("reports") / "templates").iterdir():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe\b|autoescape|Markup|<script|javascript:|\son[a-z]+=|style=", text), path
        for attribute in re.findall(r"=\{\{|=\{%", text):
            raise AssertionError(f"unquoted attribute in {path}: {attribute}")


def test_what_is_no_text_is_not_printed():
    with pytest.raises(TypeError):
        for_output(None)
    with pytest.raises(TypeError):
        for_output(0.25)
    with pytest.raises(jinja2.UndefinedError):
        _environment().from_string("{{ nothing }}").render()


def test_marks_do_not_pile_up():
    assert unstacked("Z" + "\u0334" * 300) == "Z" + "\u0334" * 4 + "\\u0334" * 296
    vietnamese = unicodedata.normalize("NFD", "Hệ thống giám sát")
    assert unstacked(vietnamese) == vietnamese


# --- it says what must be said ------------------------------------------------------------------------------------


def test_flagged_devices_have_work_orders_evidence_rules_and_sources():
    whole = CASES["complete"]
    tree, _errors = parse(page("complete"))
    orders = {order.device: order for wave in whole.plan.waves for order in wave.orders}
    for unit in whole.devices:
        if not unit.flagged:
            continue
        sheet = texts(by_id(tree, orders[unit.id].id.lower()))
        for needle in (
            unit.addresses[0],
            unit.mac,
            unit.identity.maker,
            unit.identity.model,
            orders[unit.id].steps[0],
            orders[unit.id].rollback[0],
        ):
            assert needle in sheet
        if unit.location:
            for needle in (unit.location.building, unit.location.room, unit.location.switch, unit.location.port):
                assert needle in sheet
        else:
            assert "No place is on file" in sheet
        section = texts(by_id(tree, f"device-{unit.id}"))
        for item in unit.identity.evidence:
            assert item.value in section
            assert item.says in section
            assert item.fingerprint in section
        for finding in unit.findings:
            assert finding.sentence in section
            assert finding.rule in section
            assert finding.sources[0] in texts(by_id(tree, "rules"))
        assert unit.identity.overturn[0] in section
        for conflict in unit.identity.conflicts:
            assert conflict.sentence in section


def test_rules_that_matched_one_answer_stand_together():
    first, *_rest = devices()
    strongest = first.identity.evidence[0]
    more = dataclasses.replace(
        strongest,
        fingerprint="hikvision.second",
        says="kind camera",
        strength=Strength.WEAK,
        source="https://example.org/second",
    )
    against = dataclasses.replace(strongest, fingerprint="other.third", says="not Hikvision", strength=Strength.AGAINST)
    unit = dataclasses.replace(first, identity=dataclasses.replace(first.identity, evidence=(strongest, more, against)))
    tree, _errors = parse(render_html(audit(units=(unit,))))
    (table,) = find(by_id(tree, f"device-{unit.id}"), lambda node: "proof" in (node.get("class") or ""))
    rows = [[texts(cell) for cell in row] for row in table.iter(HTML + "tr")][1:]
    assert rows == [
        ["Its web server gives its name as App-webs/. Port 80.", "maker Hikvision, kind camera (weak)", "Conclusive",
         "hikvision.http.serverrecog, http_servers.xml hikvision.secondhttps://example.org/second"],
        ["Its web server gives its name as App-webs/. Port 80.", "not Hikvision", "Speaks against", "other.thirdrecog, http_servers.xml"],
    ]  # fmt: skip


def test_a_long_answer_is_quoted_on_one_line_and_cut():
    first, *_rest = devices()
    long = dataclasses.replace(
        first.identity.evidence[0], observation="http.body", value="<html>\r\n\t<p>x</p>\r\n" + "y" * 900
    )
    unit = dataclasses.replace(first, identity=dataclasses.replace(first.identity, evidence=(long,), rests_on=()))
    section = texts(by_id(parse(render_html(audit(units=(unit,))))[0], f"device-{unit.id}"))
    assert "Its web page contains <html> <p>x</p> yyy" in section
    assert "y [\u2026]." in section
    assert "y" * 200 not in section


def test_devices_to_check_and_others_are_listed_with_their_reason():
    tree, _errors = parse(page("complete"))
    checks = texts(by_id(tree, "to-check"))
    for device_id, reason in CASES["complete"].plan.to_check:
        assert reason in checks
        assert by_id(tree, f"device-{device_id}") is not None
    others = texts(by_id(tree, "other-devices"))
    for needle in (
        "Axis",
        "P3245-LVE",
        "Bosch",
        "WISENET WEBVIEWER",
        "said nothing that a rule knows",
        "every port that was tried",
    ):
        assert needle in others
    listed = texts(by_id(tree, "devices"))
    assert all(unit.addresses[0] in listed for unit in CASES["complete"].devices)


def test_headline_stands_in_the_page_word_for_word():
    for case, whole in CASES.items():
        tree, _errors = parse(page(case))
        assert headline(whole) in texts(by_id(tree, "result")), case


def test_emulated_is_stamped_in_title_banner_and_print():
    tree, _errors = parse(page("emulated"))
    assert texts(next(tree.iter(HTML + "title"))).startswith("EMULATED")
    (stamp,) = tree.iter(HTML + "aside")
    assert "EMULATED" in texts(stamp)
    style = next(tree.iter(HTML + "style")).text
    assert '@top-right { content: "EMULATED' in style
    assert "EMULATED" not in page("complete")


@pytest.mark.parametrize("case", ["incomplete", "interrupted", "unfinished"])
def test_incomplete_runs_carry_a_banner_with_the_reasons(case):
    tree, _errors = parse(page(case))
    result = texts(by_id(tree, "result"))
    assert "What it did not reach is unknown." in result
    for reason in CASES[case].run.reasons:
        assert reason in result
    assert "INCOMPLETE AUDIT" in next(tree.iter(HTML + "style")).text.replace("\\20 ", " ")
    assert "What it did not reach is unknown." not in page("complete")


@pytest.mark.parametrize("case", ["empty", "no camera"])
def test_no_camera_says_what_could_hide_one(case):
    result = texts(by_id(parse(page(case))[0], "result"))
    assert "No camera was seen. That does not show that there is none." in result
    for sentence in (
        *CASES[case].coverage.hidden,
        "A camera that was switched off",
        "A camera on another network or VLAN",
        "only on ports that were not asked",
    ):
        assert sentence in result
    assert "No camera was seen" not in page("complete")


def test_coverage_shows_all_states_and_where_nothing_was_seen():
    tree, _errors = parse(page("incomplete"))
    part = texts(by_id(tree, "not-seen"))
    whole = CASES["incomplete"]
    for state in CoverageState:
        assert f"{words.STATE[state]} {whole.coverage.states[state]} {words.STATE_MEANING[state]}" in part
    for row in whole.coverage.by_subnet:
        assert row.subnet in part
    for needle in (
        "10.88.1.200 \u2013 10.88.1.203",
        "the audit ended before it was asked",
        "2001:db8:88::/64",
        "3 answers came from outside the scope",
        *whole.coverage.hidden,
        *whole.run.limits,
    ):
        assert needle in part


def test_method_tells_authorisation_counters_versions_and_age_of_data():
    part = texts(by_id(parse(page("complete"))[0], "method"))
    for needle in ("Head of Security", "SEC-2026-114", "1 November 2026 to 31 December 2026", "Network desk, extension 2100", "Logins attempted 0", "Packets sent (estimate) 6,412",
                   "Largest number of connections to one device 14", "auditor 0.1.0", "Data: policies 2026-11-20", "uk-2022, us-889"):  # fmt: skip
        assert needle in part, needle


def test_passed_deadlines_are_said():
    whole = audit()
    late = dataclasses.replace(
        whole,
        run=dataclasses.replace(
            whole.run, started=whole.run.started.replace(year=2027), finished=whole.run.finished.replace(year=2027)
        ),
    )
    assert "The deadlines of 3 work orders had already passed" in texts(by_id(parse(render_html(late))[0], "first"))
    assert "Keep the first deadline: 31 December 2026." in texts(by_id(parse(page("complete"))[0], "first"))


def test_a_device_in_the_plan_that_is_not_in_the_list_does_not_stop_the_report():
    lost = dataclasses.replace(audit(), devices=())
    assert "WO-0001" in render_html(lost)


def test_every_known_observation_has_a_sentence_with_its_value():
    for text in (*clues.OBSERVATION.values(), *clues.OBSERVATION_OF_PROTOCOL.values(), clues.OBSERVATION_OTHER):
        assert "%(value)s" in text
    assert Observation("x", "mac", "mac", ("a",), 0).key in clues.OBSERVATION


def test_confidence_never_rounds_up_to_certainty():
    language = Language()
    assert [language.percent(share) for share in (1.0, 0.9999999, 0.997, 0.5, 0.0)] == [
        "100.0 %",
        "99.9 %",
        "99.7 %",
        "50.0 %",
        "0.0 %",
    ]


# --- words, colours, speed ----------------------------------------------------------------------------------------


def test_the_three_words_appear_nowhere():
    """No reader may take a word of ours for a guarantee (reliability row 94)."""
    root = Path(__file__).resolve().parents[2]
    for path in [*(root / "reports").rglob("*"), *(root / "auditor" / "report").glob("*.py")]:
        if path.is_file():
            assert not BANNED.search(path.read_text(encoding="utf-8")), path
    for case, whole in CASES.items():
        assert not BANNED.search(page(case)), case
        assert not BANNED.search(summary_text(whole, 80, folder="x")), case


def test_colours_of_text_have_contrast():
    style = (data_path("reports") / "static" / "report.css").read_text(encoding="utf-8")

    def luminance(colour):
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    names = dict(re.findall(r"--(ink|grey|blue|red|brown|faint): (#[0-9a-f]{6});", style))
    assert set(names) == {"ink", "grey", "blue", "red", "brown", "faint"}
    for ground in ("#ffffff", names["faint"]):
        for name in ("ink", "grey", "blue", "red", "brown"):
            assert (luminance(ground) + 0.05) / (luminance(names[name]) + 0.05) >= 4.5, (name, ground)


def test_same_audit_same_page():
    assert render_html(audit()) == render_html(audit())


def test_a_thousand_devices_in_five_seconds():
    whole = large_audit(1000)
    started = time.perf_counter()
    text = render_html(whole)
    assert time.perf_counter() - started < 5
    assert len(re.findall('<article class="order[" ]', text)) == sum(unit.flagged for unit in whole.devices)
    assert len(text.encode()) < 8_000_000


# --- it is said so that nobody is misled --------------------------------------------------------------------------


def with_identity(unit, **changes):
    return dataclasses.replace(unit, identity=dataclasses.replace(unit.identity, **changes))


@pytest.mark.parametrize(
    ("verdict", "confidence", "rivals", "said"),
    [
        ("confirmed", 0.997, (), "Confirmed, 99.7 %"),
        ("probable", 0.93, (), "Probable, 93.0 %"),
        ("probable", 0.93, ("Dahua", "Axis"), "Probable, 93.0 %"),
        ("probable", 0.99, (), "Probable, because only one kind of evidence shows it"),
        ("probable", 0.9897, (), "Probable, 99.0 %"),
        ("probable", 0.9893, (), "Probable, 98.9 %"),
        ("probable", 0.99, ("Dahua", "Axis"), "Probable, because evidence on the maker contradicts itself"),
        ("possible", 0.99, ("Dahua", "Axis"), "Possible, because evidence on the maker contradicts itself"),
        ("possible", 0.95, (), "Possible"),
        ("possible", 0.7, (), "Possible, 70.0 %"),
        ("unidentified", 0.45, (), "Not identified, 45.0 %"),
    ],
)
def test_no_percentage_stands_beside_a_word_that_it_contradicts(verdict, confidence, rivals, said):
    conflicts = (Conflict("maker", rivals, ("a", "b"), "S."),) if rivals else ()
    unit = with_identity(devices()[0], verdict=Verdict(verdict), confidence=confidence, conflicts=conflicts)
    expected = "Probable" if said == "Probable, 99.0 %" else said  # it rounds up to the threshold
    assert sureness(unit.identity, Language()) == expected
    assert expected in texts(by_id(parse(render_html(audit(units=(unit,))))[0], f"device-{unit.id}"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"brand": "LTS", "rebrand": True}, "label: LTS, made by Hikvision"),
        ({"brand": None, "rebrand": True}, "made by Hikvision, label of another firm"),
        ({"brand": "Hikvision", "rebrand": False}, "Hikvision"),
        ({"brand": None, "rebrand": False}, "Hikvision"),
        ({"brand": "LTS", "rebrand": False, "maker": None}, "label: LTS, maker not known"),
        ({"brand": "<b>LTS", "rebrand": True}, "label: <b>LTS, made by Hikvision"),
    ],
)
def test_wave_table_and_work_order_show_the_label_that_is_on_the_unit(changes, said):
    unit = with_identity(devices()[0], **changes)
    tree, _errors = parse(render_html(audit(units=(unit,))))
    assert f"10.88.0.21 {said} DS-2CD2143G2-I " in texts(by_id(tree, "wave-1"))
    assert f"Maker, label {said} Model" in texts(by_id(tree, "wo-0001"))


def test_a_work_order_shows_the_end_of_the_serial_alone():
    unit = devices()[0]
    tree, _errors = parse(page("complete"))
    order = next(item for wave in CASES["complete"].plan.waves for item in wave.orders if item.device == unit.id)
    sheet = texts(by_id(tree, order.id.lower()))
    assert "Serial ends in 512345 " in sheet
    assert unit.identity.serial not in sheet
    assert unit.identity.serial in texts(by_id(tree, f"device-{unit.id}"))
    assert orders._SERIAL_TAIL == views.SERIAL_TAIL


@pytest.mark.parametrize(("makers", "rows", "left_out"), [(12, 12, 0), (13, 13, 0), (14, 12, 2)])
def test_a_list_is_never_cut_to_leave_out_a_single_row(makers, rows, left_out):
    units = tuple(
        dataclasses.replace(with_identity(devices()[9], maker=f"Maker {number}"), id=f"addr-{number}")
        for number in range(makers)
    )
    chart = views.charts(audit(units=units), Language())[0]
    assert (len(chart.labels), chart.left_out) == (rows, left_out)


def test_an_unsourced_finding_says_so_and_a_rule_counts_a_device_once():
    unit = devices()[0]
    twice = dataclasses.replace(unit.findings[0], decision=Decision.ASSESS, sentence="Again.", source_read="unsourced")
    unit = dataclasses.replace(unit, findings=(*unit.findings, twice))
    whole = audit(units=(unit,))
    assert "Part of what this finding rests on has no source." in texts(
        by_id(parse(render_html(whole))[0], f"device-{unit.id}")
    )
    assert {row.rule: row.devices for row in views.rule_rows(whole, Language())} == {
        "uk-2022.core-network": 1,
        "us-889.part-b": 1,
    }


def section(tree, address):
    """The section of the device at an address, as one text."""
    (found,) = [
        node for node in find(tree, lambda node: node.tag == HTML + "article" and node.get("class") == "device")
        if address in texts(node).split("Maker")[0]
    ]  # fmt: skip
    return found


def test_a_device_section_says_why_what_would_change_it_and_what_to_look_for():
    tree, _errors = parse(page("complete"))
    sure, label, doubted = (texts(section(tree, address)) for address in ("10.88.0.21", "10.88.0.34", "10.88.1.30"))
    why = sure.split("Why we say so")[1].split("What would change this")[0]
    assert (
        "Its web server gives its name as App-webs/. Port 80. Only firmware of Hikvision is known to use this name."
        in why
    )
    assert (
        "Its hardware address is 44:19:b6:00:00:05. Addresses that begin like this are registered to Hikvision" in why
    )
    assert "A web page or an answer over ONVIF that names another maker" in sure.split("What would change this")[1]
    assert "What to look for on the unit" not in sure
    assert "Made by Hikvision, sold as LTS. The label LTS is also put on units of other makers; only technical" in label
    assert "What to look for on the unit See list 1" in doubted


def test_what_the_names_say_of_a_unit_stands_with_its_facts():
    tree, _errors = parse(page("complete"))
    camera, recorder = (texts(section(tree, address)) for address in ("10.88.0.21", "10.88.0.40"))
    for part in (
        "Made on 15 March 2022",
        "Resolution 4 megapixels",
        "Lens fixed",
        "Functions reads number plates, radio network (Wi-Fi)",
    ):
        assert part in camera, part
    assert "Channels 16" in recorder
    assert "Lens" not in recorder
    newer = with_identity(devices()[0], lens="liquid", functions=("x-ray",))
    assert ("Lens", "liquid") in views.unit_facts(newer.identity, Language())
    assert ("Functions", "x-ray") in views.unit_facts(newer.identity, Language())


def test_a_list_of_what_to_look_for_is_printed_once_for_all_devices_that_need_it():
    tree, _errors = parse(page("complete"))
    whole = texts(tree)
    assert whole.count("such as 594199052") == 1
    told = texts(by_id(tree, "look-1"))
    assert "For 2 devices: 10.88.1.30, 10.88.1.31" in told
    links = find(tree, lambda node: node.get("href") == "#look-1")
    assert len(links) == 4, "two rows of the list to check, two sections"


def test_a_device_behind_an_address_is_named_so():
    unit = dataclasses.replace(
        devices()[0], behind="It stands behind this address.", same_because=("One unit because of its serial number.",)
    )
    tree, _errors = parse(render_html(audit(units=(unit,))))
    told = texts(section(tree, "10.88.0.21"))
    assert "Behind this address 10.88.0.21" in told
    assert "It stands behind this address." in told
    assert "One unit because of its serial number." in told
    assert "Behind this address" not in texts(section(parse(page("complete"))[0], "10.88.0.21"))


def test_an_old_audit_without_reasons_has_no_empty_heading():
    unit = with_identity(devices()[0], rests_on=(), overturn=())
    tree, _errors = parse(render_html(audit(units=(unit,))))
    assert "Why we say so" not in texts(tree)
    assert "What would change this" not in texts(tree)


def test_other_devices_tell_the_worth_of_a_label_and_where_to_look():
    unit = with_identity(
        NO_CAMERA[0], label_note="The label X proves nothing: look at the unit.", look_for=("Find the label.",)
    )
    tree, _errors = parse(render_html(audit(units=(unit,))))
    rest = texts(by_id(tree, "other-devices"))
    assert "The label X proves nothing: look at the unit. See list 1: what to look for on the unit." in rest
    assert "Find the label." in texts(by_id(tree, "look-1"))


def test_the_result_is_told_in_whole_sentences():
    for case in CASES:
        tree, _errors = parse(page(case))
        for node in by_id(tree, "result").iter(HTML + "p"):
            if node.get("class") in {"finding", "details", "basis"}:
                assert texts(node).endswith("."), case


def test_an_answer_without_a_sentence_of_its_own_is_not_called_an_answer_to_it():
    item = dataclasses.replace(devices()[0].identity.evidence[0], observation="http.header.etag", value='"5a-1"')
    assert "Among other things it answered" in evidence_sentence(item, Language())
    assert "sked for" not in evidence_sentence(item, Language())


def test_the_holder_of_a_mac_prefix_is_shown_as_text_and_as_no_maker():
    known, unknown = devices()[0], NO_CAMERA[0]
    unknown = dataclasses.replace(
        unknown, identity=dataclasses.replace(unknown.identity, maker=None), mac="00:00:0c:00:00:01"
    )
    name = "Shanghai Dahua <b>Scale</b> Factory"
    units = tuple(dataclasses.replace(unit, mac_registrant=name) for unit in (known, unknown))
    tree, errors = parse(render_html(audit(units=units)))
    assert not errors
    whole = texts(tree)
    assert whole.count("MAC prefix registered to") == 2
    assert whole.count(name) == 2


@pytest.mark.parametrize(("day", "words"), [
    ("2026-05-25", "180 days old when the audit began"), ("2026-05-24", "181 days old when the audit began: too old, ask for newer data"),
    ("2026-11-20", "1 day old when the audit began"), ("2026-11-23", "2 days ahead of the clock of this audit"), ("long ago", None),
])  # fmt: skip
def test_the_age_of_each_part_of_the_data_is_printed(day, words):
    ages = views.data_ages(audit(data_dates={"MAC registers": day, "fingerprints": "2026-11-21"}), Language())
    assert ages[0] == ("MAC registers", day, words or "")
    assert ages[1] == ("fingerprints", "2026-11-21", "0 days old when the audit began")
    if words:
        assert words in render_html(audit(data_dates={"MAC registers": day}))
