import itertools

import pytest

from auditor.common import errors
from auditor.common.errors import ExitCode


def test_every_error_ends_in_the_exit_code_of_the_contract():
    codes = {
        errors.UsageError: 2, errors.NotAuthorised: 2, errors.LockHeld: 4, errors.CannotScan: 5,
        errors.StorageError: 6, errors.StoppedForSafety: 7,
    }  # fmt: skip
    assert {kind: int(kind.exit_code) for kind in codes} == codes


@pytest.mark.parametrize(("winner", "loser"), list(itertools.pairwise([6, 7, 5, 3, 1, 0])), ids=str)
def test_the_worse_code_wins(winner, loser):
    assert ExitCode.worst(ExitCode(loser), ExitCode(winner)) == winner
    assert ExitCode.worst(ExitCode(winner), ExitCode(loser)) == winner


def test_no_code_at_all_is_complete():
    assert ExitCode.worst() == ExitCode.COMPLETE
