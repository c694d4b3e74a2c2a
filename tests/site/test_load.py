import datetime as dt
import hashlib
import os
import re
from zoneinfo import ZoneInfo

import pytest

from auditor.common.errors import ExitCode, NotAuthorised, NotPermitted, UsageError
from auditor.model import GENTLE, STANDARD, Location, Pace, Ports, Sensitivity, ZoneRole
from auditor.site import load_site


def refused(load, *words, kind=UsageError, **how):
    with pytest.raises(kind) as error:
        load(**how)
    text = str(error.value)
    for word in words:
        assert word in text, text
    assert error.value.exit_code == ExitCode.USAGE
    for line in text.splitlines():
        assert "site.yaml, line " in line, line
    return text


def swap(old, new):
    return [(old, new)]


# --- the smallest file ---


def test_the_smallest_file_and_every_default(load, smallest, tmp_path):
    site = load()
    assert site.site.name == "Ministry HQ"
    assert site.site.sensitivity is Sensitivity.SENSITIVE
    assert [(zone.name, zone.role, zone.subnets) for zone in site.site.zones] == [
        ("office", ZoneRole.CORE, ("10.88.0.0/24",)),
        ("cctv", ZoneRole.ISOLATED, ("10.88.1.0/24",)),
    ]
    assert site.site.policies == ("uk-2022", "us-889")
    assert (site.site.language, site.site.timezone, site.site.contacts, site.site_id) == ("en", "UTC", (), None)
    assert (site.authorisation.by, site.authorisation.reference) == ("Head of Security", "SEC-2026-114")
    assert (site.authorisation.valid_from, site.authorisation.valid_until) == (
        dt.date(2026, 11, 1),
        dt.date(2026, 12, 31),
    )
    assert site.methods == {"arp", "sweep", "wsd", "http", "https", "rtsp", "onvif", "listen"}
    assert site.authorisation.methods == ("arp", "sweep", "wsd", "http", "https", "rtsp", "onvif", "listen")
    assert (site.scope.size, site.scope.excluded_size) == (512, 1)
    with pytest.raises(NotPermitted):
        site.scope.permit("10.88.0.9")
    assert (site.pace, site.ports) == (GENTLE, Ports())
    assert (site.windows, site.canaries, site.contacts, site.warnings, site.limits_raised) == ((), (), (), (), ())
    assert (dict(site.locations), dict(site.credentials)) == ({}, {})
    assert (site.rules_folder, site.interface, site.accept_risk) == (None, None, False)
    assert site.sha256 == hashlib.sha256(smallest.encode()).hexdigest()
    assert site.path == tmp_path / "site.yaml"


def test_a_site_file_is_frozen(load):
    site = load()
    with pytest.raises(AttributeError):
        site.accept_risk = True
    with pytest.raises(TypeError):
        site.locations["10.88.0.1"] = Location()


def test_empty_keys_mean_their_default(load):
    site = load(
        "windows:\nlimits:\nports:\ncanaries:\ncredentials:\ncontacts:\nlocations:\nrules:\npace:\naccept_risk:\n"
    )
    assert (site.pace, site.ports, site.windows, site.canaries) == (GENTLE, Ports(), (), ())


def test_values_that_yaml_would_change_are_kept_as_written(load):
    swaps = [("SEC-2026-114", "0010"), ("name: office", "name: no"), ("by: Head of Security", "by: 2026")]
    site = load(swap=swaps)
    assert (site.authorisation.reference, site.site.zones[0].name, site.authorisation.by) == ("0010", "no", "2026")


def test_host_text_is_read_to_its_canonical_form(load):
    site = load("canaries: ['::ffff:10.88.0.7']", swap=swap("10.88.1.0/24", "'FD00:0:0::/64'"))
    assert site.canaries == ("10.88.0.7",)
    assert site.scope.ipv6_prefixes == ("fd00::/64",)


