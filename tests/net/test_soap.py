"""Envelopes that onvif-zeep's own description of the device service makes, and the list of what may be asked."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import shutil
import socket
import subprocess
import sys

import pytest
from lxml import etree

from auditor.common.errors import CannotScan, NotPermitted
from auditor.net import soap

NAMESPACES = {"s": "http://www.w3.org/2003/05/soap-envelope", "tds": "http://www.onvif.org/ver10/device/wsdl"}


@pytest.fixture(scope="module")
def messages():
    return soap.onvif_messages()


@pytest.mark.parametrize("operation", sorted(soap.READ_OPERATIONS))
def test_every_operation_makes_an_envelope_on_one_line(messages, operation):
    body, action = messages.body_for(operation)
    root = etree.fromstring(body)
    [request] = root.xpath("/s:Envelope/s:Body/*", namespaces=NAMESPACES)
    assert request.tag == f"{{{NAMESPACES['tds']}}}{operation}"
    assert root.xpath("/s:Envelope/s:Header", namespaces=NAMESPACES) == []
    assert action == f"{NAMESPACES['tds']}/{operation}"
    assert action in soap.READ_ACTIONS
    assert b"\n" not in body
    assert b"\r" not in body


def test_no_security_header_in_any_envelope(messages):
    for operation in soap.READ_OPERATIONS:
        body, _ = messages.body_for(operation)
        for word in (b"Security", b"UsernameToken", b"Password", b"Nonce", b"wsse"):
            assert word not in body


def test_services_are_asked_for_without_their_capabilities(messages):
    body, _ = messages.body_for("GetServices")
    root = etree.fromstring(body)
    assert root.xpath("//tds:IncludeCapability/text()", namespaces=NAMESPACES) == ["false"]


@pytest.mark.parametrize(
    "operation",
    ["SystemReboot", "SetHostname", "CreateUsers", "GetUsers", "GetSystemBackup", "CreatePullPointSubscription",
     "getservices", "", "GetServices ", "body_for"],
)  # fmt: skip
def test_anything_else_is_not_permitted(messages, operation):
    with pytest.raises(NotPermitted, match="read operations"):
        messages.body_for(operation)


def test_the_list_holds_only_reading_operations_of_the_description():
    description = soap.wsdl_file().read_text(encoding="utf-8")
    for operation in soap.READ_OPERATIONS:
        assert operation.startswith("Get")
        assert f'<wsdl:operation name="{operation}">' in description


def test_description_is_the_one_onvif_zeep_installed():
    files = importlib.metadata.distribution("onvif-zeep").files
    assert soap.wsdl_file() in {file.locate().resolve() for file in files}


def test_description_of_a_neighbouring_python_is_found(monkeypatch, tmp_path):
    """A wheel made on 3.11 and installed on 3.12 puts its data under python3.11."""
    packages = tmp_path / "lib/python3.12/site-packages"
    elsewhere = tmp_path / "lib/python3.11/site-packages/wsdl/devicemgmt.wsdl"
    packages.mkdir(parents=True)
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_text("<x/>")

    class Installed:
        files = ()

        @staticmethod
        def locate_file(path):
            return packages / path

    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Installed)
    monkeypatch.setattr(soap.sysconfig, "get_path", lambda _: str(tmp_path / "none"))
    assert soap.wsdl_file() == elsewhere
    elsewhere.unlink()
    with pytest.raises(CannotScan, match=r"onvif-zeep==0\.2\.12"):
        soap.wsdl_file()


def test_a_missing_package_or_folder_says_what_to_install(monkeypatch, tmp_path):
    with pytest.raises(CannotScan, match=r"onvif-zeep==0\.2\.12"):
        soap.OnvifMessages(tmp_path)

    def absent(_):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "distribution", absent)
    with pytest.raises(CannotScan, match=r"onvif-zeep==0\.2\.12"):
        soap.wsdl_file()


@pytest.mark.parametrize("package", ["onvif", "zeep"])
def test_without_the_package_there_are_no_messages(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(CannotScan, match="onvif-zeep"):
        soap.OnvifMessages()


def test_a_description_that_points_outside_is_not_followed(tmp_path):
    original = soap.wsdl_file()
    shutil.copytree(original.parent, tmp_path, dirs_exist_ok=True)
    target = tmp_path / "devicemgmt.wsdl"
    for outside in ("http://127.77.0.1:9/onvif.xsd", "/etc/hostname", "../../secret.xsd"):
        text = original.read_text(encoding="utf-8").replace(
            'schemaLocation="./onvif.xsd"', f'schemaLocation="{outside}"'
        )
        assert outside in text
        target.write_text(text)
        with pytest.raises(Exception, match=r"not among its own files|ExternalReferenceForbidden"):
            soap.OnvifMessages(tmp_path)


def test_import_leaves_logging_and_proxies_alone():
    """In a process of its own, because onvif is imported once; warnings are errors there too."""
    script = (
        "import logging, os, warnings\n"
        "warnings.simplefilter('error')\n"
        "from auditor.net import soap\n"
        "import sys; assert 'zeep' not in sys.modules and 'onvif' not in sys.modules\n"
        "soap.onvif_messages()\n"
        "root = logging.getLogger()\n"
        "print(root.level, root.handlers, os.environ['http_proxy'], os.environ['https_proxy'])\n"
    )
    environment = os.environ | {"http_proxy": "http://proxy.invalid:1", "https_proxy": "http://proxy.invalid:2"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.stderr == ""
    assert done.stdout.split() == [str(logging.WARNING), "[]", "http://proxy.invalid:1", "http://proxy.invalid:2"]


def test_building_messages_opens_no_socket(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert soap.OnvifMessages().body_for("GetScopes")


def test_zeep_cannot_send():
    _, client = soap._open(soap.wsdl_file())
    service = client.create_service("{http://www.onvif.org/ver10/device/wsdl}DeviceBinding", "http://127.77.0.1:9/")
    with pytest.raises(NotPermitted):
        service.SystemReboot()


def test_messages_are_made_once_per_process():
    assert soap.onvif_messages() is soap.onvif_messages()
