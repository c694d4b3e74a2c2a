"""Model names say the kind, and some say resolution, lens, channels and functions; nothing is guessed."""

import shutil

import pytest
from ruamel.yaml import YAML

from auditor.common.data import data_path
from auditor.common.errors import UsageError
from auditor.identify import identify, load_rules
from auditor.identify.models import Grammars, Traits
from auditor.identify.schema import Grammar, Trait, TraitSays
from auditor.identify.selftest import check
from auditor.model import Kind, Observation
from auditor.plan import wording

SOURCE = [{"key": "FACTS"}]

# Data sheets as collected in ch-bas/cctv-camera-database @0150328 data/cameras.csv; none of these is an example of a line.
HIKVISION = {
    "DS-2CD2326G2-IU": (2, "fixed"), "DS-2CD2367G2-L": (6, "fixed"), "DS-2CD2387G2H-LISU/SL": (8, "fixed"),
    "DS-2CD2443G2-I": (4, "fixed"), "DS-2CD2523G2-IS": (2, "fixed"), "DS-2CD2626G2-IZS": (2, "motorised-zoom"),
    "DS-2CD2643G2-IZS": (4, "motorised-zoom"), "DS-2CD2667G2HT-LIZS": (6, "motorised-zoom"),
    "DS-2CD2787G3-LIPTRZS2UY/SRB": (8, "motorised-zoom"), "DS-2CD3686G2T-IZSY-H": (8, "motorised-zoom"),
    "DS-2CD3T47G2-LZS": (4, "motorised-zoom"), "DS-2CD3056G2-IS": (5, None), "DS-2CD3766G2T-IZS(Y)": (6, "motorised-zoom"),
    "DS-2CD2387G2P-LSU/SL": (8, "panoramic"), "DS-2CD2T87G3P-LIS2UY/SL": (8, "panoramic"), "DS-2CD63C5G1-S/RC": (12, "fisheye"),
    "DS-2CD6365G0E-IVS": (6, "fisheye"), "DS-2DE4825WG-E3": (8, "ptz-zoom"), "DS-2DE5A425IWG-E(B)": (4, "ptz-zoom"),
    "DS-2DE7A232IWG1-E": (2, "ptz-zoom"), "DS-2DE3A400BW-DE": (4, None),
}  # fmt: skip
DAHUA = {
    "IPC-HDBW2241E-S": (2, "fixed"), "IPC-HDBW2541R-ZS": (5, "motorised-zoom"), "IPC-HDBW2649E-S-IL": (6, "fixed"),
    "IPC-HDBW3849R1-ZAS-PV-PRO-ATC": (8, "motorised-zoom"), "IPC-HDW1430DT-STW": (4, None), "IPC-HDW5259T-ZE-IL": (2, "motorised-zoom"),
    "IPC-HDW5842T-ZE": (8, "motorised-zoom"), "IPC-HDW2849H-S-PROX": (8, "fixed"), "IPC-HDW3867EM-S-IL": (8, "fixed"),
    "IPC-HF71242F-Z-X": (12, None), "IPC-HFW1230DS-SAW": (2, None), "IPC-HDBW3441R-AS-P": (4, None),
    "SD50432GB-HNR": (4, "ptz-zoom"), "SD5A825GB-HNR": (8, "ptz-zoom"), "SD6AL245GB-HNV": (2, "ptz-zoom"),
    "SD6AL445GB-HNV-IR": (4, "ptz-zoom"), "SD8C260PA1-HNF": (2, "ptz-zoom"), "SD52C432GB-HNR": (4, "ptz-zoom"),
}  # fmt: skip


@pytest.mark.parametrize(("maker", "names"), [("Hikvision", HIKVISION), ("Dahua", DAHUA)])
def test_published_data_sheets_agree(rules, maker, names):
    said = {name: rules.traits.read(maker, name)[0::2] for name in names}
    assert said == names
    kinds = {rules.grammars.kind(maker, name) for name in names}
    assert kinds == {Kind.CAMERA, Kind.PTZ}
    assert all((rules.grammars.kind(maker, name) is Kind.PTZ) is name.startswith(("DS-2DE", "SD")) for name in names)


@pytest.mark.parametrize(("maker", "name", "channels"), [
    ("Hikvision", "DS-7608NI-E2/8P", 8), ("Hikvision", "DS-7732NXI-K4", 32), ("Hikvision", "iDS-7208HQHI-M1/S", 8),
    ("Hikvision", "DS-9664NI-I8", 64), ("Hikvision", "DS-2CD2386G2-IU", None), ("Hikvision", "DS-7600NI-K2", None),
    ("Dahua", "NVR4832-4KS2", 32), ("Dahua", "XVR5104HS", 4), ("Dahua", "NVR608-32-4KS2", None), ("Dahua", "NVR2X-4KS3", None),
])  # fmt: skip
def test_the_channels_of_recorders(rules, maker, name, channels):
    assert rules.traits.read(maker, name).channels == channels


