"""Prints precision, recall and calibration of identification on published answers that are not in the repository.

    python -m tests.bench.measure_corpus [-v] [--markdown] [FOLDER]

FOLDER defaults to the environment variable CAMERA_AUDITOR_CORPUS, then to `../shared/corpus` beside the repository.
Without such a folder nothing is measured and the exit code is 2; 1 says that the page could not be written.
`-v` adds each answer that is not named as it should be.
`--markdown` writes the tables into docs/identification.md as well, between its two markers.

Every table stands twice: with all fingerprints, and held out, that is without the fingerprints that cite nobody but the
publisher of the answer. Answers that their publisher calls weak count only when they are named wrongly; look-alikes and
answers whose truth was inferred are reported apart.
"""

from __future__ import annotations

import argparse
import collections
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":  # run as a file, the folder of the repository is not among those that are searched
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from auditor.identify import load_rules
from auditor.identify.confidence import NUMBERS
from auditor.model import Strength
from tests.bench import calibrate as cal
from tests.bench.corpus import ROOT, Answer, cited, default_folder, keys_of, left_out, read_answers, read_devices
from tests.bench.intervals import by_cluster, clopper_pearson, wilson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from auditor.identify.rules import RuleSet

PAGE = ROOT / "docs" / "identification.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
FEWEST_ROWS = 3
WORDS = ("right", "possible", "unnamed", "weak", "wrong")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a Markdown table whose columns are as wide in a terminal as they need to be."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "| " + " | ".join("-" * max(width, 3) for width in widths) + " |")
    return [*lines, ""]


def share(right: int, total: int) -> str:
    """Return right of total, and its Wilson interval at 95 %."""
    if not total:
        return "none"
    low, high = wilson(right, total)
    return f"{right} of {total} = {right / total:.3f} ({low:.3f} to {high:.3f})"


def side(one: cal.Judged) -> str:
    """Return the line of the first table that an answer belongs to."""
    return one.answer.truth if one.answer.truth in cal.LISTED else "others"


def sample(answers: Sequence[Answer], rules: RuleSet) -> list[str]:
    """Describe what is measured on what."""
    sets = collections.Counter(answer.set for answer in answers)
    publishers = sorted({name for answer in answers if answer.set != "left out" for name in answer.publishers})
    used = frozenset().union(*(cited(rule.source) for rule in rules.rules))
    known = [name for name in publishers if keys_of(rules, name) & used]
    dropped = {rule for name in publishers for rule in left_out(rules, [name])}
    largest = collections.Counter(name for answer in answers if answer.set == "scored" for name in answer.publishers)
    name, most = largest.most_common(1)[0]
    text = (
        f"{len(answers)} published answers of {len(publishers)} publishers: {sets['scored']} scored, "
        f"{sum(answer.weak for answer in answers if answer.set == 'scored')} of them called weak; apart from them "
        f"{sets['signature']} whose truth was inferred and {sets['trap']} look-alikes; {sets['left out']} left out because "
        f"their truth is unsure. The largest publisher, {name}, has {most} of the scored ones. {len(rules.rules)} "
        f"fingerprints of data {rules.version}; {len(dropped)} of them cite one publisher of the sample and nobody else "
        f"({len(known)} of the publishers are cited at all), so that is what is left out, one publisher at a time."
    )
    return [text, ""]


def single(judged: Sequence[cal.Judged], held: Sequence[cal.Judged]) -> list[str]:
    """Count the answers by truth and by what became of them."""
    rows = []
    for name, group in (("scored", "scored"), ("truth inferred", "signature"), ("look-alikes", "trap")):
        for who in (*cal.LISTED, "others"):
            for how, every in (("all", judged), ("held out", held)):
                mine = [one for one in every if one.answer.set == group and side(one) == who]
                if mine:
                    words = collections.Counter(one.word for one in mine)
                    falsely = sum(one.flagged is not None and one.flagged != one.answer.truth for one in mine)
                    rows.append((name, who, how, *(words[word] for word in WORDS), falsely))
    kinds = collections.Counter(
        one.identity.kind.value == wanted
        for one in judged
        if side(one) != "others"
        and (wanted := cal.KINDS.get(one.answer.wanted_kind))
        and one.identity.kind.value != "unknown"
    )
    return [
        *table(("set", "truth", "fingerprints", *WORDS, "falsely flagged"), rows),
        *(line for how, every in (("all", judged), ("held out", held)) for line in listed_answers(how, every)),
        f"- Kind right where one is said, Hikvision and Dahua: {share(kinds[True], kinds.total())}.",
        "",
    ]


