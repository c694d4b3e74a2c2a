"""Fixtures of the probe tests."""

from __future__ import annotations

import pytest

from tests.net.test_tls import make_certificate


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A server context of TLS 1.2 and the DER of its certificate."""
    return make_certificate(tmp_path_factory.mktemp("tls"))
