"""Signed data updates: one file carried by hand, checked before it is read, installed whole or not at all."""

from auditor.update.installation import Installed, Plan, install, plan, read_state
from auditor.update.keys import Trust
from auditor.update.minisign import PublicKey, SecretKey, Signature
from auditor.update.pack import Pack, Sealed, build, open_sealed, seal

__all__ = [
    "Installed",
    "Pack",
    "Plan",
    "PublicKey",
    "Sealed",
    "SecretKey",
    "Signature",
    "Trust",
    "build",
    "install",
    "open_sealed",
    "plan",
    "read_state",
    "seal",
]
