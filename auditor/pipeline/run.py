"""One audit from a site file to a finished run folder."""

from __future__ import annotations

import asyncio
import platform
import re
import signal
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import uuid6

from auditor import report
from auditor.assess import load_packs
from auditor.common.clock import now
from auditor.common.errors import AuditorError, CannotScan, ExitCode, StorageError
from auditor.common.log import run_log
from auditor.identify import load_rules
from auditor.net.interfaces import route_to
from auditor.net.network import Network
from auditor.observe import observation_line, observe
from auditor.pipeline.conclude import Judge, RunFacts, conclude
from auditor.pipeline.gather import Gathered, gather
from auditor.pipeline.watch import Observer
from auditor.store import RunFolder, only_run_of
from auditor.store.folder import AUDIT, OBSERVATIONS, PLAN, REPORT, SITE, STATUS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from structlog.typing import FilteringBoundLogger

    from auditor.model import Audit, Outcome
    from auditor.net.network import Counters
    from auditor.site import SiteFile


# Ctrl-C, the platform's stop, and a terminal that went away.
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Result:
    """What a scan leaves behind.

    Attributes:
        audit: the finished audit.
        folder: where its files are.
        exit_code: as in design, section 5.
    """

    audit: Audit
    folder: Path
    exit_code: ExitCode


class _LoggingObserver(Observer):
    """Writes what happens to the run's log and passes it on."""

    def __init__(self, inner: Observer, log: FilteringBoundLogger) -> None:
        self._inner = inner
        self._log = log

    def attach(self, counters: Counters) -> None:
        self._inner.attach(counters)

    def stage(self, name: str, total: int | None = None) -> None:
        self._log.info("stage", name=name, total=total)
        self._inner.stage(name, total)

    def step(self, text: str = "") -> None:
        self._inner.step(text)

    def subnets(self, done: int, total: int) -> None:
        self._inner.subnets(done, total)

    def found(self, address: str) -> None:
        self._log.info("found", address=address)
        self._inner.found(address)

    def flagged(self, address: str, maker: str) -> None:
        self._log.info("flagged", address=address, maker=maker)
        self._inner.flagged(address, maker)

    def failed(self, address: str, error: Exception) -> None:
        self._log.error("internal error", address=address, exc_info=error)
        self._inner.failed(address, error)

    def say(self, text: str) -> None:
        self._log.info("note", text=text)
        self._inner.say(text)


def scan(site: SiteFile, path: Path, observer: Observer, *, emulated: bool = False) -> Result:
    """Audit a site and write the run's folder.

    Args:
        site: a loaded site file whose authorisation and size the caller has checked.
        path: folder of the run; must not hold a run yet.
        observer: told about progress.
        emulated: stamp every output EMULATED.

    Raises:
        LockHeld, UsageError, StorageError: before anything was sent.
        StorageError: later too, when the disk refuses; what was written before stays.
    """
    with only_run_of(site.path), RunFolder.create(path) as folder, folder.log_stream() as stream:
        log = run_log(stream)
        try:
            return _scan(site, folder, _LoggingObserver(observer, log), log, emulated=emulated)
        except AuditorError as error:
            log.warning("failed", reason=str(error), exit_code=int(error.exit_code))
            raise


def _scan(
    site: SiteFile, folder: RunFolder, observer: Observer, log: FilteringBoundLogger, *, emulated: bool
) -> Result:
    rules = load_rules(extra=site.rules_folder)
    judge = Judge(site, rules, load_packs(site.site.policies))
    folder.write(SITE, site.path.read_bytes())
    if site.rules_folder is not None:
        folder.keep_rules(site.rules_folder)
    started = now()
    run_id = str(uuid6.uuid7())
    vantage = _vantage(site)
    log.info(
        "started", run=run_id, site=site.site.name, site_file_sha256=site.sha256, authorised_by=site.authorisation.by,
        reference=site.authorisation.reference, tell_before=_told(site, "before"),
        scope=site.scope.size, pace=site.pace.name, vantage=vantage,
    )  # fmt: skip
    network = Network(site.pace, vantage=vantage)
    observer.attach(network.counters)
    gathered = Gathered()
    failure = _collect(site, network, gathered, observer, folder, judge)
    facts = RunFacts(
        id=run_id, started=started, finished=now(), vantage=vantage, emulated=emulated, counters=network.counters,
        cannot_scan=isinstance(failure, CannotScan),
    )  # fmt: skip
    with _undisturbed():
        return _finish(site, folder, observer, log, judge, gathered, failure, facts)


