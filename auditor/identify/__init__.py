"""Says what a device is from its observations. Pure: rules in, identity out; only `load_rules` reads files."""

from auditor.identify.explain import explain
from auditor.identify.identity import identify
from auditor.identify.lines import LineError, identify_lines
from auditor.identify.merge import Answer, Merged, merge
from auditor.identify.registers import register_problems
from auditor.identify.rules import RuleSet, load_rules
from auditor.identify.schema import fingerprint_schema

__all__ = [
    "Answer",
    "LineError",
    "Merged",
    "RuleSet",
    "explain",
    "fingerprint_schema",
    "identify",
    "identify_lines",
    "load_rules",
    "merge",
    "register_problems",
]