# --- errors: file, line, key, fix ---


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: Ministry HQ", "nmae: Ministry HQ", ["line 1, key `site.nmae`: `nmae` is not a key here; did you mean `name`?"]),
        ("policies:", "polices:", ["line 7, key `polices`", "did you mean `policies`?", "`policies: [uk-2022, us-889]`"]),
        ("sensitivity: sensitive", "sensitivity: secret", ["key `site.sensitivity`: `secret`", "sensitive, standard"]),
        (", sensitivity: sensitive", "", ["line 1, key `site.sensitivity`: is missing", "`sensitivity: sensitive`"]),
        ("name: Ministry HQ", "name: ''", ["line 1, key `site.name`: is empty; write for example `name: Ministry HQ`"]),
        ("name: Ministry HQ", "name: [a]", ["key `site.name`: must be plain text"]),
        ("name: Ministry HQ", 'name: "a\\u202eb"', ["key `site.name`: holds a control character or an invisible mark"]),
        ("name: Ministry HQ", "name: " + "x" * 201, ["key `site.name`: has 201 characters; write at most 200"]),
        ("role: core", "role: coer", ["line 4, key `zones[0].role`: `coer`", "core, isolated, guest, management, unknown"]),
        ("10.88.0.0/24", "10.88.0.5/24", ["line 4, key `zones[0].subnets[0]`", "host bits set; write 10.88.0.0/24"]),
        ("10.88.0.0/24", "10.88.0.0", ["has no prefix length; write 10.88.0.0/32 for one address, or the subnet"]),
        ("[10.88.0.0/24]", "10.88.0.0/24", ["key `zones[0].subnets`: must be a list; write for example"]),
        ("[10.88.0.0/24]", "[]", ["key `zones[0].subnets`: has no entry"]),
        ("10.88.0.0/24", "10.88.0.0/33", ["is not a subnet; write it like 10.88.0.0/24"]),
        ("10.88.0.0/24", "10.88.0.0/255.255.255.0", ["is not a subnet; write it like 10.88.0.0/24"]),
        ("10.88.0.0/24", "camera.example", ["is not a subnet"]),
        ("10.88.0.0/24", "239.0.0.0/24", ["cannot be in the scope", "multicast"]),
        ("10.88.1.0/24", "10.88.0.0/24", ["line 5, key `zones[1].subnets[0]`", "given twice, first in line 4 (zone `office`)"]),
        ("10.88.1.0/24", "10.88.1.0/24, 10.88.1.0/24", ["key `zones[1].subnets[1]`", "first in line 5 (zone `cctv`)"]),
        ("name: cctv", "name: office", ["line 5, key `zones[1].name`: zone `office` is given twice, first in line 4"]),
        ("name: cctv", "name: 10.0.0.1", ["key `zones[1].name`: `10.0.0.1` is not the name of a zone"]),
        ("[10.88.0.9]", "[10.88.0]", ["line 6, key `exclude[0]`: `10.88.0` is not an IP address"]),
        ("[10.88.0.9]", "[10.88.0.9/24]", ["key `exclude[0]`", "host bits set; write 10.88.0.0/24"]),
        ("[10.88.0.9]", "[10.88.0.9-10.88.0.1]", ["runs backwards; write 10.88.0.1-10.88.0.9"]),
        ("[10.88.0.9]", "[10.88.0.9-20]", ["is not a range of two addresses; write both in full"]),
        ("[10.88.0.9]", "['10.88.0.9-fd00::1']", ["mixes IPv4 and IPv6"]),
        ("[10.88.0.9]", "[{address: 10.88.0.9, mac: '44:19:b6:00:00:05'}]", ["names `address` and `mac`; give exactly one"]),
        ("[10.88.0.9]", "[{reason: x}]", ["names nothing; give exactly one"]),
        ("[10.88.0.9]", "[{adress: 10.88.0.9}]", ["key `exclude[0].adress`", "did you mean `address`?"]),
        ("[10.88.0.9]", "[{mac: 44:19}]", ["`44:19` is not a MAC"]),
        ("[10.88.0.9]", "[{address: 10.88.0.9, quiet: yes}]", ["key `exclude[0].quiet`: `yes`", "write true or false"]),
        ("[10.88.0.9]", "[~]", ["key `exclude[0]`: must be a mapping of keys; write for example `exclude: [10.88.0.9]`"]),
        ("[10.88.0.9]", "10.88.0.9", ["key `exclude`: must be a list; write for example `exclude: [10.88.0.9]`"]),
        ("[uk-2022, us-889]", "UK", ["line 7, key `policies`: must be a list"]),
        ("[uk-2022, us-889]", "[../x]", ["key `policies[0]`: `../x` is not an id"]),
        ("[uk-2022, us-889]", "[uk-2022, uk-2022]", ["key `policies[1]`: `uk-2022` is given twice"]),
        ("policies: [uk-2022, us-889]", "", ["key `policies`: is missing; write `policies: [uk-2022, us-889]`"]),
        ("site: {name: Ministry HQ, sensitivity: sensitive}", "", ["key `site`: is missing; write `site: {name:"]),
    ],
)  # fmt: skip
def test_errors_in_the_smallest_file(load, old, new, words):
    refused(load, *words, swap=swap(old, new))


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("pace: fast", ["line 8, key `pace`: `fast` is not one of the words; write one of gentle, standard"]),
        ("site: {name: x}", ["line 8", "`site` is given twice, first in line 1"]),
        ("accept_risk: yes", ["key `accept_risk`: `yes` is not a yes or no; write true or false"]),
        ("limits: {packets: 1}", ["key `limits.packets`", "did you mean `packets_per_second`?"]),
        ("limits: {packets_per_second: x}", ["must be a number; write for example `packets_per_second: 50`"]),
        ("limits: {packets_per_second: nan}", ["key `limits.packets_per_second`"]),
        ("limits: {packets_per_second: 0}", ["`0` is below the least of 1; write at least 1"]),
        ("limits: {open_connections: 1.5}", ["must be a whole number"]),
        ("limits: {packets_per_second: 200}", [
            ("key `limits.packets_per_second`: 200 is above the 100 of pace `gentle`; write at most 100, choose "
            "`pace: standard`, or add `accept_risk: true`")]),
        ("limits: {packets_per_second: 600}", ["write at most 100, or add `accept_risk: true`"]),
        ("limits: {connections: 31}", ["31 is above the 30 of pace `gentle`"]),
        ("accept_risk: true\nlimits: {packets_per_second: 1001}", ["`1001` is above the ceiling of 1000"]),
        ("accept_risk: true\nlimits: {new_connections_per_second: 41}", ["`41` is above the ceiling of 40"]),
        ("accept_risk: true\nlimits: {arp_per_second: 1001}", ["above the ceiling of 1000"]),
        ("accept_risk: true\nlimits: {open_connections: 11}", ["above the ceiling of 10"]),
        ("accept_risk: true\nlimits: {connections: 101}", ["above the ceiling of 100"]),
        ("ports: {http: [0]}", ["key `ports.http[0]`: `0` is not a port; write a whole number from 1 to 65535"]),
        ("ports: {http: [65536]}", ["is not a port"]),
        ("ports: {http: [http]}", ["`http` is not a port"]),
        ("ports: {http: [80, 80]}", ["key `ports.http[1]`: `80` is given twice"]),
        ("ports: {http: 80}", ["key `ports.http`: must be a list; write for example `http: [80, 8080]`"]),
        ("ports: {http: [8081], listen: [8081]}", ["key `ports.listen[0]`: port 8081 is both listened to and asked"]),
        ("ports: {https: [37777]}", ["port 37777", "is sent nothing", "put it under `ports.listen`"]),
        ("ports: {wsd: 515}", ["key `ports.wsd`: port 515 belongs to printers, which print whatever reaches it"]),
        ("ports: {htttp: [80]}", ["did you mean `http`?"]),
        ("windows: [{from: '22:00'}]", ["key `windows[0].until`: is missing", "`until: 06:00`"]),
        ("windows: [{from: '22:00', until: 25:00}]", ["key `windows[0].until`: `25:00` is not a time of day"]),
        ("windows: [{days: [monday], from: '22:00', until: '23:00'}]", ["key `windows[0].days[0]`", "mon, tue, wed"]),
        ("windows: [{days: [], from: '22:00', until: '23:00'}]", ["key `windows[0].days`: has no entry"]),
        ("windows: [{from: '22:00', until: '22:00'}]", ["opens and closes at 22:00", 'from "00:00" until "24:00"']),
        ("windows: [{from: '24:00', until: '06:00'}]", ["cannot open at 24:00"]),
        ("contacts: {during: [x]}", ["key `contacts.during`", "The keys here are before, after".lower()]),
        ("canaries: [10.9.9.9]", ["key `canaries[0]`: 10.9.9.9 is outside the scope"]),
        ("canaries: [10.88.0.9]", ["key `canaries[0]`: 10.88.0.9 is excluded, so it can never be seen"]),
        ("canaries: [10.88.0.1, 10.88.0.1]", ["key `canaries[1]`: `10.88.0.1` is given twice"]),
        ("interface: eth0; id", ["key `interface`: `eth0; id` is not the name of an interface"]),
        ("rules: nowhere", ["key `rules`", "is not a folder"]),
        ("locations: nowhere.csv", ["line 8, key `locations`", "nowhere.csv: cannot be read"]),
    ],
)  # fmt: skip
def test_errors_in_optional_keys(load, extra, words):
    refused(load, *words, extra=extra)


