import pytest

from auditor.common.errors import UsageError
from auditor.model import Location
from auditor.site import load_locations

HEADER = "address,mac,building,floor,room,mounting,switch,port,vlan\n"


@pytest.fixture
def table(tmp_path):
    def read(content):
        path = tmp_path / "locations.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_locations(path)

    return read


def test_a_row_is_found_by_address_and_by_mac(table):
    found = table(HEADER + "10.88.0.7,44-19-B6-00-00-05,Main,2,2.14,ceiling,sw-b,7,30\n")
    place = Location("Main", "2", "2.14", "ceiling", "sw-b", "7", "30")
    assert found == {"10.88.0.7": place, "44:19:b6:00:00:05": place}


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_byte_order_mark_line_endings_and_separator(table, mark, ending, separator):
    text = ending.join([separator.join(["Room", " address "]), separator.join([" Zaal é ", "10.88.0.7"]), "", ""])
    assert table(mark + text.encode()) == {"10.88.0.7": Location(room="Zaal é")}


def test_columns_may_be_left_out_cells_too_and_empty_rows_are_passed_over(table):
    assert table('mac,room,floor\n44:19:b6:00:00:05,"2.14, left"\n,,\n') == {
        "44:19:b6:00:00:05": Location(room="2.14, left")
    }


def test_a_line_break_inside_quotes_becomes_a_space(table):
    found = table('address,room\n10.0.0.1,"2.14\nleft"\n10.0.0.2,3\n')
    assert found["10.0.0.1"].room == "2.14 left"
    assert found["10.0.0.2"].room == "3"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "adress,room\n",
            "row 1: unknown column `adress`; did you mean `address`? The columns are address, mac, building",
        ),
        ("room,floor\n", "row 1: a column `address` or `mac` is missing"),
        ("", "row 1: a column `address` or `mac` is missing"),
        ("address,address\n", "row 1: column `address` is there twice"),
        ("address,room\n10.0.0,1\n", "row 2: column address: `10.0.0` is not an IP address; write all four numbers"),
        ("mac,room\n\nx,1\n", "row 3: column mac: `x` is not a MAC; write six bytes"),
        ("mac,room\n,2.14\n", "row 2: neither an address nor a MAC; write at least one"),
        ("address,room\n10.0.0.1,1\n10.0.0.1,2\n", "row 3: 10.0.0.1 is already in row 2; keep one row a unit"),
        ("address,room\n10.0.0.1,2.14, left\n", "row 2: 3 cells under 2 columns; put a cell that holds the separator"),
        ("address,room\n10.0.0.1,a\x1b[2Jb\n", "row 2: column room holds a control character; delete it"),
        ("address,room\n10.0.0.1," + "x" * 201 + "\n", "row 2: column room has 201 characters; write at most 200"),
        ('address,room\n10.0.0.1,"open\n', "row 2: not CSV"),
        (b"address,room\n10.0.0.1,Ge\xefnd\n", "row 2: not UTF-8 text; save the table as `CSV UTF-8`"),
        ("address,room\n10.0.0.1,1\n".encode("utf-16"), "row 1: not UTF-8 text"),
    ],
)
def test_what_is_wrong_names_file_row_and_fix(table, tmp_path, content, words):
    with pytest.raises(UsageError) as error:
        table(content)
    assert str(error.value).startswith(f"{tmp_path / 'locations.csv'}, row ")
    assert words in str(error.value)


def test_every_wrong_row_is_listed_up_to_a_limit(table):
    with pytest.raises(UsageError) as error:
        table("address,room\n" + "x,1\n" * 30)
    lines = str(error.value).splitlines()
    assert "row 2:" in lines[0]
    assert "row 21:" in lines[19]
    assert lines[20].endswith("and 10 more rows")


def test_a_missing_file_and_a_large_one(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"cannot be read .*relative to the site file"):
        load_locations(tmp_path / "none.csv")
    monkeypatch.setattr("auditor.site.locations.MAX_FILE", 10)
    (tmp_path / "large.csv").write_text("address,room\n")
    with pytest.raises(UsageError, match="larger than 10 bytes"):
        load_locations(tmp_path / "large.csv")
