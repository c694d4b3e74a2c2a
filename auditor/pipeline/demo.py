"""`auditor demo`: a whole audit of the emulated site, on loopback, as any user."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.common.clock import now
from auditor.common.data import data_path
from auditor.common.errors import CannotScan
from auditor.pipeline import prepare
from auditor.pipeline.run import Result, scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from auditor.pipeline.watch import Observer

_STOP_WITHIN = 10.0  # s


def run_demo(out: Path | None, observer: Observer) -> Result:
    """Start the emulated site as its own process, audit it, stop it.

    Args:
        out: folder of the run; by default `demo-audit-<UTC time>` in the current folder.
        observer: told about progress.

    Raises:
        CannotScan: the emulated site did not start; the text says what it printed.
    """
    with tempfile.TemporaryDirectory(prefix="auditor-demo-") as folder, _emulated_site(Path(folder)) as site_file:
        return scan(prepare(site_file), out or Path(f"demo-audit-{now():%Y%m%dT%H%M%SZ}"), observer, emulated=True)


@contextmanager
def _emulated_site(folder: Path) -> Iterator[Path]:
    site_file = folder / "site.yaml"
    said = folder / "emulated-site.txt"
    with (
        said.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-I", str(data_path("lab") / "serve.py"), "demo", "--write-site", str(site_file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        ) as process,
    ):  # fmt: skip
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("{") or not json.loads(line).get("ready"):
                process.kill()
                why = said.read_text("utf-8", "replace").strip().splitlines()[-1:]
                raise CannotScan(f"the emulated site did not start: {why or line.strip() or 'it printed nothing'}")
            yield site_file
        finally:
            # The emulated site ends when its standard input closes.
            if process.stdin:
                process.stdin.close()
            try:
                process.wait(_STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