@pytest.mark.parametrize("port", [*range(9100, 9108), 515])
@pytest.mark.parametrize("where", ["http", "https", "rtsp", "listen"])
def test_printer_ports_are_refused_everywhere(load, port, where):
    refused(load, f"key `ports.{where}[0]`: port {port} belongs to printers", extra=f"ports: {{{where}: [{port}]}}")


def test_several_errors_are_listed_together_in_the_order_of_the_file(load):
    swaps = [("name: Ministry HQ", "name: ''"), ("role: core", "role: coer"), ("10.88.1.0/24", "10.88.1.1/24")]
    lines = refused(load, swap=swaps, extra="pace: fast\n").splitlines()
    assert [int(re.search(r"line (\d+)", line)[1]) for line in lines] == [1, 4, 5, 8]


def test_errors_of_what_keys_say_together_are_listed_together_too(load, tmp_path):
    (tmp_path / "l.csv").write_text("address\nx\ny\n")
    lines = refused(load, extra="canaries: [10.9.9.9]\nrules: no\nlocations: l.csv\n").splitlines()
    assert len(lines) == 4
    assert "l.csv, row 2" in lines[2]
    assert "l.csv, row 3" in lines[3]


def test_a_flood_of_errors_is_cut(load):
    lines = refused_flood(load)
    assert len(lines) == 51
    assert lines[-1].endswith("and 50 more errors")