@pytest.mark.parametrize(("maker", "name", "words"), [
    ("Hikvision", "DS-2TD2636B-13/P", ["body-temperature"]), ("Hikvision", "DS-2TD2636-13", []),
    ("Dahua", "ASI7223X-A-T1", ["body-temperature", "face-recognition"]), ("Dahua", "DH-TPC-BF3221-T", ["body-temperature"]),
    ("Dahua", "DH-TPC-BF5421-TB13F8", []), ("Hikvision", "DS-K1T607TMFW", ["face-recognition"]),
    ("Dahua", "EPT-5A1425-HNR", ["explosion-proof"]), ("Axis", "P1425-LE", []),
])  # fmt: skip
def test_functions(rules, maker, name, words):
    assert list(rules.traits.read(maker, name).functions) == words


@pytest.mark.parametrize(("maker", "name"), [
    ("Hikvision", ""), ("Hikvision", "DS-2CD"), ("Hikvision", "DS-2CD2"), ("Hikvision", "DS-2CD6944G0-IHS"[:8] + "9"),
    ("Dahua", "IPC-HDBW23A0RN-ZS"), ("Dahua", "IPC-HFW4X31R"), ("Dahua", "SD"), ("Nobody", "DS-2CD2386G2-IU"), ("Dahua", "DS-2CD2386G2-IU"),
    ("Hikvision", "x" * 4000), ("Hikvision", "DS-2CD2" + "\u00b2" * 9),
])  # fmt: skip
def test_what_no_source_states_stays_open(rules, maker, name):
    assert rules.traits.read(maker, name)[:2] == (None, None)


@pytest.mark.parametrize(("maker", "name", "kind"), [
    ("Hikvision", "DS-K1TA70MI-T", "access-terminal"), ("Hikvision", "DS-K5671-3XF/ZU", "access-terminal"),
    ("Hikvision", "DS-KH6320-WTE1", "intercom"), ("Hikvision", "DS-KV8113-WME1(C)", "intercom"), ("Hikvision", "DS-2TD2167-25/PY", "thermal"),
    ("Hikvision", "HM-TD2B28T-15/X8", "thermal"), ("Hikvision", "ds-2cd2143g2-i", "camera"), ("Hikvision", "HIKVISION DS-2DE4A225IW-DE", "ptz"),
    ("Hikvision", "DS-8832N-K8", "recorder"), ("Hikvision", "DS-7804HW-E1/M", "recorder"), ("Hikvision", "DS-6708HQHI", "encoder"),
    ("Hikvision", "iDS-TCV907-BIR", "camera"), ("Hikvision", "DS-I220", "camera"), ("Hikvision", "CMIP3342W-28M", "camera"),
    ("Hikvision", "IPC-B140H", "camera"), ("Hikvision", "NVR-108MH-D/8P", "recorder"), ("Hikvision", "HWN-4108MH", "recorder"),
    ("Hikvision", "I91BL", "camera"), ("Hikvision", "N46PCK", "recorder"), ("Hikvision", "C6N", "camera"),
    ("Dahua", "DHI-ASI7213X-T1", "access-terminal"), ("Dahua", "VTO2111D-WP", "intercom"), ("Dahua", "DH-TPC-BF3221-T", "thermal"),
    ("Dahua", "ITC413-PW4D-Z3", "camera"), ("Dahua", "IP8M-2696EW-AI", "camera"), ("Dahua", "NV4116E-HS", "recorder"),
    ("Dahua", "LNE9242B", "camera"), ("Dahua", "CP-UNP-H4521L50-DPQ", "ptz"), ("Dahua", "CP-UNC-VC41L5C-VMD-LQ", "camera"),
    ("Dahua", "H4D2PER2", "camera"), ("Dahua", "SS 5520 MF FACE EX", "access-terminal"), ("Dahua", "SDT5X425-4Z4-FA-2812", "ptz"),
    ("Hikvision", "AE-MD5043-SD/I/GLF/WI58", "recorder"), ("Hikvision", "DS-MCW406/128G", "camera"), ("Dahua", "DHI-IVSS5108-1I", "recorder"),
    ("Dahua", "DH-PFS3218-16ET-135", "other"), ("Dahua", "DSS8PRSIA", "management-platform"), ("Dahua", "ASR1200E", "access-terminal"),
    ("Dahua", "DH-SD-59D120S-GN", "ptz"),
    ("Axis", "AXIS M7104", "encoder"), ("Axis", "P3245-LVE", "camera"), ("Axis", "Q6135-LE", "ptz"), ("TP-Link", "VIGI C540V", "ptz"),
    ("TP-Link", "VIGI InSight S655I", "camera"), ("Reolink", "RLC-823A", "camera"), ("Milesight", "MS-C2972-RFIPE", "camera"),
    ("Vivotek", "FE9382-EHV-V2", "camera"), ("Vivotek", "SD9366-EHL", "ptz"), ("Hanwha", "XNV-8080R", "camera"), ("Hanwha", "XNP-6400R", None),
    ("Dahua", "Something else", None), ("Nobody", "DS-2CD2386G2-IU", None),
])  # fmt: skip
def test_the_kind_of_a_model(rules, maker, name, kind):
    found = rules.grammars.kind(maker, name)
    assert (found.value if found else None) == kind


