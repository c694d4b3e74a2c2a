"""Turns an audit into what the page shows, so that the templates only have to say how it looks."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from auditor.common.clues import N_, SEVERAL_VALUES, observed, why
from auditor.common.limits import MAX_DATA_AGE
from auditor.model import CoverageState, Decision, Location, Strength, Verdict
from auditor.report import figures, words
from auditor.report.language import Language, device_text, device_words, local_time, shown
from auditor.report.writing import device_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from auditor.model import Audit, Device, Evidence, Finding, Identity, SubnetCoverage, WorkOrder

_ANCHOR = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_DECISIONS = list(Decision)
_CHART_ROWS = 12
_RUNS_SHOWN = 40
SERIAL_TAIL = 6  # characters, as in the sentences of the plan
# Tenths of a percent at which the number alone would give the next better word, as it is printed.
_NEXT_WORD = {Verdict.PROBABLE: 990, Verdict.POSSIBLE: 900}
_NEVER = 1001
_CONFIRMED = 0.99 - 1e-9
_AGE = (N_("%(n)s day old when the audit began"), N_("%(n)s days old when the audit began"))
_OLD = (N_("%(n)s day old when the audit began: too old, ask for newer data"),
        N_("%(n)s days old when the audit began: too old, ask for newer data"))  # fmt: skip
_AHEAD = (N_("%(n)s day ahead of the clock of this audit"), N_("%(n)s days ahead of the clock of this audit"))
_QUOTED = 160  # characters of one answer of a device within a sentence


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device with its place in the page.

    Attributes:
        device: from the model.
        number: from 1, in the order of the page.
        anchor: id of its section or row, made of harmless characters only.
        decision: of its most urgent finding, or None.
        orders: its work orders.
        check: why a person must look first, or None.
    """

    device: Device
    number: int
    anchor: str
    decision: Decision | None
    orders: tuple[WorkOrder, ...]
    check: str | None

    @property
    def has_section(self) -> bool:
        """Return whether the page holds a section on this device with all its evidence."""
        return self.device.flagged or self.device.to_check

    @property
    def address(self) -> str:
        """Return the address it was probed at; the id where it has none."""
        return self.device.addresses[0] if self.device.addresses else self.device.id

    @property
    def place(self) -> Location:
        """Return where it hangs; every field may be empty."""
        return self.device.location or Location()


def device_views(audit: Audit) -> list[DeviceView]:
    """Return the devices in reading order: flagged by urgency, then to check, then the others, each by address."""
    orders: dict[str, list[WorkOrder]] = {}
    for wave in audit.plan.waves:
        for order in wave.orders:
            orders.setdefault(order.device, []).append(order)
    checks = dict(audit.plan.to_check)

    def urgency(device: Device) -> int:
        if device.flagged and device.findings:
            return _DECISIONS.index(device.findings[0].decision)
        return len(_DECISIONS) + (0 if device.flagged else 1 if device.to_check else 2)

    taken: set[str] = set()
    views = []
    for number, device in enumerate(sorted(audit.devices, key=lambda item: (urgency(item), device_order(item))), 1):
        anchor = f"device-{device.id}"
        if not _ANCHOR.fullmatch(device.id) or anchor in taken:
            anchor = f"device-number-{number}"
        taken.add(anchor)
        views.append(
            DeviceView(
                device, number, anchor, device.findings[0].decision if device.findings else None,
                tuple(orders.get(device.id, ())), checks.get(device.id),
            )
        )  # fmt: skip
    return views


class Chart(NamedTuple):
    """One bar chart with its table."""

    id: str
    title: str
    description: str
    column: str
    bars: list[figures.Bar]
    labels: list[str]
    height: int
    left_out: int