def listed_answers(how: str, every: Sequence[cal.Judged]) -> list[str]:
    """Say how the answers of the listed makers fared that should name them, and how many others were flagged."""
    mine = [
        one
        for one in every
        if side(one) != "others" and one.answer.set != "trap" and not one.answer.weak and one.answer.kind != "mac_oui"
    ]
    others = [one for one in every if side(one) == "others"]
    flagged = sum(one.flagged is not None for one in others)
    text = (
        f"- {how.capitalize()}: of the answers of Hikvision and Dahua that are neither weak nor a MAC prefix, "
        f"{share(sum(one.word == 'right' for one in mine), len(mine))} are named at least probably, "
        f"{sum(one.word == 'wrong' for one in mine)} wrongly; of the answers of others {flagged} of {len(others)} are "
        f"flagged (at most {clopper_pearson(flagged, len(others))[1]:.3f})."
    )
    return [text]


def numbers(judged: Sequence[cal.Judged], held: Sequence[cal.Judged], traps: Sequence[cal.Judged]) -> list[str]:
    """Hold the number of each strength against how often its witnesses were right."""
    rows = []
    before, after = cal.strengths(judged), cal.strengths(held)
    for strength in Strength:
        number = NUMBERS[strength]
        wanted = 1 - number if strength is Strength.AGAINST else number
        all_, out = before[strength], after[strength]
        low, high = wilson(out.right, out.total)
        again = by_cluster(out.clusters)
        clean = sum(right == total for right, total in out.clusters)
        bound = clopper_pearson(clean, len(out.by))[0]
        rows.append((
            strength.value, f"{wanted:.2f}", share(all_.right, all_.total), share(out.right, out.total),
            "too few" if out.total < cal.FEW else "inside" if low <= wanted <= high else "below" if wanted < low else "above",
            f"{again[0]:.3f} to {again[1]:.3f}" if out.total else "none",
            f"{clean} of {len(out.by)} without error, at least {bound:.2f}" if out.total else "none",
            "{} {} of {}".format(*out.worst) if out.total and clean < len(out.by) else "none wrong",
        ))  # fmt: skip
    lines = table(
        ("strength", "written", "right, all (Wilson 95 %)", "right, held out (Wilson 95 %)", "written number is",
         "publishers drawn again", "publishers (Clopper-Pearson)", "worst publisher"), rows,
    )  # fmt: skip
    denied = cal.strengths(traps)[Strength.AGAINST]
    return [*lines, f"On the look-alikes, held out, `against` was right {share(denied.right, denied.total)}.", ""]


def groups(held: Sequence[cal.Judged]) -> list[str]:
    """Show the same by independence group, held out."""
    rows = []
    for name, counts in sorted(cal.by_group(held).items()):
        cells = (f"{count.right} of {count.total}" if count.total else "" for count in counts.values())
        rows.append((name, *list(cells)[: len(Strength) - 1]))
    return table(("group", *(f"{strength.value}" for strength in list(Strength)[:-1])), rows)


def calibration(judged: Sequence[cal.Judged], held: Sequence[cal.Judged]) -> list[str]:
    """Hold stated confidence against truth."""
    rows: list[tuple[object, ...]] = []
    ways = (
        ("all fingerprints, written numbers", cal.stated(judged)),
        ("held out, written numbers", cal.stated(held)),
        ("held out, numbers estimated without the publisher", cal.re_estimated(held)),
    )
    for name, claims in ways:
        for (_, text), (mean, count) in zip(cal.BINS, cal.reliability(claims), strict=True):
            if count.total:
                rows.append((name, text, f"{mean:.3f}", share(count.right, count.total), len(count.by)))
        rows.append((name, "Brier score", f"{cal.brier(claims):.4f}", "", ""))
    return table(("way", "stated confidence", "mean", "maker right (Wilson 95 %)", "publishers"), rows)