def refused_flood(load):
    with pytest.raises(UsageError) as error:
        load("canaries: [" + "x, " * 100 + "]\n")
    return str(error.value).splitlines()


@pytest.mark.parametrize(
    ("text", "words"), [("", "the file is empty"), ("- a\n", "not a mapping"), ("x", "not a mapping")]
)
def test_a_file_without_keys(load, text, words):
    refused(load, words, "`auditor init` writes one", text=text)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(UsageError, match="there is no such file; `auditor init` writes one"):
        load_site(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="cannot be read"):
        load_site(tmp_path)


# --- authorisation ---


@pytest.mark.parametrize("text", ["", "authorisation:\n", "authorisation: null\n"])
def test_without_authorisation_there_is_no_site(load, smallest, text):
    lines = smallest.splitlines(keepends=True)
    lines[1] = text
    refused(load, "key `authorisation`: there is no authorisation, so nothing may be sent; write who allows it",
            kind=NotAuthorised, text="".join(lines))  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("by: Head of Security", "by: ''", ["line 2, key `authorisation.by`: is empty; write for example `by: Head of"]),
        ("by: Head of Security, ", "", ["key `authorisation.by`: is missing"]),
        ("reference: SEC-2026-114", "reference: ", ["key `authorisation.reference`: is missing or empty"]),
        ("2026-11-01", "1.11.2026", ["key `authorisation.valid_from`: `1.11.2026` is not a date; write year-month-day"]),
        ("2026-11-01", "20261101", ["is not a date"]),
        ("2026-11-01", "2026-W45-1", ["is not a date"]),
        ("2026-11-01", "2026-11-31", ["is not a date"]),
        ("2026-11-01", "2027-11-01", ["key `authorisation.valid_until`", "ends on 2026-12-31, before it begins"]),
        ("2026-12-31}", "2026-12-31, methods: [arp, tcp]}", ["key `authorisation.methods[1]`", "arp, sweep, wsd, http"]),
        ("2026-12-31}", "2026-12-31, methods: []}", ["key `authorisation.methods`: has no entry"]),
    ],
)  # fmt: skip
def test_an_authorisation_that_is_incomplete_or_contradicts_itself(load, old, new, words):
    refused(load, *words, kind=NotAuthorised, swap=swap(old, new))


