"""The published JSON Schemas of what the auditor writes; the files are the truth, this only loads them."""

from __future__ import annotations

import json
from typing import Any, cast

from auditor.common.data import data_path


def audit_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `audit.json`.

    Raises:
        FileNotFoundError: the installation lacks its data folder.
    """
    return _load("audit")


def observation_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one line of `observations.jsonl` or `outcomes.jsonl`.

    Raises:
        FileNotFoundError: the installation lacks its data folder.
    """
    return _load("observation")


def _load(name: str) -> dict[str, Any]:
    path = data_path("reports") / "schema" / f"{name}.schema.json"
    return cast("dict[str, Any]", json.loads(path.read_text(encoding="utf-8")))
