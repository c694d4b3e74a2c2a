"""The end of an audit on a terminal: plain text that fits its width and holds no control character but the newline."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from auditor.common.clues import N_
from auditor.model import CoverageState, Kind
from auditor.report import words
from auditor.report.figures import reasons, shown_of
from auditor.report.language import Language, shown
from auditor.report.sentence import headline
from auditor.report.writing import device_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from auditor.model import Audit, Device

_NARROWEST = 40
_SHOWN = 25  # devices of one list; the report holds them all
_SENTENCE = 512  # characters
FILES = (
    ("report.html", N_("the report, for people")),
    ("plan.csv", N_("the removal plan, for a spreadsheet")),
    ("audit.json", N_("everything, for programs")),
    ("observations.jsonl", N_("what each device said, and what was read from it")),
)


def summary_text(audit: Audit, width: int = 80, *, folder: str | None = None, language: Language | None = None) -> str:
    """Return the result for a terminal.

    Args:
        audit: finished or interrupted.
        width: columns of the terminal; fewer than 40 count as 40.
        folder: where the files of the run are; without it they are not listed.
        language: of the text.
    """
    language = language or Language()
    width = max(width, _NARROWEST)
    lines: list[str] = []
    for paragraph, indent in _paragraphs(audit, folder, language):
        if not paragraph:
            lines.append("")
            continue
        lines += textwrap.wrap(paragraph, width, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def _paragraphs(audit: Audit, folder: str | None, language: Language) -> Iterator[tuple[str, str]]:
    """Yield (paragraph, indent of its further lines); an empty paragraph is an empty line."""
    _ = language.text
    yield headline(audit, language), ""
    yield from _list(_("This audit is incomplete:"), [shown(reason, _SENTENCE) for reason in reasons(audit)])
    yield from _cut_list(_("Flagged"), [_device_line(device, language) for device in _flagged(audit)], language)
    yield from _cut_list(_("To check by hand"), list(_check_lines(audit, language)), language)
    yield "", ""
    yield _("Addresses in scope: %(n)s", n=language.number(audit.coverage.scope_size)), ""
    for state in CoverageState:
        if number := audit.coverage.states.get(state, 0):
            yield f"{language.number(number):>9}  {_(words.STATE[state])}", " " * 11
    hidden = [shown(sentence, _SENTENCE) for sentence in audit.coverage.hidden]
    yield from _list(_("What this audit could not see:"), hidden)
    if folder is not None:
        yield "", ""
        yield _("Files in %(folder)s:", folder=folder), ""
        for name, meaning in FILES:
            yield f"  {name:<20} {_(meaning)}", " " * 23


def _list(title: str, lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    if lines:
        yield "", ""
        yield title, ""
        yield from ((f"  - {line}", "    ") for line in lines)


def _cut_list(title: str, lines: Sequence[str], language: Language) -> Iterator[tuple[str, str]]:
    if not lines:
        return
    yield "", ""
    yield f"{title} ({language.number(len(lines))})", ""
    kept = shown_of(len(lines), _SHOWN)
    yield from ((f"  {line}", "    ") for line in lines[:kept])
    if len(lines) > kept:
        yield "  " + language.text("and %(n)s more, in the report", n=language.number(len(lines) - kept)), "    "


def _flagged(audit: Audit) -> list[Device]:
    return sorted((device for device in audit.devices if device.flagged), key=device_order)


def _check_lines(audit: Audit, language: Language) -> Iterator[str]:
    devices = {device.id: device for device in audit.devices}
    for device_id, reason in audit.plan.to_check:
        device = devices.get(device_id)
        name = device.addresses[0] if device and device.addresses else device_id
        yield language.text("%(name)s: %(reason)s", name=shown(name), reason=shown(reason, _SENTENCE))


def _device_line(device: Device, language: Language) -> str:
    _ = language.text
    identity = device.identity
    decision = _(words.DECISION[device.findings[0].decision]) if device.findings else _("Not judged")
    known = [_(words.KIND[identity.kind]).lower()] if identity.kind is not Kind.UNKNOWN else []
    known += [shown(identity.model, 64)] if identity.model else []
    return _(
        "%(address)s  %(decision)s: %(maker)s, %(what)s, %(sure)s, zone %(zone)s (%(role)s)",
        address=shown(device.addresses[0] if device.addresses else device.id),
        decision=decision,
        maker=shown(identity.maker or _("maker not known")),
        what=" ".join(known) or _("kind not known"),
        sure=_(words.VERDICT[identity.verdict]).lower(),
        zone=shown(device.zone, 64),
        role=_(words.ROLE[device.zone_role]),
    )