def test_other_errors_are_not_about_the_authorisation(load):
    with pytest.raises(UsageError) as error:
        load("pace: fast")
    assert not isinstance(error.value, NotAuthorised)


def test_methods_are_those_that_were_allowed(load):
    site = load(swap=swap("2026-12-31}", "2026-12-31, methods: [wsd, arp, arp]}"))
    assert site.methods == {"arp", "wsd"}
    assert site.authorisation.methods == ("wsd", "arp")


def moment(text, zone="UTC"):
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "utc", "allowed"),
    [
        ("UTC", "2026-10-31T23:59:59", False),
        ("UTC", "2026-11-01T00:00:00", True),
        ("UTC", "2026-12-31T23:59:59", True),
        ("UTC", "2027-01-01T00:00:00", False),
        ("Europe/Amsterdam", "2026-10-31T22:59:59", False),  # winter time, UTC+1
        ("Europe/Amsterdam", "2026-10-31T23:00:00", True),
        ("Europe/Amsterdam", "2026-12-31T22:59:59", True),
        ("Europe/Amsterdam", "2026-12-31T23:00:00", False),
        ("America/New_York", "2026-11-01T03:59:59", False),  # still summer time, UTC-4, on the night of the change
        ("America/New_York", "2026-11-01T04:00:00", True),
        ("Pacific/Kiritimati", "2026-10-31T10:00:00", True),  # UTC+14
        ("Pacific/Kiritimati", "2026-12-31T10:00:00", False),
    ],
)
def test_days_are_inclusive_and_meant_in_the_time_zone_of_the_site(load, zone, utc, allowed):
    site = load(swap=swap("sensitive}", f"sensitive, timezone: {zone}}}"))
    if allowed:
        site.check_authorised(moment(utc))
    else:
        with pytest.raises(NotAuthorised):
            site.check_authorised(moment(utc))


def test_refusals_say_what_to_change(load):
    site = load(
        "windows: [{days: [sat], from: '22:00', until: '06:00'}]", swap=swap("e}", "e, timezone: Europe/London}")
    )
    path = site.path
    for when, sentence in (
        ("2026-10-20T08:00", (f"{path}, line 2, key `authorisation.valid_from`: authorisation SEC-2026-114 begins on 2026-11-01 "
         "and it is 2026-10-20 09:00 now (Europe/London); wait until then, or write down an authorisation that covers today.")),
        ("2027-02-01T08:00", (f"{path}, line 2, key `authorisation.valid_until`: authorisation SEC-2026-114 ended with 2026-12-31 "
         "and it is 2027-02-01 08:00 now (Europe/London); ask Head of Security for a new one and write it down here.")),
        ("2026-11-07T21:59", (f"{path}, line 8, key `windows`: the audit may run sat 22:00-06:00 and it is 2026-11-07 21:59 now "
         "(Europe/London); wait for the next window, or add one that was agreed.")),
    ):  # fmt: skip
        with pytest.raises(NotAuthorised) as error:
            site.check_authorised(moment(when))
        assert str(error.value) == sentence
    site.check_authorised(moment("2026-11-07T22:00"))
    site.check_authorised(moment("2026-11-08T05:59"))


