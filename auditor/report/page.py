"""Writes `report.html`: one file that needs nothing else, runs nothing and asks for nothing."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: TID251  (this stage owns the templates)
from markupsafe import Markup

from auditor.common.data import data_path
from auditor.model import CoverageState
from auditor.report import figures, views, words
from auditor.report.language import Language, device_text, for_output, local_time, shown, source_link
from auditor.report.sentence import basis, details, finding, time_window

if TYPE_CHECKING:
    from auditor.model import Audit

_CSS_PLAIN = re.compile(r"[A-Za-z0-9 ]|[^\x00-\x7f]")


def render_html(audit: Audit, language: Language | None = None) -> str:
    """Return the report as one HTML page.

    The page holds its style sheet, allows no other source in its content security policy, and has no script. Everything
    that is not a message of ours passes `language.for_output` and Jinja's escaping.

    Args:
        audit: finished or interrupted.
        language: of the words of the page; the sentences of findings and work orders come as they are.

    Raises:
        jinja2.UndefinedError: a template names something that is not there: a fault of ours.
    """
    language = language or Language()
    _ = language.text
    style = _style(audit, language)
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    devices = views.device_views(audit)
    by_id = {view.device.id: view for view in devices}
    states = audit.coverage.states
    rules = views.rule_rows(audit, language)
    start, zone = local_time(audit.run.started, audit.site.timezone)
    return _environment().get_template("report.html.j2").render(
        _=language.html, ngettext=language.html_plural, language=language, words=words,
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'",
        style=Markup(style),  # noqa: S704  (our own style sheet; the one value in it is escaped for CSS)
        audit=audit, site=audit.site, run=audit.run, coverage=audit.coverage, plan=audit.plan,
        counts=figures.count(audit), finding=finding(audit, language), details=details(audit, language),
        basis=basis(audit, language), serial_tail=views.serial_tail,
        sureness=functools.partial(views.sureness, language=language),
        time_window=time_window(audit, language), audit_day=language.day(start), audit_zone=zone,
        steps=views.first_steps(audit, devices, language),
        devices=devices, by_id=by_id,
        sections=[view for view in devices if view.has_section],
        others=[view for view in devices if not view.has_section],
        checks=[(device_id, reason, by_id.get(device_id)) for device_id, reason in audit.plan.to_check],
        waves=[wave for wave in audit.plan.waves if wave.orders],
        charts=views.charts(audit, language),
        states=views.state_rows(states, language), pieces=figures.coverage_pieces(states),
        subnet_states=views.states_present(audit.coverage.by_subnet),
        all_states=list(CoverageState), gaps=views.gaps(audit, language),
        reasons=figures.reasons(audit), data_ages=views.data_ages(audit, language),
        counters=views.counter_rows(audit.run.counters, language),
        evidence_sentence=functools.partial(views.evidence_sentence, language=language),
        seen_at=functools.partial(views.seen_at, timezone=audit.site.timezone, language=language),
        evidence_rows=functools.partial(views.evidence_rows, language=language),
        clues=functools.partial(views.clues, language=language), guides=views.guides(devices),
        unit_facts=functools.partial(views.unit_facts, language=language),
        rules=rules, rule_anchors={row.rule: row.anchor for row in rules},
        title=_("EMULATED: camera audit of %(site)s", site=shown(audit.site.name)) if audit.run.emulated
        else _("Camera audit of %(site)s", site=shown(audit.site.name)),
    )  # fmt: skip


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(data_path("reports") / "templates"), autoescape=True, undefined=StrictUndefined,
        finalize=for_output, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, auto_reload=False,
    )  # fmt: skip
    environment.filters["device"] = device_text
    environment.filters["source"] = source_link
    return environment


@functools.cache
def _style_sheet() -> str:
    return (data_path("reports") / "static" / "report.css").read_text(encoding="utf-8")


def _style(audit: Audit, language: Language) -> str:
    """Return the style sheet with the running header and footer of this audit's printed pages."""
    _ = language.text
    start, _zone = local_time(audit.run.started, audit.site.timezone)
    name = _("Camera audit of %(site)s, %(day)s", site=shown(audit.site.name, 60), day=language.day(start))
    boxes = {
        "@top-left": _css_text(name),
        "@bottom-left": _css_text(_("Run %(id)s", id=shown(audit.run.id, 40))),
        "@bottom-right": f"counter(page) {_css_text(' / ')} counter(pages)",
    }  # fmt: skip
    stamps = [_("EMULATED: not a real site")] if audit.run.emulated else []
    if not audit.run.complete or audit.run.interrupted:
        stamps.append(_("INCOMPLETE AUDIT"))
    if stamps:
        boxes["@top-right"] = _css_text("   ".join(stamps))
    rules = "".join(f"  {box} {{ content: {content}; }}\n" for box, content in boxes.items())
    return f"{_style_sheet()}\n@page {{\n{rules}}}\n"


def _css_text(text: str) -> str:
    """Return a CSS string: all ASCII but letters, digits and spaces is escaped, so nothing ends string or tag."""
    return '"' + "".join(char if _CSS_PLAIN.fullmatch(char) else f"\\{ord(char):x} " for char in text) + '"'
