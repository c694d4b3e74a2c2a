"""The result in one sentence that a minister could read out without being wrong."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from auditor.model import Verdict
from auditor.report.figures import count
from auditor.report.language import Language, local_time

if TYPE_CHECKING:
    from auditor.model import Audit
    from auditor.report.figures import Counts

_SHORT = dt.timedelta(minutes=5)  # shorter audits are told with seconds


def headline(audit: Audit, language: Language | None = None) -> str:
    """Return the result in one sentence.

    It always says how large the scope was, from where and when the audit looked, what was not covered, and how sure it
    is; an audit without a finding is worded as what it is, no sighting rather than an absence.
    """
    _ = (language or Language()).text
    return _("%(finding)s: %(basis)s.", finding=finding(audit, language), basis=basis(audit, language))


def finding(audit: Audit, language: Language | None = None) -> str:
    """Return the first half of the headline: what was found. It ends without a full stop."""
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


def basis(audit: Audit, language: Language | None = None) -> str:
    """Return the second half of the headline: on what that rests. It starts small and ends without a full stop."""
    language = language or Language()
    counts = count(audit)
    parts = {
        "answered": language.number(counts.answered), "identified": language.number(counts.identified),
        "no_answer": language.number(counts.no_answer), "excluded": language.number(counts.excluded),
        "not_covered": language.number(counts.not_covered), "vantage": audit.run.vantage.rstrip(" ."),
        "time": time_window(audit, language), "confidence": _confidence(counts, language),
    }  # fmt: skip
    return language.plural(
        "of %(n)s address in scope, %(answered)s answered (%(identified)s identified), %(no_answer)s gave no answer, "
        "%(excluded)s excluded on request, %(not_covered)s not covered; seen from %(vantage)s, %(time)s; "
        "%(confidence)s",
        "of %(n)s addresses in scope, %(answered)s answered (%(identified)s identified), %(no_answer)s gave no answer, "
        "%(excluded)s excluded on request, %(not_covered)s not covered; seen from %(vantage)s, %(time)s; "
        "%(confidence)s",
        counts.scope,
        **parts,
    )


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
    number = language.number(counts.to_check)
    if not counts.flagged:
        return language.plural(
            "No device at %(site)s is flagged yet, but %(n)s device must be checked by hand first",
            "No device at %(site)s is flagged yet, but %(n)s devices must be checked by hand first",
            counts.to_check, site=site,
        )  # fmt: skip
    if counts.to_check:
        return language.plural(
            "%(n)s device at %(site)s is flagged for removal or disconnection, and %(check)s still to be checked by "
            "hand",
            "%(n)s devices at %(site)s are flagged for removal or disconnection, and %(check)s still to be checked by "
            "hand",
            counts.flagged, site=site, check=number,
        )  # fmt: skip
    return language.plural(
        "%(n)s device at %(site)s is flagged for removal or disconnection",
        "%(n)s devices at %(site)s are flagged for removal or disconnection",
        counts.flagged, site=site,
    )  # fmt: skip


def _nothing_flagged(audit: Audit, counts: Counts, language: Language) -> str:
    _ = language.text
    site = audit.site.name
    if audit.run.interrupted:
        return _("The audit of %(site)s was interrupted before it flagged a device, and says nothing about what it did "
                 "not reach", site=site)  # fmt: skip
    if not audit.run.complete:
        return _("The audit of %(site)s is incomplete: it flagged no device, and cannot say that there is none",
                 site=site)  # fmt: skip
    if not counts.video:
        return _("No camera was seen at %(site)s, which does not show that there is none", site=site)
    return _("No device that the rules flag was seen at %(site)s", site=site)


def _confidence(counts: Counts, language: Language) -> str:
    verdicts = counts.flagged_verdicts if counts.flagged else counts.verdicts
    numbers = {
        "confirmed": language.number(verdicts[Verdict.CONFIRMED]),
        "probable": language.number(verdicts[Verdict.PROBABLE]),
        "possible": language.number(verdicts[Verdict.POSSIBLE]),
        "unidentified": language.number(verdicts[Verdict.UNIDENTIFIED]),
    }
    if not counts.devices:
        return language.text("no device whose identity could be judged")
    if counts.flagged:
        return language.text(
            "certainty of the flagged devices: %(confirmed)s confirmed, %(probable)s probable, %(possible)s possible",
            **numbers,
        )
    return language.text(
        "certainty of all devices: %(confirmed)s confirmed, %(probable)s probable, %(possible)s possible, "
        "%(unidentified)s not identified",
        **numbers,
    )
