import pytest

from auditor.common.data import data_path


@pytest.mark.parametrize("name", ["fingerprints", "policies", "reports", "lab"])
def test_every_data_folder_is_found_and_holds_something(name):
    assert any(data_path(name).iterdir())


def test_an_unknown_data_folder_is_a_bug_not_a_guess():
    with pytest.raises(KeyError):
        data_path("secrets")