@pytest.mark.parametrize(
    ("utc", "allowed"),
    [
        ("2026-03-28T22:30", False),  # 23:30 on the evening before the change, UTC+1
        ("2026-03-29T00:59", True),  # 01:59, the last minute of winter time
        ("2026-03-29T01:00", True),  # 03:00, the first of summer time
        ("2026-03-29T01:59", True),  # 03:59
        ("2026-03-29T02:00", False),  # 04:00
        ("2026-10-25T00:30", True),  # 02:30 summer time
        ("2026-10-25T01:30", True),  # 02:30 again, winter time
        ("2026-10-25T02:30", True),  # 03:30
        ("2026-10-25T03:00", False),  # 04:00
        ("2026-07-01T00:30", True),  # 02:30 in summer
        ("2026-01-01T00:30", True),  # 01:30 in winter
    ],
)
def test_windows_follow_the_wall_clock_through_summer_time(load, utc, allowed):
    swaps = [("e}", "e, timezone: Europe/Amsterdam}"), ("2026-11-01", "2026-01-01")]
    site = load("windows: [{from: '01:00', until: '04:00'}]", swap=swaps)
    if allowed:
        site.check_authorised(moment(utc))
    else:
        with pytest.raises(NotAuthorised, match="every day 01:00-04:00"):
            site.check_authorised(moment(utc))


def test_a_moment_without_a_time_zone_is_a_mistake(load):
    with pytest.raises(ValueError, match="time zone"):
        load().check_authorised(dt.datetime(2026, 11, 5))  # noqa: DTZ001


# --- sizes ---


@pytest.mark.parametrize("prefix", ["10.0.0.0/15", "10.0.0.0/8", "127.0.0.0/8"])
def test_wide_subnets_need_consent(load, prefix):
    site = load(swap=swap("10.88.1.0/24", prefix))
    with pytest.raises(UsageError) as error:
        site.check_size(accept_large=False)
    assert f"site.yaml, line 5, key `zones[1].subnets[0]`: {prefix} holds" in str(error.value)
    assert "--accept-large" in str(error.value)
    site.check_size(accept_large=True)


@pytest.mark.parametrize("prefix", ["10.5.0.0/16", "'fd00::/8'", "'fd00::/64'"])
def test_a_16_and_ipv6_prefixes_need_none(load, prefix):
    load(swap=swap("10.88.1.0/24", prefix)).check_size(accept_large=False)


# --- pace ---


def test_limits_lower_the_pace(load):
    site = load("limits: {packets_per_second: 20, new_connections_per_second: 0.5, connections: 12}")
    assert site.pace == Pace("gentle", packets=20, arp=20, new_connections=0.5, open_connections=1, connections=12)
    assert (site.limits_raised, site.warnings) == ((), ())


def test_pace_standard(load):
    assert load("pace: standard").pace == STANDARD


def test_raised_limits_are_printed(load):
    site = load(
        "accept_risk: true\nlimits: {packets_per_second: 1000, arp_per_second: 10, new_connections_per_second: 40}"
    )
    assert site.pace == Pace("gentle", packets=1000, arp=10, new_connections=40, open_connections=1, connections=30)
    assert site.limits_raised == (
        "The limit packets_per_second was raised from 100 to 1000 with accept_risk: devices and network may suffer.",
        "The limit new_connections_per_second was raised from 2 to 40 with accept_risk: devices and network may suffer.",
    )
    assert site.warnings == site.limits_raised
    assert site.accept_risk


# --- the rest ---


def test_ports_contacts_interface_rules_and_canaries(load, tmp_path):
    (tmp_path / "own").mkdir()
    site = load("""\
        ports: {http: [8080], https: [], rtsp: [8554], listen: [37777], wsd: 13702}
        contacts: {before: [Network desk], after: [Facilities, Network desk]}
        interface: eth0.30
        rules: own
        canaries: [10.88.0.1]
        """)
    assert site.ports == Ports((8080,), (), (8554,), (37777,), 13702)
    assert site.contacts == site.site.contacts
    assert site.contacts == (("before", "Network desk"), ("after", "Facilities"), ("after", "Network desk"))
    assert (site.interface, site.rules_folder, site.canaries) == ("eth0.30", tmp_path / "own", ("10.88.0.1",))