def test_the_first_line_decides_and_functions_add_up():
    lines = [
        Trait(maker="M", regex="^A(?P<mp>.)", megapixels={"2": 2.0}, source=SOURCE, examples={"A2": TraitSays()}, counter_examples=["x"]),
        Trait(maker="M", regex="^A.", lens="fixed", functions=["wifi"], source=SOURCE, examples={"A2": TraitSays()}, counter_examples=["x"]),
        Trait(maker="M", regex="^A.*(?P<mp>.)$", megapixels={"9": 9.0, "2": 8.0}, lens="fisheye", functions=["anpr", "wifi"], source=SOURCE,
              examples={"A2": TraitSays()}, counter_examples=["x"]),
    ]  # fmt: skip
    read = Traits(lines).read
    assert read("M", "A2") == (2.0, None, "fixed", ("wifi", "anpr"))
    assert read("M", "a79") == (9.0, None, "fixed", ("wifi", "anpr")), (
        "what the first table does not hold is left to the next line"
    )
    assert read("M", "M A2") == read("M", "A2"), "the maker's name in front is no part of the model"
    assert read("M", "B2") == (None, None, None, ())


@pytest.mark.parametrize("fault", [
    {"regex": "^A", "megapixels": {"2": 2}}, {"regex": "^A(?P<mp>.)"}, {"regex": "^A(?P<mp>.)", "lens": "fixed"},
    {"regex": "^A", "channels": True}, {"regex": "^A(?P<channels>.)", "lens": "fixed"}, {"regex": "^A"},
])  # fmt: skip
def test_a_line_that_says_nothing_or_half_is_refused(fault):
    with pytest.raises(ValueError, match=r"go together|say something"):
        Trait(maker="M", source=SOURCE, examples={"A": TraitSays()}, counter_examples=["x"], **fault)


def test_a_distinctive_name_says_the_kind_whoever_made_it():
    def line(maker, kind, regex, *, distinct=True):
        return Grammar(
            maker=maker,
            kind=kind,
            regex=regex,
            distinct=distinct,
            source=SOURCE,
            examples=["x"],
            counter_examples=["y"],
        )

    grammars = Grammars([
        line("A", "camera", "^C"), line("B", "recorder", "^R"), line("B", "ptz", "^C9"), line("A", "recorder", "^N", distinct=False),
    ])  # fmt: skip
    assert grammars.kind_of_anybody("C1") is Kind.CAMERA
    assert grammars.kind_of_anybody("R1") is Kind.RECORDER
    assert grammars.kind_of_anybody("C9") is None, "two makers, two kinds"
    assert grammars.kind_of_anybody("N1") is None, "common elsewhere"
    assert grammars.kind_of_anybody("") is None


def test_an_identity_carries_what_its_names_say(name):
    unit = name({
        "sadp.DeviceDescription": "DS-7616NI-K2", "sadp.DeviceSN": "DS-7616NI-K21620180307CCRRC12345678WCVU",
        "sadp.MAC": "44-19-b6-00-00-05",
    })  # fmt: skip
    assert (unit.kind, unit.channels, unit.manufactured) == (Kind.RECORDER, 16, "2018-03-07")
    camera = name(
        {"onvif.model": "IPC-HDW5831R-ZE", "onvif.manufacturer": "Dahua"},
        {"rtsp.www_authenticate": 'Digest realm="Login to 4X7C5A1ZAG21L3F", nonce="1"'},
    )
    assert (camera.maker, camera.megapixels, camera.lens, camera.channels) == ("Dahua", 8.0, "motorised-zoom", None)
    shown = camera.to_json()
    assert {key: shown[key] for key in ("manufactured", "megapixels", "lens", "channels", "functions")} == {
        "manufactured": None, "megapixels": 8.0, "lens": "motorised-zoom", "channels": None, "functions": [],
    }  # fmt: skip


def test_another_maker_does_not_lend_its_grammar(name):
    unit = name({"onvif.model": "DS-2CD2386G2-IU", "onvif.manufacturer": "Sony"})
    assert unit.megapixels is None
    assert unit.lens is None


def _kind(rules, *facts):
    found = [Observation("d", key.split(".")[0], key, (value,), number) for number, (key, value) in enumerate(facts)]
    return identify("d", found, rules).kind


