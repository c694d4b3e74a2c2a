"""The result in a few sentences that a minister could read out without being wrong."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from auditor.model import Verdict
from auditor.report.figures import count, shown_of
from auditor.report.language import Language, local_time, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.model import Audit
    from auditor.report.figures import Counts

_MAKERS = 6  # named one by one
_SHORT = dt.timedelta(minutes=5)  # shorter audits are told with seconds


def headline(audit: Audit, language: Language | None = None) -> str:
    """Return the result in a few whole sentences.

    They always say how large the scope was, from where and when the audit looked, what was not covered, and how sure it
    is; an audit without a finding is worded as what it is, no sighting rather than an absence.
    """
    parts = (finding(audit, language), details(audit, language), basis(audit, language))
    return " ".join(part for part in parts if part)


def finding(audit: Audit, language: Language | None = None) -> str:
    """Return the first sentence of the headline: what was found, by maker."""
    language = language or Language()
    _ = language.text
    counts = count(audit)
    if not counts.flagged and not counts.to_check:
        text = _nothing_flagged(audit, counts, language)
    else:
        text = _something_flagged(audit.site.name, counts, language)
        if audit.run.interrupted:
            text = _("INTERRUPTED AUDIT: %(finding)s", finding=text)
        elif not audit.run.complete:
            text = _("INCOMPLETE AUDIT: %(finding)s", finding=text)
    return _("EMULATED: %(finding)s", finding=text) if audit.run.emulated else text


def details(audit: Audit, language: Language | None = None) -> str:
    """Return what the flagged devices carry and where they stand, and how many devices a person must look at first.

    Empty when nothing is flagged.
    """
    language = language or Language()
    counts = count(audit)
    if not counts.flagged:
        return ""
    sentences = [*_label_and_network(counts, language)]
    if counts.to_check:
        sentences.append(language.plural(
            "%(n)s device must still be checked by hand.", "%(n)s devices must still be checked by hand.",
            counts.to_check,
        ))  # fmt: skip
    return " ".join(sentences)


def basis(audit: Audit, language: Language | None = None) -> str:
    """Return the sentences that tell on what the finding rests: coverage, vantage, time and certainty."""
    language = language or Language()
    counts = count(audit)
    numbers = {
        "answered": language.number(counts.answered), "identified": language.number(counts.identified),
        "no_answer": language.number(counts.no_answer), "excluded": language.number(counts.excluded),
        "not_covered": language.number(counts.not_covered),
    }  # fmt: skip
    coverage = language.plural(
        "Of %(n)s address in scope, %(answered)s answered (%(identified)s identified), %(no_answer)s gave no answer, "
        "%(excluded)s were excluded in the site file and %(not_covered)s were not covered.",
        "Of %(n)s addresses in scope, %(answered)s answered (%(identified)s identified), %(no_answer)s gave no answer, "
        "%(excluded)s were excluded in the site file and %(not_covered)s were not covered.",
        counts.scope,
        **numbers,
    )
    looked = language.text(
        "The audit looked from %(vantage)s, %(time)s.",
        vantage=audit.run.vantage.rstrip(" ."), time=time_window(audit, language),
    )  # fmt: skip
    return f"{coverage} {looked} {_confidence(counts, language)}"


def time_window(audit: Audit, language: Language) -> str:
    """Return when the audit ran, in the site's time zone, which it names."""
    _ = language.text
    start, zone = local_time(audit.run.started, audit.site.timezone)
    if audit.run.finished is None:
        return _("%(day)s from %(from)s, not finished (%(zone)s)",
                 **{"day": language.day(start), "from": language.clock(start), "zone": zone})  # fmt: skip
    end, zone = local_time(audit.run.finished, audit.site.timezone)
    seconds = end - start < _SHORT
    times = {"day": language.day(start), "from": language.clock(start, seconds=seconds), "zone": zone}
    times |= {"last_day": language.day(end), "to": language.clock(end, seconds=seconds)}
    if start.date() == end.date():
        return _("%(day)s from %(from)s to %(to)s (%(zone)s)", **times)
    return _("%(day)s %(from)s to %(last_day)s %(to)s (%(zone)s)", **times)


