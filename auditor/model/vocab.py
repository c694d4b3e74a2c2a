"""The closed vocabularies of the product. A new word needs a reviewed line here (design, section 2)."""

from __future__ import annotations

from enum import StrEnum


class ZoneRole(StrEnum):
    """What a zone is for."""

    CORE = "core"
    ISOLATED = "isolated"
    GUEST = "guest"
    MANAGEMENT = "management"
    UNKNOWN = "unknown"


class Sensitivity(StrEnum):
    """How the owner classes the site."""

    SENSITIVE = "sensitive"
    STANDARD = "standard"


class Status(StrEnum):
    """How one read-only question to one device ended. Only `answered` carries bytes for certain."""

    ANSWERED = "answered"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    UNREADABLE = "unreadable"
    NOT_PERMITTED = "not_permitted"
    NOT_ATTEMPTED = "not_attempted"


class LookResult(StrEnum):
    """What one discovery method learned about one address."""

    ANSWERED = "answered"
    SILENT = "silent"
    FILTERED = "filtered"
    UNREACHABLE = "unreachable"
    NOT_ATTEMPTED = "not_attempted"
    ERROR = "error"


class CoverageState(StrEnum):
    """The one state in which every address of the scope ends; the counts add up to the size of the scope."""

    IDENTIFIED = "identified"
    ANSWERED_UNIDENTIFIED = "answered-unidentified"
    SILENT = "silent"
    FILTERED = "filtered"
    UNREACHABLE = "unreachable"
    EXCLUDED = "excluded"
    NOT_ATTEMPTED = "not-attempted"
    STOPPED_FOR_SAFETY = "stopped-for-safety"
    ERROR = "error"


class Kind(StrEnum):
    """What sort of device a unit is."""

    CAMERA = "camera"
    PTZ = "ptz"
    THERMAL = "thermal"
    RECORDER = "recorder"
    ENCODER = "encoder"
    ACCESS_TERMINAL = "access-terminal"
    INTERCOM = "intercom"
    SCANNER = "scanner"
    MANAGEMENT_PLATFORM = "management-platform"
    OTHER = "other"
    UNKNOWN = "unknown"


class Strength(StrEnum):
    """How much a fingerprint proves on its own; the numbers live in `auditor.identify.confidence`."""

    CONCLUSIVE = "conclusive"
    STRONG = "strong"
    MODERATE = "moderate"
    WEAK = "weak"
    AGAINST = "against"


class Verdict(StrEnum):
    """How sure an identity is, in words."""

    CONFIRMED = "confirmed"
    PROBABLE = "probable"
    POSSIBLE = "possible"
    UNIDENTIFIED = "unidentified"


class Relation(StrEnum):
    """What a label that is not the maker's own name is to the maker."""

    SUB_BRAND = "sub-brand"
    RESELLER = "reseller"


class Decision(StrEnum):
    """What a rule asks for, most urgent first."""

    REMOVE = "remove"
    DISCONNECT = "disconnect"
    ASSESS = "assess"
    MONITOR = "monitor"
    NO_ACTION = "no-action"
    CANNOT_SAY = "cannot-say"


class Force(StrEnum):
    """With what authority a rule asks, strongest first."""

    LAW = "law"
    ORDER = "order"
    INSTRUCTION = "instruction"
    ADVICE = "advice"
    PROPOSAL = "proposal"
