"""The network of namespaces for the tests of this folder."""

from __future__ import annotations

import pytest

from tests.discover.wires import Wires


@pytest.fixture
def wires():
    with Wires() as built:
        yield built
