"""The calibration is held against arithmetic done by hand, on a small corpus that the test writes itself."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from auditor.identify import load_rules
from auditor.identify.confidence import NUMBERS, PRIOR, WEIGHTS
from auditor.identify.models import Grammars
from auditor.identify.schema import Grammar, Rule, SourceEntry
from auditor.model import Strength
from tests.bench import calibrate as cal
from tests.bench import corpus, measure_corpus
from tests.bench.intervals import by_cluster, clopper_pearson, wilson

RECOG, ZTAG = "rapid7/recog: xml/http_servers.xml", "zmap/ztag: ztag/devices/one.json"
NUMBERED = "public GitHub file reached through a string index that does not disclose the repository; index file id 42"


def rule(name, value, maker, strength, *keys, observable="http.server", group="web", **more):
    says = {"not_maker": maker} if strength == "against" else {"maker": maker}
    return Rule.model_validate({
        "id": f"test.{name}", "observable": observable, "match": {"exact": value}, "says": says, "strength": strength,
        "group": group, "source": [{"key": key.split()[0], "at": " ".join(key.split()[1:])} for key in keys],
        "examples": [{"input": value}], "counter_examples": ["x"], **more,
    })  # fmt: skip


RULES = (
    rule("one", "alpha", "Hikvision", "conclusive", "RECOG"),
    rule("two", "beta", "Dahua", "strong", "ZTAG", "RECOG"),
    rule("three", "gamma", "Axis", "strong", "FACTS", "ZTAG"),
    rule("four", "delta", "Bosch", "moderate", "FACTS"),
    rule("five", "epsilon", "Sony", "weak", "IDX 42"),
    rule("six", "zeta", "Dahua", "against", "ZTAG"),
    rule("seven", "realm", "Dahua", "strong", "RETINA", observable="http.title", group="realm"),
)


def row(number, source, raw, maker, kind="http_server", **more):
    return {
        "id": f"r{number}", "source": source, "kind": kind, "raw": raw, "request": "GET /", "truth": {"maker": maker},
        "truth_basis": "stated", "how_truth_is_known": "the test says so", **more,
    }  # fmt: skip


ROWS = [
    row(1, RECOG, "alpha", "Hikvision"),
    row(2, ZTAG, "alpha", "Hikvision"),
    row(3, ZTAG, "beta", "Axis"),  # wrong
    row(4, RECOG, "beta", "Dahua Technology"),
    row(5, ZTAG, "gamma", "Axis"),
    row(6, ZTAG, "delta", "Bosch"),
    row(7, NUMBERED, "epsilon", "Sony"),
    row(8, ZTAG, "nothing", "Dahua", weak=True),
    row(9, RECOG, "alpha", "Hikvision", weak=True),  # right, but weak answers count only when wrong
    row(10, RECOG, "beta", "Bosch", weak=True),  # wrong
    row(11, RECOG, "beta", "Dahua", exclude_from_scoring=True),
    row(12, RECOG, "beta", "unknown", trap="a look-alike"),
    row(13, RECOG, "alpha", "Hikvision", truth_basis="signature"),
]


@pytest.fixture(scope="module")
def rules():
    return dataclasses.replace(load_rules(), rules=RULES, grammars=Grammars(()), grammar_lines=())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in ROWS), encoding="utf-8")
    device = tmp_path / "devices" / "001-one"
    device.mkdir(parents=True)
    (device / "page.http").write_text("HTTP/1.1 200 OK\nServer: other\n\n<title>realm</title>\n", encoding="utf-8")
    said = [{"corpus_id": "r4", "kind": "http_server", "port": 80},
            {"file": "page.http", "kind": "http", "port": 8080, "request": "GET /"}]  # fmt: skip
    about = {"truth": {"maker": "Dahua", "device_kind": "camera"}, "sources": [RECOG, ZTAG], "responses": said}
    (device / "device.json").write_text(json.dumps(about), encoding="utf-8")
    return tmp_path


@pytest.fixture
def judged(folder, rules):
    def run(*, held_out):
        every = cal.judge_all(corpus.read_answers(folder), rules, held_out=held_out)
        return [one for one in every if one.answer.set == "scored"]

    return run


def words(judged):
    return {one.answer.name: one.word for one in judged}


# Intervals


def test_wilson_of_nine_in_ten_by_hand():
    z, share, total = 1.959963984540054, 0.9, 10
    middle = (share + z * z / 20) / (1 + z * z / 10)
    spread = z * math.sqrt(share * 0.1 / total + z * z / 400) / (1 + z * z / 10)
    assert wilson(9, 10) == pytest.approx((middle - spread, middle + spread))
    assert wilson(9, 10) == pytest.approx((0.5958, 0.9821), abs=1e-4)  # the published value
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10) == pytest.approx((10 / (10 + z * z), 1.0))


def test_clopper_pearson_by_hand():
    assert clopper_pearson(9, 10) == pytest.approx((0.5550, 0.9975), abs=1e-4)  # the published value
    assert clopper_pearson(13, 13)[0] == pytest.approx(0.025 ** (1 / 13))
    assert clopper_pearson(0, 13) == pytest.approx((0.0, 1 - 0.025 ** (1 / 13)))
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_clusters_are_drawn_whole():
    assert by_cluster([(3, 4)] * 6) == (0.75, 0.75)  # every draw is the same
    low, high = by_cluster([(10, 10), (0, 10)])
    assert (low, high) == (0.0, 1.0)  # all depends on which publisher is drawn
    assert by_cluster([(0, 0)]) == (0.0, 1.0)
    assert by_cluster([(9, 10), (5, 10), (2, 2)]) == by_cluster([(9, 10), (5, 10), (2, 2)])


# Publishers and what is left out


@pytest.mark.parametrize(("source", "wanted"), [
    (RECOG, "rapid7/recog"), ("certtools/intelmq @d624988: .../testdata/scan_snmp.csv", "certtools/intelmq"),
    ("librenms/librenms (copy murrant/librenms): tests/3com.snmprec", "librenms/librenms"),
    ("https://github.com/rroller/dahua/issues/9", "rroller/dahua"), (NUMBERED, "IDX 42"),
    ("http://example.org/page.html", "http://example.org/page.html"),
])  # fmt: skip
def test_a_publisher_is_a_repository(source, wanted):
    assert corpus.publisher(source) == wanted


def test_a_source_that_names_a_publisher_is_one_of_its_keys(rules):
    entry = SourceEntry(what="issue threads of nobody/known-yet, and a file of other/place", dated="2026-11-21")
    more = dataclasses.replace(rules, sources={**rules.sources, "NEW": entry})
    assert corpus.keys_of(more, "nobody/known-yet") == {"NEW"}
    assert corpus.keys_of(more, "nobody/known") == set()
    assert "RECOG" in corpus.keys_of(more, "rapid7/recog")
    assert corpus.keys_of(more, "IDX 42") == {"IDX 42"}


def test_every_key_of_a_publisher_is_a_source_of_the_fingerprints():
    assert {key for keys in corpus.KEYS.values() for key in keys} <= set(load_rules().sources)


@pytest.mark.parametrize(("publishers", "wanted"), [
    (["rapid7/recog"], {"test.one"}), (["zmap/ztag"], {"test.three", "test.six"}), (["IDX 42"], {"test.five"}),
    (["rapid7/recog", "zmap/ztag"], {"test.one", "test.two", "test.three", "test.six"}), (["IDX 43"], set()), (["nobody/known"], set()),
])  # fmt: skip
def test_what_cites_only_that_publisher_is_left_out(rules, publishers, wanted):
    assert corpus.left_out(rules, publishers) == wanted
    kept = {item.id for item in corpus.without(rules, frozenset(publishers)).rules}
    assert kept == {item.id for item in RULES} - wanted


def test_grammars_of_that_publisher_are_left_out_too(rules):
    line = Grammar.model_validate({"maker": "Dahua", "kind": "camera", "regex": "^IPC-", "source": [{"key": "RECOG"}],
                                   "examples": ["IPC-1"], "counter_examples": ["X"]})  # fmt: skip
    more = dataclasses.replace(rules, grammars=Grammars([line]), grammar_lines=(line,))
    assert more.grammars.is_model_of("Dahua", "IPC-1")
    assert not corpus.without(more, frozenset({"rapid7/recog"})).grammars.is_model_of("Dahua", "IPC-1")
    assert corpus.without(more, frozenset({"zmap/ztag"})).grammars.is_model_of("Dahua", "IPC-1")


# Judging


def test_answers_are_judged_by_hand(judged):
    wanted = {"r1": "right", "r2": "right", "r3": "wrong", "r4": "right", "r5": "right", "r6": "possible",
              "r7": "unnamed", "r8": "weak", "r9": "right", "r10": "wrong"}  # fmt: skip
    assert words(judged(held_out=False)) == wanted
    # r1, r9: rule one cites their publisher only; r2: it does not. r5: rule three. r7: rule five named nobody anyway.
    assert words(judged(held_out=True)) == wanted | {"r1": "unnamed", "r9": "weak", "r5": "unnamed"}


def test_sets_are_kept_apart(folder, rules):
    sets = {answer.name: answer.set for answer in corpus.read_answers(folder)}
    assert {name for name, group in sets.items() if group != "scored"} == {"r11", "r12", "r13"}
    every = cal.judge_all(corpus.read_answers(folder), rules, held_out=False)
    assert {one.answer.name: one.word for one in every if one.answer.set != "scored"} == {
        "r12": "wrong",
        "r13": "right",
    }


def test_the_confidence_is_that_of_the_program(judged):
    for one in judged(held_out=False):
        if one.maker is not None:
            assert one.confidence == pytest.approx(one.identity.confidence)


@pytest.mark.parametrize(("found", "truth", "same"), [
    ("Hanwha", "Hanwha (Samsung)", True), ("Teledyne FLIR", "FLIR", True), ("Brother", "other", False),
    ("Sunell", "Sun", False), (None, "Dahua", False), ("TP-Link", "tp-link", True), ("Dahua", "", False),
])  # fmt: skip
def test_makers_are_compared_word_by_word(found, truth, same):
    assert cal.same_maker(found, truth) is same


def test_strengths_are_counted_by_hand(judged):
    before = cal.strengths(judged(held_out=False))
    counted = {strength.value: (count.right, count.total) for strength, count in before.items()}
    # conclusive r1 r2; strong r3 (wrong) r4 r5 r10 (wrong); moderate r6; weak r7; r9 is weak and right: not counted
    assert counted == {"conclusive": (2, 2), "strong": (2, 4), "moderate": (1, 1), "weak": (1, 1), "against": (0, 0)}
    after = cal.strengths(judged(held_out=True))
    counted = {strength.value: (count.right, count.total) for strength, count in after.items()}
    assert counted == {"conclusive": (1, 1), "strong": (1, 3), "moderate": (1, 1), "weak": (0, 0), "against": (0, 0)}
    assert after[Strength.STRONG].by == {"zmap/ztag": [0, 1], "rapid7/recog": [1, 2]}
    assert after[Strength.STRONG].worst == ("zmap/ztag", 0, 1)
    assert cal.by_group(judged(held_out=True))["web"][Strength.STRONG].total == 3


def test_a_denial_is_right_when_the_maker_is_another(folder, rules):
    lines = [row(1, RECOG, "zeta", "Axis"), row(2, RECOG, "zeta", "Dahua")]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = cal.strengths(cal.judge_all(corpus.read_answers(folder), rules, held_out=False))
    assert (found[Strength.AGAINST].right, found[Strength.AGAINST].total) == (1, 2)


# Estimates and reliability


def count_of(right, total):
    count = cal.Count()
    for number in range(total):
        count.add(right=number < right)
    return count


def test_an_estimate_is_jeffreys_mean_and_few_claims_move_nothing():
    assert cal.estimate(count_of(9, 10)) == pytest.approx(9.5 / 11)
    found = cal.weights_from(
        {Strength.STRONG: count_of(9, 10), Strength.MODERATE: count_of(0, 9), Strength.AGAINST: count_of(9, 10)}
    )
    assert found[Strength.STRONG] == pytest.approx(math.log(9.5 / 1.5) - math.log(PRIOR / (1 - PRIOR)))
    assert found[Strength.AGAINST] == pytest.approx(math.log(1.5 / 9.5) - math.log(PRIOR / (1 - PRIOR)))
    assert found[Strength.MODERATE] == WEIGHTS[Strength.MODERATE]


def test_numbers_are_estimated_without_the_publisher_that_they_predict(folder, rules):
    # Ten answers of one publisher are named rightly by a strong rule, ten of another wrongly.
    lines = [row(number, RECOG, "beta", "Dahua") for number in range(10)]
    lines += [row(number, ZTAG, "beta", "Axis") for number in range(10, 20)]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    judged = cal.judge_all(corpus.read_answers(folder), rules, held_out=True)
    found = {(name, right): level for level, right, name in cal.re_estimated(judged)}
    # of the others alone: 0 of 10 for recog, 10 of 10 for ztag
    assert found == {("rapid7/recog", True): pytest.approx(0.5 / 11), ("zmap/ztag", False): pytest.approx(10.5 / 11)}


def test_a_confidence_falls_into_the_bin_whose_lower_end_it_reaches():
    assert [cal.bin_of(value) for value in (0.0, 0.45, 0.5, 0.6999, 0.7, 0.9, 0.97, 1 - 0.1 * 0.1, 0.999)] == [
        0,
        0,
        1,
        1,
        2,
        3,
        3,
        4,
        4,
    ]


def test_reliability_by_hand():
    claims = [(0.7, True, "a"), (0.7, False, "a"), (0.8, True, "b"), (0.99, True, "a")]
    table = cal.reliability(claims)
    assert [(round(mean, 3), count.right, count.total) for mean, count in table] == [
        (0.0, 0, 0), (0.0, 0, 0), (0.733, 2, 3), (0.0, 0, 0), (0.99, 1, 1)]  # fmt: skip
    assert table[2][1].by == {"a": [1, 2], "b": [1, 1]}
    assert cal.brier(claims) == pytest.approx((0.09 + 0.49 + 0.04 + 0.0001) / 4)
    assert cal.brier([]) == 0


def test_precision_and_recall_by_hand(judged):
    found = cal.maker_scores(judged(held_out=False))
    # Truth Axis: r3 (named Dahua) and r5. Named Dahua: r3 and r10 wrongly, r4 rightly.
    assert (found["Axis"].rows, found["Axis"].found, found["Axis"].precise.right, found["Axis"].precise.total) == (
        2,
        1,
        1,
        1,
    )
    dahua = found["Dahua Technology"]
    assert (dahua.rows, dahua.found, dahua.precise.right, dahua.precise.total) == (1, 1, 1, 3)
    assert "Dahua" not in found  # r8 is weak and not named: it counts nowhere
    by_kind = cal.scores(judged(held_out=False), lambda one: one.answer.kind)["http_server"]
    assert (by_kind.rows, by_kind.found, by_kind.precise.right, by_kind.precise.total) == (8, 5, 5, 7)


def test_whole_devices_are_put_together_with_their_ports(folder, rules):
    [device] = corpus.read_devices(folder)
    assert device.publishers == {"rapid7/recog", "zmap/ztag"}
    assert {fact.port for fact in device.facts} == {80, 8080}
    [one] = cal.judge_all([device], rules, held_out=False)
    # two servers, both strong: odds 3/5 * 15 * 15
    assert (one.flagged, one.identity.verdict.value, one.confidence) == ("Dahua", "confirmed", pytest.approx(135 / 136))
    [held] = cal.judge_all([device], rules, held_out=True)  # rule seven alone is left
    assert (held.flagged, held.confidence) == ("Dahua", pytest.approx(NUMBERS[Strength.STRONG]))


# The program


def test_without_a_corpus_it_says_so(tmp_path, capsys, monkeypatch):
    assert measure_corpus.main([str(tmp_path)]) == 2
    assert "nothing was measured" in capsys.readouterr().out
    monkeypatch.setenv("CAMERA_AUDITOR_CORPUS", str(tmp_path / "elsewhere"))
    assert measure_corpus.main([]) == 2
    assert "elsewhere" in capsys.readouterr().out


@pytest.mark.parametrize("order", [["-v", None], [None, "-v"], ["-v", "--markdown", None], ["--markdown", None, "-v"]])
def test_options_and_folder_stand_in_any_order(folder, capsys, order, tmp_path):
    lines = [row(1, RECOG, "App-webs/", "Hikvision"), row(2, ZTAG, "App-webs/", "Axis"), row(4, RECOG, "x", "Dahua")]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(f"before\n{measure_corpus.BEGIN}\nold\n{measure_corpus.END}\nafter\n", encoding="utf-8")
    assert measure_corpus.main([str(folder) if item is None else item for item in order], page) == 0
    shown = capsys.readouterr().out
    assert "wrong    r2" in shown
    assert "1 of 2 = 0.500" in shown
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    if "--markdown" in order:
        assert "old" not in text
        inside = text.split(measure_corpus.BEGIN)[1].split(measure_corpus.END)[0]
        assert inside.strip() in shown
        once = text
        assert measure_corpus.main([str(folder), "--markdown"], page) == 0
        assert page.read_text(encoding="utf-8") == once
    else:
        assert "old" in text


def test_a_page_without_markers_is_not_written(folder, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("nothing here\n", encoding="utf-8")
    assert measure_corpus.main(["--markdown", str(folder)], page) == 1
    assert "needs one line" in capsys.readouterr().out
    assert page.read_text(encoding="utf-8") == "nothing here\n"


def test_the_page_for_users_has_the_markers_and_every_table():
    text = measure_corpus.PAGE.read_text(encoding="utf-8")
    assert (text.count(measure_corpus.BEGIN), text.count(measure_corpus.END)) == (1, 1)
    measured = text.split(measure_corpus.BEGIN)[1].split(measure_corpus.END)[0]
    for title in ("The numbers behind the strengths", "Stated confidence against truth", "Precision and recall by maker",
                  "Precision and recall by kind of answer", "Whole devices"):  # fmt: skip
        assert f"### {title}\n" in measured