def _finish(
    site: SiteFile, folder: RunFolder, observer: Observer, log: FilteringBoundLogger, judge: Judge,
    gathered: Gathered, failure: AuditorError | None, facts: RunFacts,
) -> Result:  # fmt: skip
    """Judge what was gathered and write it."""
    observer.stage("write")
    if isinstance(failure, CannotScan):
        gathered.warnings.append(str(failure))
    elif failure is not None:
        gathered.interrupted = str(failure)
    audit = conclude(site, gathered, judge, facts)
    _write_observations(folder, gathered)
    write_outputs(folder, audit)
    if isinstance(failure, StorageError):
        raise failure
    log.info(
        "finished", exit_code=audit.run.exit_code, complete=audit.run.complete, reasons=list(audit.run.reasons),
        tell_after=_told(site, "after"), counters=audit.run.counters,
    )  # fmt: skip
    return Result(audit, folder.path, ExitCode(audit.run.exit_code))


def _told(site: SiteFile, moment: str) -> list[str]:
    return [who for when, who in site.contacts if when == moment]


def _collect(
    site: SiteFile, network: Network, into: Gathered, observer: Observer, folder: RunFolder, judge: Judge
) -> AuditorError | None:
    """Run the network half; return the failure that ended it, with everything found so far in `into`."""

    def finished(address: str) -> None:
        judge.preview(address, into, observer, now().date())

    def keep(outcome: Outcome) -> None:
        folder.append_outcome(outcome)

    async def main() -> None:
        async with network:
            work = asyncio.ensure_future(gather(site, network, into, observer, keep, finished))
            with _interruptible(work, into):
                await work

    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        into.interrupted = into.interrupted or "The audit was interrupted before its end."
    except BaseExceptionGroup as group:
        known, unknown = group.split(AuditorError)
        if unknown is not None or known is None:
            raise
        return _first(known)
    except AuditorError as error:
        return error
    return None


def _first(group: BaseExceptionGroup[AuditorError]) -> AuditorError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


@contextmanager
def _interruptible(work: asyncio.Future[None], into: Gathered) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the network half, so that a partial and marked report is still written."""
    loop = asyncio.get_running_loop()
    caught = _STOPS

    def stop(name: str) -> None:
        into.interrupted = f"The audit was interrupted ({name}) before its end."
        work.cancel()

    installed = []
    for number in caught:
        # A thread other than the main one cannot take signals; the caller then has its own way to cancel.
        with suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, stop, number.name)
            installed.append(number)
    try:
        yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM while results are written: it takes a moment, and they must be whole."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _vantage(site: SiteFile) -> str:
    """Return one sentence that says where the audit looked from; asking the kernel sends nothing."""
    sources: dict[str, str] = {}
    for subnet in site.scope.subnets():
        first = next(iter(subnet.addresses()), None)
        if first is None:
            continue
        try:
            route = route_to(first)
        except CannotScan:
            continue
        sources.setdefault(route.interface, route.source)
    seen_from = ", ".join(f"{name} ({address})" for name, address in sorted(sources.items()))
    return f"{platform.node() or 'unnamed host'}, {seen_from or 'no usable interface'}"


def _write_observations(folder: RunFolder, gathered: Gathered) -> None:
    folder.write_lines(
        OBSERVATIONS,
        (
            observation_line(outcome, observe(outcome, number))
            for address in gathered.outcomes
            for number, outcome in enumerate(gathered.outcomes[address])
        ),
    )


def write_outputs(folder: RunFolder, audit: Audit) -> None:
    """Write every report of a run; `status.json` comes last, so that its presence means the rest is there.

    Raises:
        StorageError: the disk refused; files that were not yet replaced keep their old content.
    """
    folder.write(AUDIT, report.dump(audit))
    folder.write(REPORT, report.render_html(audit))
    folder.write(PLAN, report.plan_csv(audit))
    folder.write(STATUS, report.dump_json(report.status(audit)))


def default_folder(site: SiteFile) -> Path:
    """Return the folder of a run that was not named: `audit-<site>-<UTC time>` in the current folder."""
    name = re.sub(r"[^a-z0-9]+", "-", site.site.name.lower()).strip("-")[:40] or "site"
    return Path(f"audit-{name}-{now():%Y%m%dT%H%M%SZ}")
