from auditor.identify import explain


def test_every_part_is_said_in_plain_words(name, rules):
    identity = name({"http.server": "App-webs/", "http.title": "Annke"}, {"mac": "ac:cc:8e:00:00:05"}, port=80)
    text = "\n".join(explain(identity, rules))
    for part in ("made by Hikvision, probable (confidence 0.990)", "Label: Annke, reseller of Hikvision", "also put on devices of Dahua",
                 "maker Hikvision: conclusive (0.99), its web pages on port 80: http.server = App-webs/", "fingerprint hikvision.http.server.app-webs",
                 "Axis Communications AB; a MAC prefix never clears a device", "Conflict: Evidence names more than one maker: Hikvision (http.server), Axis (mac)",
                 "What would overturn it: Everything rests on its web pages", f"Fingerprint data {rules.version}"):  # fmt: skip
        assert part in text, part


def test_what_overturns_follows_the_evidence(name):
    assert "network module or board of Hikvision" in name({"mac": "44:19:b6:00:00:05"}).overturn[0]
    assert (
        name({"http.server": "App-webs/"}, {"mac": "44:19:b6:00:00:05"})
        .overturn[0]
        .startswith("2 independent signs agree")
    )
    assert "would name this device" in name({"http.server": "nginx"}).overturn[0]
    assert "from a proxy" in name({"http.server": "App-webs/"}).overturn[0]


def test_possible_tells_what_to_look_for_and_a_label_what_it_is_worth(name, rules):
    assert any("FCC ID" in line for line in explain(name({"mac": "44:19:b6:00:00:05"}), rules))
    lines = explain(name({"http.title": "Alibi"}), rules)
    assert "Sources name Dahua and Hikvision as makers for it; a label alone proves none." in "\n".join(lines)
    assert any("says nothing against any maker" in line for line in explain(name({"mac": "00:1f:54:00:00:05"}), rules))


def test_evidence_of_a_rule_that_is_gone_is_still_explained(name, rules):
    import dataclasses

    identity = name({"http.server": "App-webs/"})
    gone = dataclasses.replace(
        identity, evidence=tuple(dataclasses.replace(item, fingerprint="old.rule.gone") for item in identity.evidence)
    )
    assert any("no longer among the fingerprints" in line for line in explain(gone, rules))