def charts(audit: Audit, language: Language) -> list[Chart]:
    """Return the charts of devices by maker, kind and zone."""
    _ = language.text
    unknown = _("Not known")
    kinds = {kind.value: _(text) for kind, text in words.KIND.items()}
    made = []
    for key, title, column, rows, names in (
        (
            "maker",
            _("Devices by maker"),
            _("Maker"),
            figures.group(audit.devices, lambda item: item.identity.maker),
            {},
        ),
        (
            "kind",
            _("Devices by kind"),
            _("Kind"),
            figures.group(audit.devices, lambda item: item.identity.kind.value),
            kinds,
        ),
        ("zone", _("Devices by zone"), _("Zone"), figures.group(audit.devices, lambda item: item.zone), {}),
    ):
        kept = rows[: figures.shown_of(len(rows), _CHART_ROWS)]
        labels = [unknown if row.key is None else names.get(row.key, shown(row.key, 40)) for row in kept]
        spoken = "; ".join(
            _("%(name)s: %(flagged)s flagged, %(check)s to check, %(other)s other", name=label,
              flagged=row.flagged, check=row.check, other=row.other)
            for label, row in zip(labels, kept, strict=True)
        )  # fmt: skip
        made.append(Chart(key, title, spoken, column, figures.bars(kept), labels,
                          max(1, len(kept)) * figures.BAR_PITCH, len(rows) - len(kept)))  # fmt: skip
    return made


class Step(NamedTuple):
    """One line of what to do first; `link` is an anchor of the page."""

    text: str
    link: str


def first_steps(audit: Audit, views: Sequence[DeviceView], language: Language) -> list[Step]:
    """Return what to do first, most urgent first, as whole sentences."""
    _, plural = language.text, language.plural
    counts = figures.count(audit)
    steps = []
    if not audit.run.complete or audit.run.interrupted:
        steps.append(Step(_("Read why this audit is incomplete, put that right, and run it again. Until then, nothing "
                            "here shows that a device is absent."), "not-seen"))  # fmt: skip
    filled = [wave for wave in audit.plan.waves if wave.orders]
    if filled:
        steps.append(Step(
            plural("Start with wave %(wave)s, “%(name)s”: %(n)s work order. %(goal)s",
                   "Start with wave %(wave)s, “%(name)s”: %(n)s work orders. %(goal)s",
                   len(filled[0].orders), wave=filled[0].number, name=shown(filled[0].name),
                   goal=filled[0].goal),
            f"wave-{filled[0].number}"))  # fmt: skip
        deadlines = sorted(order.deadline for wave in filled for order in wave.orders if order.deadline)
        today = local_time(audit.run.finished or audit.run.started, audit.site.timezone)[0].date()
        passed = sum(deadline < today for deadline in deadlines)
        if passed:
            steps.append(Step(
                plural("The deadline of %(n)s work order had already passed on the day of the audit. Tell the person "
                       "who signed the authorisation.",
                       "The deadlines of %(n)s work orders had already passed on the day of the audit. Tell the person "
                       "who signed the authorisation.", passed), "plan"))  # fmt: skip
        elif deadlines:
            steps.append(Step(_("Keep the first deadline: %(day)s.", day=language.day(deadlines[0])), "plan"))
    if counts.to_check:
        steps.append(Step(
            plural("Check %(n)s device by hand: go there and compare the label with what this report says.",
                   "Check %(n)s devices by hand: go there and compare the labels with what this report says.",
                   counts.to_check), "to-check"))  # fmt: skip
    unknown = sum(view.device.state == CoverageState.ANSWERED_UNIDENTIFIED for view in views)
    if unknown:
        steps.append(Step(
            plural("%(n)s device answered without showing what it is. Find out what it is: it may be a camera.",
                   "%(n)s devices answered without showing what they are. Find out what they are: some may be cameras.",
                   unknown), "other-devices"))  # fmt: skip
    steps.append(Step(_("Read what was not seen before anyone relies on these numbers."), "not-seen"))
    return steps


class StateRow(NamedTuple):
    """One coverage state of the whole scope."""

    state: CoverageState
    label: str
    meaning: str
    number: int


def state_rows(states: dict[CoverageState, int], language: Language) -> list[StateRow]:
    """Return all nine states in their fixed order, those without an address too."""
    _ = language.text
    return [
        StateRow(state, _(words.STATE[state]), _(words.STATE_MEANING[state]), states.get(state, 0))
        for state in CoverageState
    ]


def states_present(rows: Sequence[SubnetCoverage]) -> list[CoverageState]:
    """Return the states that occur in any subnet, in their fixed order."""
    return [state for state in CoverageState if any(row.states.get(state, 0) for row in rows)]


class Gap(NamedTuple):
    """Addresses that share a state and a reason."""

    label: str
    reason: str
    number: int
    runs: list[str]
    runs_left_out: int


