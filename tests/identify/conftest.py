"""Rules are loaded once: they are read-only."""

import pytest

from auditor.identify import identify, load_rules
from auditor.model import Observation


@pytest.fixture(scope="session")
def rules():
    return load_rules()


@pytest.fixture(scope="session")
def name(rules):
    """Return a function that identifies a device from responses, each a dictionary of facts."""

    def run(*responses, request=None, port=None):
        found = []
        for number, facts in enumerate(responses, start=1):
            for key, value in facts.items():
                values = tuple(value) if isinstance(value, list | tuple) else (value,)
                found.append(Observation("10.0.0.5", key.split(".")[0], key, values, number, port, request))
        return identify("10.0.0.5", found, rules)

    return run
