"""Which witness a verdict turns on."""

from __future__ import annotations

from auditor.identify.turning import Outcome, Witness, decisive
from auditor.model import Verdict

A, B, C = Witness("web", 80), Witness("rtsp", 554), Witness("mac", None)
NOW = Outcome("Hikvision", Verdict.CONFIRMED)


def weigh(weights, steps):
    """Return a function that sums what is left of the weights and gives the first step that the sum reaches."""

    def without(fallen):
        left = sum(weight for name, weight in weights.items() if name not in fallen)
        return next((said for least, said in steps if left >= least), Outcome(None, Verdict.UNIDENTIFIED))

    return without


def test_the_gravest_loss_comes_first_and_another_maker_is_graver_than_less_certainty():
    said = {"web": Outcome("Axis", Verdict.PROBABLE), "rtsp": Outcome("Hikvision", Verdict.POSSIBLE), "mac": NOW}

    def without(fallen):
        return said[next(iter(fallen))]

    single, least = decisive((A, B, C), NOW, without)
    assert single == ((A, said["web"]), (B, said["rtsp"]))
    assert least == 1


def test_where_no_loss_alone_matters_the_smallest_number_that_does_is_counted():
    steps = [(5, NOW), (3, Outcome("Hikvision", Verdict.PROBABLE))]
    assert decisive((A, B, C), NOW, weigh({"web": 5, "rtsp": 5, "mac": 1}, steps)) == ((), 2)
    assert decisive((A, B, C), NOW, weigh({"web": 5, "rtsp": 5, "mac": 5}, steps)) == ((), 3)


def test_nothing_changes_where_not_even_the_loss_of_all_does():
    assert decisive((A, B), NOW, lambda _fallen: NOW) == ((), 0)