def gaps(audit: Audit, language: Language) -> list[Gap]:
    """Return the addresses that are neither identified, answered, nor silent, grouped by state and reason."""
    grouped: dict[tuple[CoverageState, str], list[str]] = {}
    for address, state, reason in audit.coverage.by_address:
        if state in figures.NOT_COVERED or state in {CoverageState.FILTERED, CoverageState.EXCLUDED}:
            grouped.setdefault((state, reason), []).append(address)
    order = list(CoverageState)
    found = []
    for (state, reason), addresses in sorted(grouped.items(), key=lambda item: (order.index(item[0][0]), item[0][1])):
        runs = figures.ranges(addresses)
        kept = figures.shown_of(len(runs), _RUNS_SHOWN)
        found.append(Gap(language.text(words.STATE[state]), reason, len(addresses), runs[:kept], len(runs) - kept))
    return found


def seen_at(device: Device, timezone: str, language: Language) -> str:
    """Return when a device was first seen, in the site's time zone; text that is no moment comes as it is."""
    try:
        moment = dt.datetime.fromisoformat(device.first_seen)
    except ValueError:
        return device.first_seen
    if moment.tzinfo is None:
        return device.first_seen
    return language.day_and_clock(local_time(moment, timezone)[0])


def sureness(identity: Identity, language: Language) -> str:
    """Return verdict and percentage; where the number alone would have earned a better word, what keeps it back."""
    _ = language.text
    word = _(words.VERDICT[identity.verdict])
    tenths = round(identity.confidence * 1000)
    if tenths < _NEXT_WORD.get(identity.verdict, _NEVER):
        return _("%(sure)s, %(percent)s", sure=word, percent=language.percent(identity.confidence))
    if any(conflict.about == "maker" for conflict in identity.conflicts):
        return _("%(sure)s, because evidence on the maker contradicts itself", sure=word)
    if identity.verdict is Verdict.PROBABLE and identity.confidence >= _CONFIRMED:
        return _("%(sure)s, because only one kind of evidence shows it", sure=word)
    return word


def serial_tail(identity: Identity) -> str:
    """Return the end of the serial number, as long as in the sentences of a work order: a sheet of paper gets lost."""
    return (identity.serial or "")[-SERIAL_TAIL:]


class EvidenceRow(NamedTuple):
    """One thing that was seen, with all that the rules say about it.

    Attributes:
        sentence: what was seen, in plain words.
        port: of the answer, or None.
        says: what it says; a weaker rule than the strongest adds its strength.
        strength: of the strongest rule.
        against: it speaks against the identity.
        rules: (fingerprint, source).
    """

    sentence: Markup
    port: int | None
    says: list[Markup]
    strength: str
    against: bool
    rules: list[tuple[str, str]]


def evidence_rows(identity: Identity, language: Language) -> list[EvidenceRow]:
    """Return the evidence, strongest first; rules that matched the same answer stand together."""
    grouped: dict[tuple[str, str, int | None, bool], list[Evidence]] = {}
    for item in identity.evidence:
        against = item.strength is Strength.AGAINST
        grouped.setdefault((item.observation, item.value, item.port, against), []).append(item)
    rows = []
    for (_key, _value, port, against), items in grouped.items():
        strongest = items[0].strength
        says: dict[str, Markup] = {}
        for item in items:
            words_of_rule = device_text(item.says)
            if item.strength is not strongest:
                words_of_rule = language.html(
                    N_("%(says)s (%(strength)s)"),
                    says=words_of_rule,
                    strength=language.text(words.STRENGTH[item.strength]).lower(),
                )
            says.setdefault(item.says, words_of_rule)
        rows.append(
            EvidenceRow(
                evidence_sentence(items[0], language),
                port,
                list(says.values()),
                language.text(words.STRENGTH[strongest]),
                against,
                list(dict.fromkeys((item.fingerprint, item.source) for item in items)),
            )
        )
    return rows


def evidence_sentence(item: Evidence, language: Language) -> Markup:
    """Return in plain words what was seen: one sentence with the device's own text in it, on one line and cut."""
    separator = ", " if item.observation in SEVERAL_VALUES else " "
    value = device_words(separator.join(line.strip("\r\t ") for line in item.value.split("\n")), _QUOTED)
    return language.html(observed(item.observation), observation=item.observation, value=value)


