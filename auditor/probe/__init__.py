"""Asks one device a few read-only questions, and knows when to stop."""

from auditor.probe.device import Bound, Contact, probe_device, sequence, upper_bound
from auditor.probe.registry import PROBES
from auditor.probe.visit import Limits

__all__ = ["PROBES", "Bound", "Contact", "Limits", "probe_device", "sequence", "upper_bound"]
