"""Builds ONVIF request envelopes with zeep from the WSDL that onvif-zeep installs; sends nothing.

The package's camera class is never used: it subscribes to events, follows addresses that devices name and hands
credentials to redirects (facts/libraries, section 2). Its service class and its WSDL say what a request looks like;
the bytes travel through `auditor.net.http` like all others.
"""

from __future__ import annotations

import functools
import importlib.metadata
import logging
import sysconfig
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lxml import etree

from auditor.common.errors import CannotScan, NotPermitted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEVICE_SERVICE = "/onvif/device_service"
_NAMESPACE = "http://www.onvif.org/ver10/device/wsdl"
_BINDING = f"{{{_NAMESPACE}}}DeviceBinding"
_DISTRIBUTION = "onvif-zeep"
_WSDL = "devicemgmt.wsdl"

# All that may ever be asked, with its arguments. Every one only reads. The access class of each is in ONVIF Core:
# all but GetScopes and GetDeviceInformation are PRE_AUTH, that is open to anyone (facts/fingerprints, section 5).
_OPERATIONS: Mapping[str, Mapping[str, object]] = {
    "GetSystemDateAndTime": {},
    "GetServices": {"IncludeCapability": False},
    "GetScopes": {},
    "GetDeviceInformation": {},
    "GetCapabilities": {},
    "GetHostname": {},
    "GetServiceCapabilities": {},
    "GetEndpointReference": {},
    "GetWsdlUrl": {},
}
READ_OPERATIONS = frozenset(_OPERATIONS)
READ_ACTIONS = frozenset(f"{_NAMESPACE}/{operation}" for operation in _OPERATIONS)


class OnvifMessages:
    """The request envelopes of the device service, built once.

    Args:
        wsdl: folder with `devicemgmt.wsdl` and its schemas; default: the one that onvif-zeep installed.

    Raises:
        CannotScan: the WSDL or the package is missing; the text says what to install.
    """

    def __init__(self, wsdl: Path | None = None) -> None:
        file = wsdl_file() if wsdl is None else wsdl / _WSDL
        if not file.is_file():
            raise CannotScan(f"ONVIF needs {file}, which is not there: {_reinstall()}")
        service, client = _open(file)
        self._messages = {operation: _message(service, client, operation) for operation in _OPERATIONS}

    def body_for(self, operation: str) -> tuple[bytes, str]:
        """Return the envelope, UTF-8 on one line, and the SOAP action of an operation.

        Raises:
            NotPermitted: the operation is not on the list of read operations.
        """
        if operation not in self._messages:
            raise NotPermitted(f"ONVIF operation {operation!r} is not on the list of read operations")
        return self._messages[operation]


_LOADING = threading.Lock()


@functools.lru_cache(maxsize=1)
def _shared() -> OnvifMessages:
    return OnvifMessages()


def onvif_messages() -> OnvifMessages:
    """Return the messages of this process; the first call takes most of a second, so make it off the event loop.

    Raises:
        CannotScan: as `OnvifMessages`.
    """
    with _LOADING:
        return _shared()


def wsdl_file() -> Path:
    """Return the device management WSDL of the installed onvif-zeep.

    A wheel made on one Python and installed on another puts its data under the wrong version's folder, so the folders
    of neighbouring versions are looked at too (facts/libraries, section 2, defect 1).

    Raises:
        CannotScan: the package is not installed, or came without its WSDL; the text says what to install.
    """
    try:
        distribution = importlib.metadata.distribution(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as error:
        raise CannotScan(f"ONVIF needs the package {_DISTRIBUTION}, which is not installed: {_reinstall()}") from error
    for file in _candidates(distribution):
        if file.is_file():
            return file
    raise CannotScan(f"the installed {_DISTRIBUTION} has no {_WSDL}: {_reinstall()}")


def _candidates(distribution: importlib.metadata.Distribution) -> Iterator[Path]:
    for entry in distribution.files or ():
        if entry.name == _WSDL:
            yield Path(str(distribution.locate_file(entry))).resolve()
    packages = Path(str(distribution.locate_file("")))
    yield packages / "wsdl" / _WSDL
    for base in (packages.parent.parent, Path(sysconfig.get_path("data")) / "lib"):
        yield from sorted(base.glob(f"python3*/*-packages/wsdl/{_WSDL}"))


def _reinstall() -> str:
    return f"install {_DISTRIBUTION}==0.2.12 from a wheel that was built with this Python"


def _open(file: Path) -> tuple[Any, Any]:
    """Return onvif-zeep's service and the zeep client under it; neither can reach a network."""
    onvif, zeep, transports = _import()

    class FilesOnly(transports.Transport):  # type: ignore[misc, name-defined]
        """Loads WSDL files of the package; posts nothing and gets nothing."""

        def load(self, url: str) -> bytes:
            path = Path(url.removeprefix("file://"))
            if "://" in url.removeprefix("file://") or path.resolve().parent != file.parent.resolve():
                raise NotPermitted(f"the ONVIF description asks for {url!r}, which is not among its own files")
            return path.read_bytes()

        def post(self, address: str, *_: object) -> None:
            raise NotPermitted(f"zeep tried to send to {address!r}")

        post_xml = get = post

    settings = zeep.Settings(
        strict=True, xml_huge_tree=False, forbid_dtd=True, forbid_entities=True, forbid_external=True
    )
    transport = FilesOnly(cache=None)
    transport.session.trust_env = False
    client = zeep.Client(str(file), transport=transport, settings=settings)
    # With a client of ours, which has no wsse, the service adds no security header whatever the user and password.
    service = onvif.ONVIFService(
        f"http://0.0.0.0{DEVICE_SERVICE}", "", "", str(file), zeep_client=client, binding_name=_BINDING
    )
    transport.session.close()
    return service, client


def _import() -> tuple[Any, Any, Any]:
    """Import onvif and zeep; onvif sets up the root logger as it is imported, and that is undone."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    try:
        import onvif  # noqa: PLC0415, TID251  (only here; late, because it costs half a second)
        import zeep  # noqa: PLC0415, TID251
        from zeep import transports  # noqa: PLC0415, TID251
    except ImportError as error:
        raise CannotScan(f"ONVIF needs the packages {_DISTRIBUTION} and zeep: {error}; {_reinstall()}") from error
    finally:
        root.setLevel(level)
        root.handlers[:] = handlers
    return onvif, zeep, transports


def _message(service: Any, client: Any, operation: str) -> tuple[bytes, str]:
    envelope = client.create_message(service.ws_client, operation, **_OPERATIONS[operation])
    body = etree.tostring(envelope, encoding="unicode")
    action = service.ws_client._binding.get(operation).soapaction  # noqa: SLF001  (zeep has no public way to it)
    # Some cameras answer only when there is no line break before the envelope.
    return f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode(), str(action)
