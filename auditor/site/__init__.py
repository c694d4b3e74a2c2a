"""The site file: what may be audited, when, how fast, and the permits without which nothing is sent."""

from auditor.site.addresses import Exclusion, Problem
from auditor.site.calendar import Window
from auditor.site.document import site_schema
from auditor.site.load import SiteFile, load_site
from auditor.site.locations import load_locations
from auditor.site.scope import MulticastPermit, Permit, Scope, Subnet
from auditor.site.template import render_template

__all__ = [
    "Exclusion", "MulticastPermit", "Permit", "Problem", "Scope", "SiteFile", "Subnet", "Window", "load_locations",
    "load_site", "render_template", "site_schema",
]  # fmt: skip
