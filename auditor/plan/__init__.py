"""Findings become waves of work orders. Pure: the day is given, nothing is read or sent."""

from auditor.plan.waves import make_plan

__all__ = ["make_plan"]
