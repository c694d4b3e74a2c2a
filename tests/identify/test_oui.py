import gzip
import hashlib
import shutil
from collections import Counter

import pytest

from auditor.common.data import data_path
from auditor.common.errors import UsageError
from auditor.identify.oui import GROUP, LOCAL, UNNAMED, Block, Prefixes, Register, read_prefixes


def packed(*rows, dated="2026-10-24", count=None, digest=None):
    """Return a register file of rows `PREFIX<tab>name`."""
    body = "".join(f"{row}\n" for row in rows).encode()
    head = (
        f"# Blocks.\n# source: made up 1\n# dated: {dated}\n# blocks: {len(rows) if count is None else count}, all\n"
        f"# sha256 of the lines below: {digest or hashlib.sha256(body).hexdigest()}\n"
    )
    return gzip.compress(head.encode() + body, mtime=0)


@pytest.fixture
def register(tmp_path):
    def make(*rows, **head):
        (tmp_path / "registers.tsv.gz").write_bytes(packed(*rows, **head))
        return Register(tmp_path / "registers.tsv.gz")

    return make


@pytest.mark.parametrize(("mac", "family"), [
    ("44:19:b6:00:00:05", "Hikvision"), ("44-19-B6-00-00-05", "Hikvision"), ("4419.b600.0005", "Hikvision"),
    ("44:19:b6", "Hikvision"), ("44-19-B6", "Hikvision"), ("4419b6", "Hikvision"), ("b0b3536", "Hikrobot"),
    ("b0:b3:53:60:00:01", "Hikrobot"),  # 28-bit block
    ("e4:28:a4:00:00:05", "Prama"), ("00:1a:3f:00:00:05", "Intelbras"),
    ("c0:9b:f4:b0:00:05", "Nuctech"), ("f8:1d:78:70:00:05", "Guide"), ("58:e8:76:00:00:05", "Raysharp"),
    ("8c:1f:64:73:40:00", "ZKTeco"),  # 36 bits
    ("40:2c:76:10:00:01", "Shanghai Dahua Scale Factory"), ("44:6f:d8:a0:00:01", "Hikailink"), ("20:5a:8f:00:00:01", "Hikeen"),
    ("d8:f1:5b:00:00:01", "Espressif"), ("10:4f:a8:00:00:01", "Sony"),
])  # fmt: skip
def test_longest_prefix_wins(rules, mac, family):
    assert rules.prefixes.block(mac).family == family


@pytest.mark.parametrize("mac", [
    "b0:b3:53:70:00:01", "c0:9b:f4:a0:00:05", "f8:1d:78:60:00:05", "58:e8:76:10:00:05", "c0:9b:f4", "b0:b3:53",  # neighbours, parents
    "8c:1f:64:73:50:00", "46:19:b6:00:00:05", "45:19:b6:00:00:05", "4a:c0:3f:00:00:01", "4a:c0:3f",
    "44:19:b", "", "nonsense", "44:19:b6:00:00:05:06",
])  # fmt: skip
def test_what_says_nothing(rules, mac):
    assert rules.prefixes.block(mac) is None


def test_counts_of_the_families(rules):
    counts = Counter(block.family for block in rules.prefixes)
    known = {
        "Hikvision": 84, "EZVIZ": 15, "Prama": 3, "HIKMICRO": 2, "Hikrobot": 2, "Dahua": 33, "Imou": 6, "Huawei": 2087, "ZTE": 505,
        "Hytera": 2, "Nuctech": 1, "Uniview": 5, "Tiandy": 3,
    }  # fmt: skip
    assert {family: counts[family] for family in known} == known