def _something_flagged(site: str, counts: Counts, language: Language) -> str:
    if not counts.flagged:
        return language.plural(
            "No device at %(site)s is flagged yet, but %(n)s device must be checked by hand first.",
            "No device at %(site)s is flagged yet, but %(n)s devices must be checked by hand first.",
            counts.to_check, site=site,
        )  # fmt: skip
    return language.plural(
        "%(n)s device at %(site)s is flagged for removal or disconnection: %(makers)s.",
        "%(n)s devices at %(site)s are flagged for removal or disconnection: %(makers)s.",
        counts.flagged, site=site, makers=_makers(counts, language),
    )  # fmt: skip


def _makers(counts: Counts, language: Language) -> str:
    """Return e.g. `10 Hikvision, 5 Dahua`."""
    kept = counts.makers[: shown_of(len(counts.makers), _MAKERS)]
    parts = [
        language.text("%(n)s %(maker)s", n=language.number(number), maker=shown(maker, 64))
        if maker is not None
        else language.text("%(n)s of a maker not known", n=language.number(number))
        for maker, number in kept
    ]
    if rest := sum(number for _, number in counts.makers[len(kept) :]):
        parts.append(language.text("%(n)s of other makers", n=language.number(rest)))
    return ", ".join(parts)


def _label_and_network(counts: Counts, language: Language) -> Iterator[str]:
    _, plural = language.text, language.plural
    if counts.flagged == 1:
        yield (
            _("It carries another label than its maker's.")
            if counts.rebrands
            else _("It is not known to carry another label than its maker's.")
        )
        if counts.role_unknown:
            yield _("It is in a zone whose role nobody has declared.")
        else:
            yield _("It is on a core network.") if counts.core else _("It is not on a core network.")
        return
    if counts.rebrands:
        yield plural("%(n)s of them carries another label than its maker's.",
                     "%(n)s of them carry another label than their maker's.", counts.rebrands)  # fmt: skip
    else:
        yield _("None of them is known to carry another label than its maker's.")
    if counts.core:
        yield plural("%(n)s of them is on a core network.", "%(n)s of them are on core networks.", counts.core)
    elif not counts.role_unknown:
        yield _("None of them is on a core network.")
    if counts.role_unknown:
        yield plural("%(n)s of them is in a zone whose role nobody has declared.",
                     "%(n)s of them are in zones whose role nobody has declared.", counts.role_unknown)  # fmt: skip


def _nothing_flagged(audit: Audit, counts: Counts, language: Language) -> str:
    _ = language.text
    site = audit.site.name
    if audit.run.interrupted:
        return _("The audit of %(site)s was interrupted before it flagged a device, and says nothing about what it did "
                 "not reach.", site=site)  # fmt: skip
    if not audit.run.complete:
        return _("The audit of %(site)s is incomplete: it flagged no device, and cannot say that there is none.",
                 site=site)  # fmt: skip
    if not counts.video:
        return _("No camera was seen at %(site)s, which does not show that there is none.", site=site)
    return _("No device that the rules flag was seen at %(site)s.", site=site)


def _confidence(counts: Counts, language: Language) -> str:
    verdicts = counts.flagged_verdicts if counts.flagged else counts.verdicts
    numbers = {
        "confirmed": language.number(verdicts[Verdict.CONFIRMED]),
        "probable": language.number(verdicts[Verdict.PROBABLE]),
        "possible": language.number(verdicts[Verdict.POSSIBLE]),
        "unidentified": language.number(verdicts[Verdict.UNIDENTIFIED]),
    }
    if not counts.devices:
        return language.text("There is no device whose identity could be judged.")
    if counts.flagged:
        return language.text(
            "The maker of the flagged devices is confirmed for %(confirmed)s, probable for %(probable)s and possible "
            "for %(possible)s.",
            **numbers,
        )
    return language.text(
        "The maker of all devices is confirmed for %(confirmed)s, probable for %(probable)s, possible for %(possible)s "
        "and not identified for %(unidentified)s.",
        **numbers,
    )
