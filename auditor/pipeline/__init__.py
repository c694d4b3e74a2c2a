"""Joins the stages; the only part that knows their order (design, section 3; ADR 0009 says why it is a package)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from auditor.common.clock import now
from auditor.pipeline.watch import Observer
from auditor.site import SiteFile, load_site

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Observer", "SiteFile", "prepare"]


def prepare(path: Path, *, only: Sequence[str] = (), accept_large: bool = False) -> SiteFile:
    """Load a site file and check that an audit is allowed now; sends nothing.

    Args:
        path: of the site file.
        only: addresses, prefixes or zone names; everything else gets no permit and counts as not attempted.
        accept_large: allow IPv4 subnets wider than /16.

    Raises:
        UsageError, NotAuthorised: with file, key and fix.
    """
    site = load_site(path)
    site.check_authorised(now())
    site.check_size(accept_large)
    return dataclasses.replace(site, scope=site.scope.only(only)) if only else site