# The published lists of the facts that this project started from: all of them must be found.
HIKVISION = """00BC99 040312 04EECD 083BC1 085411 08A189 08CC81 0C75D2 1012FB 1868CB 188025 240F9B
 2428FD 2432AE 244845 2857BE 2CA59C 340962 3C1BF8 40ACBF 4419B6 4447CC 44A642 48785B 4C1F86 4C62DF
 4CBD8F 4CF5DC 50E538 548C81 54C415 5803FB 5850ED 5C345B 64DB8B 686DBC 743FC2 80489F 807C62 80BEAF
 80F5AE 849459 849A40 88DE39 8C22D2 8CE748 94E1AC 988B0A 989DE5 98DF82 98F112 A0FF0C A41437 A42902
 A44BD9 A4A459 A4D5C2 ACB92F ACCB51 B4A382 BC5E33 BC9B5E BCAD28 BCBAC2 C0517E C056E3 C06DED C42F90
 C8A702 D4E853 DC07F8 DCD26A E0BAAD E0CA3C E0DF13 E4D58B E8A0ED ECA971 ECC89C F84DFC FC9FFD"""
PUBLISHED = {
    "Hikvision": HIKVISION, "Prama": "24B105 BC2978", "HIKMICRO": "A44C62 ECDFC9", "Hikrobot": "34BD20 B0B3536",
    "EZVIZ": "0CA64C 20BBBC 34C6DD 54D60D 588FCF 64244D 64F2FB 78A6A0 78C1AE 94EC13 AC1C26 EC97E0 F47018",
    "Dahua": """08EDED 14A78B 24526A 38AF29 3CE36B 3CEF8C 4C11BF 5CF51A 64FD29 6C1C71 74C929 8CE9B4 9002A9 98F9CC 9C1463 A0BD1D
        B44C3B BC325F C0395A C4AAC4 D4430E E02EFE E0508B E4246C F4B1C2 FC5F49 FCB69D 30DDAA 407AA4 4C99E8 F8CE07 A8CA87""",
    "Imou": "1C4D89 302450 A83162 AC3DFA 906A94", "Amcrest": "00651E 9C8ECD A06032 3446632", "Lorex": "001F54",
    "CP Plus": "140708 2818FD 5C3548 F82097", "Speco": "5CF207",
}  # fmt: skip


@pytest.mark.parametrize("family", PUBLISHED)
def test_every_published_block_is_there(rules, family):
    for prefix in PUBLISHED[family].split():
        assert rules.prefixes.block(prefix).family == family, prefix


@pytest.mark.parametrize("mac", ["40:2c:76:10:00:01", "44:6f:d8:a0:00:01", "20:5a:8f:00:00:01", "7c:82:74:00:00:01"])
def test_the_words_of_a_name_never_name_a_maker(name, rules, mac):
    assert any(word in rules.prefixes.registrant(mac).lower() for word in ("dahua", "hikailink", "hikeen"))
    identity = name({"mac": mac})
    assert identity.maker is None
    assert identity.evidence == ()


def test_a_register_full_of_tempting_names_names_nobody(register):
    prefixes = Prefixes({}, register("00AA01\tHikvision", "00AA02\tDahua Technology Friends", "00AA03\tDahua"))
    for last in "123":
        assert prefixes.block(f"00:aa:0{last}:00:00:01") is None
        assert prefixes.registrant(f"00:aa:0{last}:00:00:01")


@pytest.mark.parametrize("family", ["Bilian", "Ogemray", "AzureWave", "Murata", "Espressif", "Fn-Link", "High-Flying"])
def test_a_network_modules_prefix_is_no_evidence(name, rules, family):
    prefix = next(block.prefix for block in rules.prefixes if block.family == family and len(block.prefix) == 6)
    mac = ":".join((prefix[:2], prefix[2:4], prefix[4:], "00", "00", "01")).lower()
    assert rules.prefixes.block(mac).role == "module"
    identity = name({"mac": mac})
    assert identity.maker is None
    assert identity.evidence == ()


