"""The run's log: JSON lines, one event a line; secrets are struck out and device text is escaped at the sink."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, BinaryIO

import structlog

from auditor.common.clock import stamp
from auditor.common.display import visible

if TYPE_CHECKING:
    from collections.abc import MutableMapping

STRUCK = "[struck out]"
# What may carry a credential in text that a device echoes (reliability row 75).
_SECRETS = (
    re.compile(r"(?is)<(?P<p>[\w-]*:?)Security\b.{0,8192}?</(?P=p)Security\s*>"),
    re.compile(r"(?i)\b(?:proxy-)?authorization\s*:\s*[^\r\n\\]{1,1024}"),
    re.compile(r"(?i)\b(?:password|passwd|pwd|community|secret)\b\s*[=:]\s*[^\s&,;\"'<]{1,256}"),
    re.compile(r"(?i)\b(?:rtsp|https?)://[^\s/@:]{1,128}:\S{1,256}@"),
)
_LONGEST_VALUE = 2048  # characters; a log line is for a person, the raw bytes are in outcomes.jsonl


def redact(text: str) -> str:
    """Return the text without anything that looks like a credential."""
    for pattern in _SECRETS:
        text = pattern.sub(STRUCK, text)
    return text


def _sanitise(value: object) -> object:
    if isinstance(value, str):
        return visible(redact(value), _LONGEST_VALUE)
    if isinstance(value, bytes):
        return _sanitise(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, dict):
        return {_sanitise(str(key)): _sanitise(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_sanitise(item) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return _sanitise(str(value))


def _processor(_logger: object, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    return {"at": stamp(), **{key: _sanitise(value) for key, value in event.items()}}


def run_log(stream: BinaryIO) -> structlog.typing.FilteringBoundLogger:
    """Return a logger that writes JSON lines to a stream opened by `auditor.common.files.open_append`."""
    logger: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        structlog.BytesLogger(stream),
        wrapper_class=structlog.make_filtering_bound_logger(0),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _processor,
            structlog.processors.JSONRenderer(serializer=_serialise),
        ],
    )
    return logger


def _serialise(event: dict[str, Any], **_options: object) -> bytes:
    return json.dumps(event, ensure_ascii=True).encode("ascii")
