"""A pytest plugin: with CI=true, a test that was skipped or expected to fail makes the session fail.

A skipped test proves nothing, and a machine on which half of the tests skip themselves looks green. Loaded for every
run by `pyproject.toml`; on a person's own machine (no CI variable) it does nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

_FALSE = frozenset({"", "0", "false", "no"})


def strict() -> bool:
    """Return whether this run must not skip: the CI variable is set to something that is not false."""
    return os.environ.get("CI", "").lower() not in _FALSE


def not_run(reporter: pytest.TerminalReporter) -> list[str]:
    """Return the node ids (or files) that were skipped, deselected, expected to fail, or passed against expectation."""
    reports = [report for kind in ("skipped", "xfailed", "xpassed") for report in reporter.stats.get(kind, ())]
    return sorted(
        {report.nodeid for report in reports} | {item.nodeid for item in reporter.stats.get("deselected", ())}
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn a run that would have been a success into a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if strict() and exitstatus == pytest.ExitCode.OK and reporter is not None and not_run(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests made it fail."""
    names: Sequence[str] = not_run(terminalreporter) if strict() else ()
    if names:
        terminalreporter.section("CI=true: these tests were not run, which counts as a failure", red=True, bold=True)
        for name in names:
            terminalreporter.line(name)