def makers(judged: Sequence[cal.Judged], held: Sequence[cal.Judged], rules: RuleSet) -> list[str]:
    """Precision and recall by maker."""
    first, second = cal.maker_scores(judged), cal.maker_scores(held)
    known = {rule.says.maker for rule in rules.rules if rule.says.maker}
    rows, strange = [], []
    for name, score in sorted(first.items(), key=lambda item: (-item[1].rows, item[0])):
        if score.rows < FEWEST_ROWS:
            continue
        if any(cal.same_maker(maker, name) for maker in known):
            out = second[name]
            rows.append((name, score.rows, share(score.precise.right, score.precise.total), share(score.found, score.rows),
                         share(out.precise.right, out.precise.total), share(out.found, out.rows)))  # fmt: skip
        else:
            strange.append(f"{name} ({score.rows})")
    head = ("maker", "answers", "precision, all", "recall, all", "precision, held out", "recall, held out")
    text = f"No fingerprint names these, and none should: {', '.join(strange)}." if strange else ""
    return [*table(head, rows), *([text, ""] if text else [])]


def methods(judged: Sequence[cal.Judged], held: Sequence[cal.Judged], rules: RuleSet) -> list[str]:
    """Precision and recall by kind of answer; recall where the truth is a maker that some fingerprint names."""
    known = {rule.says.maker for rule in rules.rules if rule.says.maker}

    def known_only(every: Sequence[cal.Judged]) -> list[cal.Judged]:
        return [one for one in every if any(cal.same_maker(maker, one.answer.truth) for maker in known)]

    first, second = cal.scores(judged, lambda one: one.answer.kind), cal.scores(held, lambda one: one.answer.kind)
    inner, outer = (cal.scores(known_only(every), lambda one: one.answer.kind) for every in (judged, held))
    rows = []
    for name, score in sorted(first.items()):
        if name in inner or score.precise.total:
            cells = []
            for every, mine in ((first, inner), (second, outer)):
                known_rows = mine.get(name)
                cells.append(share(every[name].precise.right, every[name].precise.total))
                cells.append(share(known_rows.found, known_rows.rows) if known_rows else "none")
            rows.append((name, score.rows, *cells))
    return table(
        ("kind of answer", "answers", "precision, all", "recall, all", "precision, held out", "recall, held out"), rows
    )


def devices(judged: Sequence[cal.Judged], held: Sequence[cal.Judged]) -> list[str]:
    """Say how many whole devices were flagged as they should be."""
    rows = []
    for who in (*cal.LISTED, "others"):
        for how, every in (("all", judged), ("held out", held)):
            mine = [one for one in every if side(one) == who]
            good = sum(one.flagged == (one.answer.truth if who != "others" else None) for one in mine)
            low, high = clopper_pearson(good, len(mine))
            confirmed = sum(one.identity.verdict.value == "confirmed" for one in mine)
            rows.append((who, how, f"{good} of {len(mine)}", f"{low:.3f} to {high:.3f}", confirmed))
    return table(
        ("whole devices", "fingerprints", "flagged as they should be", "Clopper-Pearson 95 %", "confirmed"), rows
    )


def worst(judged: Sequence[cal.Judged], held: Sequence[cal.Judged]) -> list[str]:
    """List what is named wrongly, and what of the listed makers is not named."""
    rows = []
    for how, every in (("all", judged), ("held out", held)):
        for one in every:
            listed = side(one) != "others"
            if one.word == "wrong" or (listed and one.word == "unnamed"):
                said = f"{one.identity.maker} ({one.identity.verdict.value})" if one.identity.maker else "nobody"
                rows.append((how, one.answer.set, one.answer.name, one.answer.kind, one.answer.truth, said))
    return table(("fingerprints", "set", "answer", "kind", "truth", "named"), rows)