@pytest.mark.parametrize(("mac", "holder"), [
    ("00:00:0c:00:00:01", "Cisco Systems, Inc"), ("44:19:b6:00:00:05", "Hangzhou Hikvision Digital Technology Co.,Ltd."),
    ("40:2c:76:20:00:01", "Annapurna labs"), ("8c:1f:64:73:40:00", "Zkteco Europe"), ("00:00:00:00:00:01", "Xerox Corporation"),
    ("c0:9b:f4:b0:00:01", "Nuctech Company Limited"), ("00000c", "Cisco Systems, Inc"),
    ("46:19:b6:00:00:05", LOCAL), ("52:54:00:12:34:56", LOCAL), ("01:00:5e:00:00:01", GROUP), ("ff:ff:ff:ff:ff:ff", GROUP),
    ("00:01:01:00:00:01", UNNAMED), ("c0:9b:f4:00:00", None), ("c0:9b:f4", None), ("", None), ("nonsense", None),
])  # fmt: skip
def test_who_holds_a_prefix(rules, mac, holder):
    assert rules.prefixes.registrant(mac) == holder


def test_every_block_is_found_by_halving(register):
    rows = {f"{number * 7919 % 0xFFFFFF:06X}": f"Firm {number}" for number in range(500)}
    rows |= {f"{prefix}A": f"Part of {name}" for prefix, name in list(rows.items())[::3]}
    rows |= {f"{prefix}ABC": f"Small part of {name}" for prefix, name in list(rows.items())[:500:5]}
    found = register(*(f"{prefix}\t{name}" for prefix, name in sorted(rows.items())))
    for prefix, name in rows.items():
        assert found.holder(prefix) == name
    assert found.holder("000001") is None
    assert found.holder("FFFFFFFFF") is None
    assert dict(found.rows()) == rows
    assert len(found) == len(rows)


def test_nothing_is_found_in_an_empty_register(register):
    assert register().holder("00000C") is None


def test_a_name_of_the_register_is_made_safe_to_show(register):
    prefixes = Prefixes({}, register("00AA01\tEvil\u202e\x1b[31m" + "x" * 900))
    shown = prefixes.registrant("00:aa:01:00:00:01")
    assert shown.isprintable()
    assert len(shown) < 300


def test_the_register_is_opened_only_for_what_lies_outside_the_families(tmp_path):
    shutil.copy(data_path("fingerprints") / "oui" / "dahua.tsv", tmp_path)
    prefixes = read_prefixes(tmp_path)  # there is no register in this folder
    assert prefixes.block("44:19:b6:00:00:05") is None
    assert prefixes.registrant("08:ed:ed:00:00:01") == "Zhejiang Dahua Technology Co., Ltd."
    assert prefixes.registrant("02:ed:ed:00:00:01") == LOCAL
    with pytest.raises(UsageError, match=r"registers\.tsv\.gz"):
        prefixes.registrant("44:19:b6:00:00:05")


WHOLE = packed("00AA01\tA", "00AA02\tB")


@pytest.mark.parametrize("content", [
    b"", b"no gzip", WHOLE[:-5], WHOLE[: len(WHOLE) // 2], WHOLE + b"more", WHOLE[:30] + bytes([WHOLE[30] ^ 1]) + WHOLE[31:],
    packed("00AA01\tA", count=2), packed("00AA01\tA", digest="0" * 64), packed("00AA01\tA", dated="24 Oct"),
    gzip.compress(b"00AA01\tA\n"), gzip.compress(b"\xff\xfe"), gzip.compress(bytes(17 * 1024 * 1024)),
])  # fmt: skip
def test_a_damaged_register_is_refused_by_name(tmp_path, content):
    path = tmp_path / "registers.tsv.gz"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"registers\.tsv\.gz"):
        Register(path).holder("00AA01")


@pytest.mark.parametrize(
    "rows", [("00AA02\tB", "00AA01\tA"), ("00AA01\tA", "00AA01\tB"), ("00AA\tA",), ("00AA01\t",), ("00AA01",)]
)
def test_a_register_out_of_shape_does_not_pass_its_check(register, rows):
    with pytest.raises(UsageError, match=r"registers\.tsv\.gz"):
        list(register(*rows).rows())


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