def test_exclusions_in_every_form(load):
    site = load(swap=swap("[10.88.0.9]", """
  - 10.88.0.9
  - 10.88.0.16/30
  - 10.88.0.32-10.88.0.34
  - 44:19:B6:00:00:05
  - {address: 10.88.1.1, reason: door, quiet: true}
  - {subnet: 10.88.1.16/30}
  - {range: 10.88.1.32 - 10.88.1.33}
  - {mac: 4419b6000006, quiet: false}"""))  # fmt: skip
    assert site.scope.excluded_size == 1 + 4 + 3 + 1 + 4 + 2
    assert site.scope.excluded_macs == {"44:19:b6:00:00:05", "44:19:b6:00:00:06"}
    assert site.scope.exclusion_of("10.88.1.1").reason == "door"
    with pytest.raises(NotPermitted, match=r"10\.88\.1\.1 must be left quiet"):
        site.scope.multicast_permit("eth0", "10.88.1.9", ["10.88.1.0/24"])


def test_locations_are_read_beside_the_site_file(load, tmp_path):
    (tmp_path / "places").mkdir()
    (tmp_path / "places" / "l.csv").write_text("address,room\n10.88.0.7,2.14\n10.9.9.9,3\n")
    site = load("locations: places/l.csv")
    assert site.locations["10.88.0.7"] == Location(room="2.14")
    assert site.warnings == ("Rows of the locations table outside the scope: 1, such as 10.9.9.9.",)


def test_what_looks_like_a_mistake_is_a_warning(load):
    assert load(swap=swap("[10.88.0.9]", "[10.8.0.9]")).warnings == (
        "The exclusion 10.8.0.9 (line 6) lies outside the scope and excludes nothing; check it for a typing error.",
    )
    assert "nothing is judged" in load(swap=swap("[uk-2022, us-889]", "[]")).warnings[0]
    assert "Every IPv4 address of the scope is excluded." in load(swap=swap("[10.88.0.9]", "[10.88.0.0/16]")).warnings
    only_ipv6 = [("10.88.0.0/24", "'fd00::/64'"), ("10.88.1.0/24", "'fd01::/64'"), ("exclude: [10.88.0.9]", "")]
    assert "no IPv4 address" in load(swap=only_ipv6).warnings[0]


# --- credentials ---


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "cameras.txt"
    path.write_text("admin:hunter2")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_credential_file_is_accepted_unread(load, secret, mode, monkeypatch):
    secret.chmod(mode)
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest, **more: opened.append(str(path)) or real(path, *rest, **more))
    site = load("credentials: {cameras: {file: cameras.txt}}")
    assert dict(site.credentials) == {"cameras": secret}
    assert str(secret) not in opened
    assert "hunter2" not in repr(site)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o700, 0o604, 0o4600, 0o000])
def test_a_credential_file_of_another_mode_is_refused(load, secret, mode):
    secret.chmod(mode)
    refused(load, "line 8, key `credentials.cameras.file`", f"has mode {mode:04o}; run `chmod 600 {secret}`",
            extra="credentials: {cameras: {file: cameras.txt}}")  # fmt: skip


def test_a_credential_file_that_is_a_link_a_folder_or_missing_is_refused(load, secret, tmp_path):
    (tmp_path / "link").symlink_to(secret)
    (tmp_path / "folder").mkdir(mode=0o600)
    for name, words in (
        ("link", "is a symbolic link; name the file itself"),
        ("folder", "is not a file; name a file"),
        ("none", "cannot be found"),
    ):
        refused(load, words, extra=f"credentials: {{cameras: {{file: {name}}}}}")


def test_a_credential_file_of_somebody_else_is_refused(load, secret, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: secret.stat().st_uid + 1)
    refused(load, "belongs to user", f"run `chown {secret.stat().st_uid + 1} ",
            extra="credentials: {cameras: {file: cameras.txt}}")  # fmt: skip


@pytest.mark.parametrize(
    "inline",
    [
        "{user: admin, password: hunter2}",
        "hunter2",
        "{file: cameras.txt, password: hunter2}",
        "[hunter2]",
        "{pass: hunter2}",
    ],
)
def test_an_inline_credential_is_refused_and_not_repeated(load, secret, inline):
    text = refused(load, "line 8, key `credentials.cameras`", extra=f"credentials: {{cameras: {inline}}}")
    assert "hunter2" not in text
    if inline != "[hunter2]":
        assert "in a file of mode 0600" in text
