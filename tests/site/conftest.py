import textwrap

import pytest

from auditor.site import load_site

SMALLEST = """\
site: {name: Ministry HQ, sensitivity: sensitive}
authorisation: {by: Head of Security, reference: SEC-2026-114, valid_from: 2026-11-01, valid_until: 2026-12-31}
zones:
  - {name: office, role: core, subnets: [10.88.0.0/24]}
  - {name: cctv, role: isolated, subnets: [10.88.1.0/24]}
exclude: [10.88.0.9]
policies: [uk-2022, us-889]
"""


@pytest.fixture
def smallest():
    return SMALLEST


@pytest.fixture
def load(tmp_path):
    """Write a site file (default: the smallest) plus extra text, and load it; `swap` replaces text first."""

    def write_and_load(extra="", *, text=SMALLEST, swap=()):
        for old, new in swap:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / "site.yaml"
        path.write_bytes((text + textwrap.dedent(extra)).encode())
        return load_site(path)

    return write_and_load