def report(answers: Sequence[Answer], whole: Sequence[Answer], rules: RuleSet) -> list[str]:
    """Return the lines of all tables."""
    every, every_held = (cal.judge_all(answers, rules, held_out=held) for held in (False, True))
    judged, held = ([one for one in some if one.answer.set == "scored"] for some in (every, every_held))
    parts: list[tuple[str, Callable[[], list[str]]]] = [
        ("The sample", lambda: sample(answers, rules)),
        ("Single answers", lambda: single(every, every_held)),
        (
            "The numbers behind the strengths",
            lambda: numbers(judged, held, [one for one in every_held if one.answer.set == "trap"]),
        ),
        ("The same by independence group, held out", lambda: groups(held)),
        ("Stated confidence against truth", lambda: calibration(judged, held)),
        ("Precision and recall by maker", lambda: makers(judged, held, rules)),
        ("Precision and recall by kind of answer", lambda: methods(judged, held, rules)),
        ("Whole devices", lambda: devices(*(cal.judge_all(whole, rules, held_out=held) for held in (False, True)))),
        ("Named wrongly, and listed makers not named", lambda: worst(every, every_held)),
    ]
    return [line for title, part in parts for line in (f"### {title}", "", *part())]


def details(answers: Sequence[Answer], whole: Sequence[Answer], rules: RuleSet) -> list[str]:
    """Return one line for each answer that is not named as it should be, and one for each device."""
    lines = []
    for one in cal.judge_all(answers, rules, held_out=False):
        wanted = cal.KINDS.get(one.answer.wanted_kind)
        listed = side(one) != "others"
        if one.word == "wrong" or (listed and one.word in {"unnamed", "possible"}):
            lines.append(
                f"  {one.word:<9}{one.answer.name} {one.answer.kind} {one.answer.shown!r} -> {one.identity.maker} "
                f"{one.identity.verdict.value}"
            )
        if listed and wanted and one.identity.kind.value not in {"unknown", wanted}:
            lines.append(f"  kind     {one.answer.name} {one.identity.kind.value} for {wanted} {one.identity.model}")
    for one in cal.judge_all(whole, rules, held_out=False):
        good = one.flagged == (one.answer.truth if side(one) != "others" else None)
        found = one.identity
        lines.append(
            f"  {'ok ' if good else 'NO '} {one.answer.name:<40} {found.maker or '-':<11} {found.confidence:.3f} "
            f"{found.verdict.value:<12} {found.kind.value:<12} {found.model or '-'} | {found.brand or '-'}"
        )
    return lines


def write_page(page: Path, lines: Sequence[str]) -> None:
    """Put lines between the two markers of a page.

    Raises:
        ValueError: the page has not exactly one of each, in their order.
    """
    text = page.read_text("utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{page.name} needs one line {BEGIN} and after it one line {END}")
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(head + "\n".join([BEGIN, "", *lines, END]) + tail, encoding="utf-8")


def main(arguments: Sequence[str] | None = None, page: Path = PAGE) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="measure_corpus", description="Measure identification on published answers.")
    parser.add_argument("folder", nargs="?", type=Path, help="the corpus")
    parser.add_argument("-v", "--verbose", action="store_true", help="list what is not named as it should be")
    parser.add_argument("--markdown", action="store_true", help=f"write the tables into {page.name} too")
    given = parser.parse_args(arguments)
    folder = given.folder or default_folder()
    if not (folder / "corpus.jsonl").is_file():
        print(
            f"There is no corpus in {folder}, so nothing was measured. Name its folder, or set CAMERA_AUDITOR_CORPUS."
        )
        return 2
    rules = load_rules()
    answers, whole = read_answers(folder), read_devices(folder)
    lines = report(answers, whole, rules)
    print("\n".join(lines))
    if given.verbose:
        print("\n".join(details(answers, whole, rules)))
    if given.markdown:
        try:
            write_page(page, lines)
        except (OSError, ValueError) as error:
            print(f"The tables were not written: {error}")
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
