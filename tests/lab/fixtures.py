"""Fixtures for tests that scan the emulated site; tests/conftest.py offers them everywhere."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .devices import HERE
from .netlab import Lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def lab() -> Iterator[Callable[..., Lab]]:
    """Return a factory: `lab("office")` builds a site on namespaces; all of them are removed when the test ends."""
    with ExitStack() as stack:
        yield lambda site="office", **options: stack.enter_context(Lab(site, **options))


@pytest.fixture(scope="module")
def office() -> Iterator[Lab]:
    """The office site, shared by the tests of a module; call `office.reset()` before counting."""
    with Lab("office") as built:
        yield built


class Demo:
    """The loopback site in its own process.

    Attributes:
        ready: the line that it printed when it was ready.
        site_file: the site file that it wrote.
    """

    def __init__(
        self, site_file: Path, site: str = "demo", script: Path = HERE / "serve.py", before: tuple[str, ...] = ()
    ) -> None:
        """Start it; `script` is another copy of serve.py, `before` a command line that runs it."""
        self.site_file = site_file
        # The addresses are fixed: whoever comes second on this machine waits.
        self._lock = (Path(tempfile.gettempdir()) / f"calab-demo-{os.getuid()}.lock").open("w", encoding="utf-8")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.process = subprocess.Popen(
            [*before, sys.executable, "-I", str(script), "demo", "--site", site, "--write-site", str(site_file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the demo did not start: exit status {self.close()}")
        self.ready: dict[str, Any] = json.loads(line)

    def counters(self) -> dict[str, Any]:
        """Return what each device saw."""
        self.process.stdin.write("counters\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> int:
        """End it by closing its standard input; return its exit status."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            status = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process.stdout.close()
        self._lock.close()
        return status


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """The loopback demo site; its addresses are fixed, so only one runs at a time on a machine."""
    running = Demo(tmp_path / "site.yaml")
    try:
        yield running
    finally:
        running.close()
