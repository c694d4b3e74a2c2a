import pytest

from auditor.common.errors import UsageError
from auditor.identify.oui import Block, Prefixes, read_prefixes


@pytest.mark.parametrize(("mac", "family"), [
    ("44:19:b6:00:00:05", "Hikvision"), ("44-19-B6-00-00-05", "Hikvision"), ("4419.b600.0005", "Hikvision"),
    ("b0:b3:53:60:00:01", "Hikrobot"),  # 28-bit block
    ("e4:28:a4:00:00:05", "Prama"), ("00:1a:3f:00:00:05", "Intelbras"),
    ("c0:9b:f4:b0:00:05", "Nuctech"), ("8c:1f:64:73:40:00", "ZKTeco"),  # 28 and 36 bits
    ("40:2c:76:10:00:01", "Shanghai Dahua Scale Factory"), ("44:6f:d8:a0:00:01", "Hikailink"), ("20:5a:8f:00:00:01", "Hikeen"),
])  # fmt: skip
def test_longest_prefix_wins(rules, mac, family):
    assert rules.prefixes.block(mac).family == family


@pytest.mark.parametrize("mac", [
    "b0:b3:53:70:00:01",  # the neighbour of the 28-bit block
    "8c:1f:64:73:50:00", "46:19:b6:00:00:05", "45:19:b6:00:00:05", "4a:c0:3f:00:00:01", "44:19:b6", "", "nonsense", "44:19:b6:00:00:05:06",
])  # fmt: skip
def test_what_says_nothing(rules, mac):
    assert rules.prefixes.block(mac) is None


def test_counts_of_the_families(rules):
    from collections import Counter

    counts = Counter(block.family for block in rules.prefixes._blocks.values())
    assert counts["Hikvision"] == 84
    assert counts["EZVIZ"] == 15
    assert counts["Dahua"] == 33
    assert counts["Imou"] == 6


@pytest.mark.parametrize(
    "text",
    [
        "44:19:B6\tA\tmaker\tA\n",
        "4419B6\tA\tmaker\n",
        "4419B6\tA\tmaker\tA\n4419B6\tB\tmaker\tB\n",
        "4419b6\tA\tmaker\tA\n",
        "4419B6\tA\towner\tA\n",
    ],
)
def test_broken_lists_are_refused_with_file_and_line(tmp_path, text):
    (tmp_path / "a.tsv").write_text(text)
    with pytest.raises(UsageError, match=r"a\.tsv:[12]"):
        read_prefixes(tmp_path)


def test_a_small_block_inside_a_large_one_wins():
    large, small = Block("70B3D5", "Large", "maker", "L"), Block("70B3D5123", "Small", "maker", "S")
    prefixes = Prefixes({"70B3D5": large, "70B3D5123": small})
    assert prefixes.block("70:b3:d5:12:30:01") is small
    assert prefixes.block("70:b3:d5:12:40:01") is large


def test_local_and_group_addresses_say_nothing_even_where_a_list_holds_their_prefix():
    prefixes = Prefixes({prefix: Block(prefix, "A", "maker", "A") for prefix in ("4AC03F", "45C03F", "48C03F")})
    assert prefixes.block("4a:c0:3f:00:00:01") is None
    assert prefixes.block("45:c0:3f:00:00:01") is None
    assert prefixes.block("48:c0:3f:00:00:01") is not None