def clues(identity: Identity, language: Language) -> list[Markup]:
    """Return why the maker is named: one sentence or two for each independent clue, in order of weight."""
    if identity.maker is None:
        return []
    maker = device_text(identity.maker)
    told = []
    for place in identity.rests_on:
        item = identity.evidence[place]
        sight = evidence_sentence(item, language)
        reason = language.html(why(item), maker=maker)
        told.append(
            language.html(N_("%(seen)s Port %(port)s. %(why)s"), seen=sight, port=item.port, why=reason)
            if item.port
            else language.html(N_("%(seen)s %(why)s"), seen=sight, why=reason)
        )
    return told


class Guide(NamedTuple):
    """A list of what to look for on a unit, printed once for all devices that need the same one.

    Attributes:
        number: from 1.
        sentences: as in `Identity.look_for`.
        views: the devices, in the order of the page.
    """

    number: int
    sentences: tuple[str, ...]
    views: list[DeviceView]


def guides(views: Sequence[DeviceView]) -> dict[tuple[str, ...], Guide]:
    """Return the lists of what to look for, by their sentences, in the order in which the page needs them."""
    found: dict[tuple[str, ...], Guide] = {}
    for view in views:
        sentences = view.device.identity.look_for
        if sentences:
            found.setdefault(sentences, Guide(len(found) + 1, sentences, [])).views.append(view)
    return found


def unit_facts(identity: Identity, language: Language) -> list[tuple[str, str]]:
    """Return what model name and serial number say of the unit, as (name, text) in words of our own."""
    _ = language.text
    rows = []
    if identity.manufactured:
        day = dt.date.fromisoformat(identity.manufactured)
        rows.append((_("Made on"), language.day(day)))
    if identity.megapixels is not None:
        rows.append((_("Resolution"), _("%(number)s megapixels", number=f"{identity.megapixels:g}")))
    if identity.lens:
        rows.append((_("Lens"), _(words.LENS[identity.lens]) if identity.lens in words.LENS else identity.lens))
    if identity.channels is not None:
        rows.append((_("Channels"), language.number(identity.channels)))
    if identity.functions:
        named = [_(words.FUNCTION[name]) if name in words.FUNCTION else name for name in identity.functions]
        rows.append((_("Functions"), ", ".join(named)))
    return rows


class RuleRow(NamedTuple):
    """One rule that applied to a device, with its sources."""

    anchor: str
    rule: str
    force: str
    devices: int
    sources: list[str]
    second_hand: bool


def rule_rows(audit: Audit, language: Language) -> list[RuleRow]:
    """Return the rules that applied, in the order of the policies and then by name."""
    found: dict[tuple[str, str], list[Finding]] = {}
    devices: Counter[tuple[str, str]] = Counter()
    for device in audit.devices:
        for finding in device.findings:
            found.setdefault((finding.policy, finding.rule), []).append(finding)
        devices.update({(finding.policy, finding.rule) for finding in device.findings})
    order = {policy: number for number, policy in enumerate(audit.site.policies)}
    rows = []
    keys = sorted(found, key=lambda key: (order.get(key[0], len(order)), key))
    for number, key in enumerate(keys, 1):
        findings = found[key]
        rows.append(
            RuleRow(
                f"rule-{number}",
                key[1],
                language.text(words.FORCE[findings[0].force]),
                devices[key],
                list(dict.fromkeys(source for finding in findings for source in finding.sources)),
                any(finding.source_read != "primary" for finding in findings),
            )
        )
    return rows


def data_ages(audit: Audit, language: Language) -> list[tuple[str, str, str]]:
    """Return name, date and age of each part of the data by name; the age is empty where the date is none."""
    rows = []
    began = local_time(audit.run.started, audit.site.timezone)[0].date()
    for name, day in sorted((audit.run.data_dates or {}).items()):
        try:
            age = (began - dt.date.fromisoformat(day)).days
        except ValueError:
            rows.append((name, day, ""))
            continue
        message = _OLD if age > MAX_DATA_AGE else _AGE if age >= 0 else _AHEAD
        rows.append((name, day, language.plural(*message, abs(age))))
    return rows


def counter_rows(counters: dict[str, int] | None, language: Language) -> list[tuple[str, str]]:
    """Return the counters as (name, number), known ones first in a fixed order."""
    counters = counters or {}
    rows = [
        (language.text(text), language.number(counters[name]))
        for name, text in words.COUNTER.items()
        if name in counters
    ]
    rest = sorted(set(counters) - set(words.COUNTER))
    return rows + [(shown(name).replace("_", " "), language.number(counters[name])) for name in rest]
