"""Finds words that no file of the repository may hold; run as a program by `make lint` and by test_house_words.

    python tests/project/house_words.py [FOLDER]

Looked for: paths of somebody's machine, hosts of package registries (the lock files and the documents name none, so
that a site can use its own mirror), and notes to finish something later. Exit 0: none; 1: some, each printed as
`file:line: reason: text`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Written in pieces, so that this file passes its own check.
FORBIDDEN = {
    "a path of one machine": re.compile("(?<![\\w.-])/(?:" + "work|roo" + "t|home/\\w+)/[\\w.]"),
    "the host of a package registry": re.compile(
        "|".join(
            [
                "pypi\\." + "(?:org|io)",
                "pythonhosted\\." + "org",
                "npmjs\\." + "(?:org|com)",
                "deb\\.debian\\." + "org",
                "security\\.debian\\." + "org",
                "(?:registry-1\\.)?docker\\." + "io",
                "ghcr\\." + "io",
                "quay\\." + "io",
            ],
        ),
    ),
    "unfinished work": re.compile("\\b(?:TO" + "DO|FIX" + "ME|XX" + "X)\\b"),
}
# Bytes that are not text to anybody: a picture, a favicon, a capture.
_BINARY = frozenset({".png", ".ico", ".gif", ".jpg", ".pcap", ".pcapng", ".woff2", ".mo", ".der", ".gz", ".zip"})
_OWN_FOLDERS = (".git", ".venv", ".hypothesis", "artefacts", "build", "dist", "__pycache__", "demo-audit-", "audit-")


def files(folder: Path) -> Iterator[Path]:
    """Yield the files of a checkout that belong to the repository, committed or about to be."""
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=False, capture_output=True) if (folder / ".git").exists() else None
    if listed is not None and listed.returncode == 0:
        candidates = [folder / name for name in listed.stdout.decode().split("\0") if name]
    else:  # an unpacked archive, or a checkout of another user: everything but what the tools leave behind
        candidates = [
            path
            for path in folder.rglob("*")
            if not any(
                part.startswith(_OWN_FOLDERS) or part.endswith("_cache") for part in path.relative_to(folder).parts
            )
        ]
    for path in sorted(candidates):
        if path.suffix.lower() not in _BINARY and path.is_file() and not path.is_symlink():
            yield path


def problems(folder: Path) -> Iterator[str]:
    """Yield one line for each forbidden word, as `file:line: reason: text`."""
    for path in files(folder):
        text = path.read_bytes().decode("utf-8", "replace")
        for reason, pattern in FORBIDDEN.items():
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{path.relative_to(folder)}:{line}: {reason}: {match.group()}"


def main() -> int:
    """Print the problems of a folder, by default this repository."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
    found = list(problems(folder))
    print("\n".join(found) if found else f"house words: {sum(1 for _ in files(folder))} files hold none of them")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