@pytest.mark.parametrize(("facts", "kind"), [
    ([("isapi.root", "InputProxyChannelList")], Kind.RECORDER), ([("isapi.deviceDescription", "\tVis")], Kind.INTERCOM),
    ([("isapi.deviceName", "OUTDOOR STATION")], Kind.INTERCOM), ([("isapi.deviceName", "Embedded Net DVR")], Kind.RECORDER),
    ([("isapi.deviceName", "Recorder room, IP CAMERA left")], Kind.UNKNOWN),
    ([("rtsp.www_authenticate", 'Digest realm="IP Camera(C1214)", nonce="1"')], Kind.CAMERA),
    ([("rtsp.www_authenticate", 'Digest realm="IP Dome(AB705)", nonce="1"')], Kind.PTZ),
    ([("rtsp.www_authenticate", 'Digest realm="IP Camera(C1214)", nonce="1"'), ("isapi.deviceType", "IPDome")], Kind.PTZ),
    ([("http.body", "<DeviceInfo><model>X</model><deviceType>NVR</deviceType></DeviceInfo>")], Kind.RECORDER),
    ([("dvrip.HardWare", "HI3516EV300_85H50AI")], Kind.CAMERA), ([("dvrip.HardWare", "HI3520DV400")], Kind.UNKNOWN),
    ([("onvif.model", "LUM-510-NVR-8")], Kind.RECORDER), ([("onvif.model", "Video Doorbell")], Kind.INTERCOM),
    ([("snmp.sysdescr", "NVR")], Kind.RECORDER), ([("snmp.sysdescr", "Unverified driver")], Kind.UNKNOWN),
    ([("rtsp.body", "v=0\r\ns=RTSP/RTP stream from anjvision ipcamera\r\n")], Kind.CAMERA),
    ([("wsd.scopes", "onvif://www.onvif.org/type/ptz")], Kind.CAMERA),
    ([("onvif.model", "RLC-810A"), ("wsd.types", "dn:NetworkVideoTransmitter")], Kind.CAMERA),
    ([("onvif.model", "RLN8-410"), ("wsd.types", "dn:NetworkVideoTransmitter")], Kind.RECORDER),
])  # fmt: skip
def test_kinds_without_a_maker(rules, facts, kind):
    assert _kind(rules, *facts) is kind


FAULTS = [
    ("DS-2CD63C5G1-IVS: {megapixels: 12", "DS-2CD63C5G1-IVS: {megapixels: 11", "yields megapixels 12.0, not 11.0"),
    ("counter_examples: [DS-2CD6944G0-IHS, DS-2DE4425IW-DE]", "counter_examples: [DS-2CD2386G2-IU]", "counter-example DS-2CD2386G2-IU matches"),
    ("DS-2CV2041G2-IDW: {functions", "DS-2CD2041G2-I: {functions", "example DS-2CD2041G2-I does not match"),
    ("DH-HCVR4104C: {channels: 4}", "DH-HCVR4104C: {channels: 4}\n    XNVR5108: {channels: 8}", "XNVR5108 is a model of no line"),
    ("manufactured: '2020-04-14'", "manufactured: '2020-04-15'", "yields manufactured '2020-04-14', not '2020-04-15'"),
    ("'E3384215']", "'E33842150']", "counter-example E33842150 matches"), ("key: DAHUAWIKI", "key: NOWHERE", "source NOWHERE"),
    ("'ND011811000000': {}", "'ND0118110000': {}", "example ND0118110000 does not match"),
]  # fmt: skip


def test_the_self_test_finds_faults_of_traits_and_serials(tmp_path):
    folder = tmp_path / "fingerprints"
    shutil.copytree(data_path("fingerprints"), folder)
    path = folder / "models.yaml"
    text = path.read_text()
    for old, new, _ in FAULTS:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text)
    problems = check(folder)
    for _, _, part in FAULTS:
        assert any(part in problem for problem in problems), part


@pytest.mark.parametrize(
    ("old", "new"), [("  lens: ptz-zoom\n", "  lens: zoomy\n"), ("functions: [covert]\n", "functions: [hidden]\n")]
)
def test_a_word_that_is_not_in_the_list_is_refused(tmp_path, old, new):
    folder = tmp_path / "fingerprints"
    shutil.copytree(data_path("fingerprints"), folder)
    path = folder / "models.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UsageError, match=r"no such word: (zoomy|hidden)"):
        load_rules(folder)


def test_the_plan_has_a_sentence_for_every_word():
    words = YAML(typ="safe").load(data_path("fingerprints").joinpath("models.yaml").read_text())
    assert set(wording.LIKE_LENS) == set(words["lens"])
    assert set(wording.LIKE_FUNCTIONS) == set(words["functions"])
