"""The bucket keeps every window of one second, serves in order, and takes back what was not used."""

from __future__ import annotations

import asyncio
import time

import pytest

from auditor.net.pace import SHARE, Bucket, pay
from tests.discover.wires import busiest


def spend(bucket, payers, amount=1.0):
    """Let many payers pay at once; return when each could send, in the order of asking."""
    sent = {}

    async def one(number):
        await pay((bucket, amount))
        sent[number] = time.monotonic()

    async def run():
        await asyncio.gather(*(one(number) for number in range(payers)))

    asyncio.run(run())
    return [sent[number] for number in range(payers)]


def test_no_window_of_one_second_holds_more_than_the_limit():
    times = spend(Bucket(100), 220)
    assert busiest(times) <= 100
    assert times[-1] - times[0] == pytest.approx(220 / (100 * SHARE), rel=0.1)


def test_a_rested_bucket_does_not_save_up():
    bucket = Bucket(100)
    time.sleep(0.5)
    assert busiest(spend(bucket, 40), 0.1) <= 20


def test_who_asks_first_is_served_first():
    times = spend(Bucket(200), 40)
    assert times == sorted(times)


def test_what_went_out_unpaid_is_waited_for_by_the_next():
    bucket = Bucket(100)
    bucket.charge(45)
    began = time.monotonic()
    asyncio.run(pay((bucket, 1)))
    assert time.monotonic() - began == pytest.approx(45 / (100 * SHARE), abs=0.12)


def test_a_refund_brings_the_next_forward():
    bucket = Bucket(100)
    bucket.charge(90)
    bucket.refund(80)
    assert bucket.delay() == pytest.approx(10 / (100 * SHARE), abs=0.1)


def test_units_that_leave_late_find_room_although_others_wait():
    """What is held counts as if it could leave now: a late burst of it and the others together stay in the limit."""
    bucket, left = Bucket(100), []

    async def slow():
        await bucket.take(0, 8)
        await asyncio.sleep(1.5)  # every device answers at the same moment, long after its packets were paid
        bucket.settle(6)
        left.extend([time.monotonic()] * 6)
        bucket.release(2)

    async def steady():
        await bucket.take(1)
        left.append(time.monotonic())

    async def run():
        await asyncio.gather(*(slow() for _ in range(10)), *(steady() for _ in range(250)))

    asyncio.run(run())
    assert len(left) == 310
    assert busiest(left) <= 105  # a moment passes between the ledger's clock and this one
    assert bucket.held == 0


def test_a_refund_does_not_make_room_in_the_second_that_was_full():
    bucket, left = Bucket(100), []

    async def run():
        for _ in range(20):
            await bucket.take(1, 8)
            left.append(time.monotonic())
            bucket.release(8)
        while time.monotonic() - left[0] < 2.5:
            await bucket.take(1)
            left.append(time.monotonic())

    asyncio.run(run())
    assert busiest(left) <= 105


def test_two_buckets_are_paid_together_and_the_slower_one_decides():
    fast, slow = Bucket(1000), Bucket(10)

    async def run():
        began = time.monotonic()
        for _ in range(6):
            await pay((fast, 1), (slow, 1))
        return time.monotonic() - began

    assert asyncio.run(run()) > 0.45


def test_what_is_lent_is_missing_and_comes_back():
    bucket = Bucket(100)
    with bucket.lend(60):
        assert bucket.rate == pytest.approx(30)
        with bucket.lend(500):
            assert 0 < bucket.rate < 5
        assert bucket.rate == pytest.approx(30)
    assert bucket.rate == pytest.approx(100 * SHARE)


def test_a_payer_that_gives_up_does_not_hold_up_the_others_for_ever():
    bucket = Bucket(50)

    async def run():
        payers = [asyncio.create_task(pay((bucket, 1))) for _ in range(20)]
        await asyncio.sleep(0)
        for payer in payers:
            payer.cancel()
        began = time.monotonic()
        await pay((bucket, 1))
        return time.monotonic() - began

    assert asyncio.run(run()) < 0.7
