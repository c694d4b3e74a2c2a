"""Judges identities by policy packs, places units in zones, and tells what was and was not covered. Pure."""

from auditor.assess.coverage import Contacts, SubnetFacts, cover
from auditor.assess.judge import judge, mark
from auditor.assess.packs import LoadedPack, available, entities_schema, load_packs, policy_schema
from auditor.assess.selftest import check
from auditor.assess.units import Seen, place

__all__ = [
    "Contacts",
    "LoadedPack",
    "Seen",
    "SubnetFacts",
    "available",
    "check",
    "cover",
    "entities_schema",
    "judge",
    "load_packs",
    "mark",
    "place",
    "policy_schema",
]
