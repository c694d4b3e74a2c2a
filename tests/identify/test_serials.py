"""Serial numbers: the day is read where the form has one, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.identify.schema import SerialForm, SerialSays
from auditor.identify.serials import Serials

SOURCE = [{"key": "FACTS"}]


@pytest.mark.parametrize(("serial", "model", "day", "channels"), [
    ("DS-2CD2385G1-I20200414AAWRE33842150", "DS-2CD2385G1-I", "2020-04-14", None),
    ("DS-2CD2385G1-I20200414AAWRE33842150", None, "2020-04-14", None),
    ("ds-2cd2385g1-i20200414aawre33842150", "DS-2CD2385G1-I", "2020-04-14", None),
    ("DS-7816H-SNH1620140125AACH450813722WCVU", "DS-7816H-SNH", "2014-01-25", 16),
    ("DS-7816H-SNH1620140125AACH450813722WCVU", None, "2014-01-25", None),
    ("0820160719AARR624053979WCVU", "DS-7608NI-E2", "2016-07-19", 8),
    ("DS-KV6113-WPE1(B)0120210416RRF86332026", "DS-KV6113-WPE1(B)", "2021-04-16", 1),
    ("CMIP7442N-28M20190930AAWRD12345678", "CMIP7442N-28M", "2019-09-30", None),
    ("OEM-NAME 12 20190930AAWRD12345678", "OEM", None, None),
    ("DS-2CD2120F-I5020170101AAWR712345678", "DS-2CD2120F-I50", "2017-01-01", None),
    ("E33842150", "DS-2CD2385G1-I", None, None), ("K29703787", None, None, None),
    ("DS-2CD2T46G2-ISU/SL00000000AAWRG00000000", None, None, None), ("DS-2CD2385G1-I20200231AAWRE33842150", None, None, None),
    ("DS-2CD2385G1-I20201301AAWRE33842150", None, None, None), ("DS-2CD2385G1-I20261122AAWRE33842150", None, None, None),
    ("DS-2CD2385G1-I20261121AAWRE33842150", None, "2026-11-21", None), ("DS-2CD2385G1-I20400101AAWRE33842150", None, None, None),
    ("DS-2CD2385G1-I20200414AAWRE338421", None, None, None), ("DS-2CD2385G1-I20200414AAWRE33842150X", None, None, None),
    ("DS-2CD2385G1-I\u0662\u0660200414AAWRE33842150", None, None, None), ("", None, None, None), ("20200414", None, None, None),
])  # fmt: skip
def test_hikvision(rules, serial, model, day, channels):
    assert rules.serials.read("Hikvision", serial, model) == (day, channels)


@pytest.mark.parametrize(
    "serial", ["1L047ACPAW00037", "4X7C5A1ZAG21L3F", "4F07335PAZEEA9B", "3J02B2APAN00023", "9B022D0PAJ0BE05"]
)
def test_no_source_says_which_characters_of_a_dahua_serial_are_the_date(rules, serial):
    assert rules.serials.fits("Dahua", serial)
    assert rules.serials.read("Dahua", serial) == (None, None)


@pytest.mark.parametrize(("maker", "serial", "fits"), [
    ("Dahua", "ND011811000000", True), ("Dahua", "E33842150", False), ("Hikvision", "1L047ACPAW00037", False),
    ("Hikvision", "E33842150", True), ("Axis", "ACCC8E3A0A8F", True), ("Axis", "accc8e3a0a8f", True), ("Axis", "4419B6000005", False),
    ("Nobody", "E33842150", False),
])  # fmt: skip
def test_the_forms(rules, maker, serial, fits):
    assert rules.serials.fits(maker, serial) is fits


def test_the_day_of_another_maker_is_not_read(rules):
    assert rules.serials.read("Dahua", "DS-2CD2385G1-I20200414AAWRE33842150") == (None, None)
    assert rules.serials.read("Nobody", "DS-2CD2385G1-I20200414AAWRE33842150") == (None, None)


def test_a_day_after_the_data_is_no_day():
    form = SerialForm(
        maker="M", regex=r"(?P<date>\d{8})", source=SOURCE, examples={"20200101": SerialSays()}, counter_examples=["x"]
    )
    assert Serials([form], "2020-01-02").read("M", "20200102").manufactured == "2020-01-02"
    assert Serials([form], "2020-01-01").read("M", "20200102").manufactured is None


@given(st.text(max_size=400), st.none() | st.text(max_size=60))
def test_nothing_that_a_device_sends_breaks_it(serial, model):
    form = SerialForm(
        maker="M", regex=r"(?P<model>.{0,48}?)(?P<channels>\d{2})?(?P<date>\d{8})[A-Z]*", source=SOURCE,
        examples={"20200101": SerialSays()}, counter_examples=["x"],
    )  # fmt: skip
    found = Serials([form], "2026-11-21").read("M", serial, model)
    assert found.manufactured is None or "0001-01-01" <= found.manufactured <= "2026-11-21"
    assert found.channels is None or 0 < found.channels < 100
