"""Judges identities by policy packs, groups addresses into units, and tells what was and was not covered. Pure."""

from auditor.assess.coverage import Contacts, SubnetFacts, cover
from auditor.assess.judge import judge, mark
from auditor.assess.packs import LoadedPack, available, entities_schema, load_packs, policy_schema
from auditor.assess.selftest import check
from auditor.assess.units import Seen, Units, units

__all__ = [
    "Contacts",
    "LoadedPack",
    "Seen",
    "SubnetFacts",
    "Units",
    "available",
    "check",
    "cover",
    "entities_schema",
    "judge",
    "load_packs",
    "mark",
    "policy_schema",
    "units",
]
