"""Measures how fast the commands are, on this machine, with the demo's data; `make bench` runs it.

    python tests/bench/measure_speed.py [COPIES]

COPIES (default 200) is how often the demo's devices are repeated as input of `auditor identify`. Prints one line for
each measurement: seconds of wall time, largest resident memory of the child, and a rate where one makes sense. Leaves
nothing behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def measure(name: str, *arguments: str, units: int = 0, unit: str = "") -> None:
    """Run `auditor` with arguments and print what it took.

    Raises:
        SystemExit: the command ended with something else than 0 or 1.
    """
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "auditor", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:
        raise SystemExit(f"auditor {' '.join(arguments)} ended with {process.returncode}")
    rate = f"{units / seconds:10.0f} {unit}/s" if units else ""
    print(f"{name:<44} {seconds:8.2f} s {usage.ru_maxrss / 1024:8.0f} MiB {rate}", flush=True)


def repeat(observations: Path, copies: int, into: Path) -> int:
    """Write the devices of a run `copies` times under new keys; return how many devices there are."""
    lines = [json.loads(line) for line in observations.read_text(encoding="utf-8").splitlines()]
    with into.open("w", encoding="utf-8") as stream:
        for copy in range(copies):
            for line in lines:
                stream.write(json.dumps({**line, "device": f"{line['device']}#{copy}"}) + "\n")
    return copies * len({line["device"] for line in lines})


def main() -> None:
    """Measure start-up, self-tests, the demo, identification and reporting."""
    copies = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as name:
        folder = Path(name)
        run = folder / "demo"
        measure("start (auditor --version)", "--version")
        measure("fingerprints check", "fingerprints", "check")
        measure("policies check", "policies", "check")
        measure("demo, the whole audit", "demo", "--quiet", "--out", str(run))
        many = folder / "many.jsonl"
        devices = repeat(run / "observations.jsonl", copies, many)
        measure(f"identify, {devices} devices", "identify", str(many), units=devices, unit="devices")
        measure("report of the demo, again", "report", str(run))


if __name__ == "__main__":
    main()
