"""What a device showed, and why that tells its maker, in whole sentences: for the terminal and for the report.

Each sentence is a message for the catalogue with named placeholders. `%(value)s` is the device's own text: whoever
fills it in makes it visible, cuts it and escapes it first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.model import Strength

if TYPE_CHECKING:
    from auditor.model import Evidence


def N_(message: str) -> str:  # noqa: N802  (the name that message extractors know)
    """Mark a message for the catalogue without translating it yet."""
    return message


# One sentence a fact key; `%(value)s` is what the device said.
OBSERVATION = {
    "http.server": N_("Its web server gives its name as %(value)s."),
    "http.title": N_("The title of its web page is %(value)s."),
    "http.www_authenticate": N_("Its web server asks for a login with %(value)s."),
    "http.body": N_("Its web page contains %(value)s."),
    "http.header_names": N_("Its web server sends these header lines, in this order: %(value)s."),
    "http.status": N_("Its web server answered with status %(value)s."),
    "http.favicon.mmh3": N_("The small picture of its web page has the check number %(value)s."),
    "http.favicon.md5": N_("The small picture of its web page has the check number %(value)s."),
    "rtsp.server": N_("Its video server gives its name as %(value)s."),
    "rtsp.www_authenticate": N_("Its video server asks for a login with %(value)s."),
    "rtsp.public": N_("Its video server offers %(value)s."),
    "tls.subject": N_("Its certificate is made out to %(value)s."),
    "tls.issuer": N_("Its certificate was issued by %(value)s."),
    "tls.sha256": N_("Its certificate has the fingerprint %(value)s."),
    "onvif.manufacturer": N_("It states its manufacturer as %(value)s."),
    "onvif.model": N_("It states its model as %(value)s."),
    "onvif.firmware": N_("It states its firmware as %(value)s."),
    "onvif.serial": N_("It states its serial number as %(value)s."),
    "onvif.hostname": N_("It states its host name as %(value)s."),
    "onvif.scopes": N_("It announces itself to cameras' software as %(value)s."),
    "wsd.scopes": N_("It announces itself on the network as %(value)s."),
    "wsd.types": N_("It announces on the network that it is %(value)s."),
    "wsd.endpoint": N_("It announces itself on the network under the name %(value)s."),
    "wsd.xaddrs": N_("It announces on the network that it is found at %(value)s."),
    "ssdp.server": N_("It announces its software as %(value)s."),
    "mdns.service": N_("It announces the service %(value)s."),
    "mdns.txt": N_("It announces %(value)s."),
    "snmp.sysdescr": N_("It describes itself as %(value)s."),
    "snmp.sysobjectid": N_("Its product number (SNMP) is %(value)s."),
    "dhcp.vendor_class": N_("When it asked for an address it called itself %(value)s."),
    "dhcp.hostname": N_("When it asked for an address it gave the name %(value)s."),
    "dns.name": N_("The network's directory lists it as %(value)s."),
    "mac": N_("Its hardware address is %(value)s."),
    "ftp.banner": N_("Its file server greets with %(value)s."),
    "telnet.banner": N_("Its remote console greets with %(value)s."),
    "ssh.banner": N_("Its remote console greets with %(value)s."),
    "sip.user_agent": N_("Its telephone software calls itself %(value)s."),
}
# Facts with several values, which come joined by newlines.
SEVERAL_VALUES = frozenset({
    "http.header_names", "rtsp.public", "onvif.scopes", "wsd.scopes", "wsd.types", "wsd.xaddrs", "mdns.txt",
    "mdns.service",
})  # fmt: skip
# The same by the start of the key, where many fields come in one answer.
OBSERVATION_OF_PROTOCOL = {
    "sadp.": N_("To the discovery message of Hikvision's tools it answered %(value)s (%(observation)s)."),
    "dhip.": N_("To the discovery message of Dahua's tools it answered %(value)s (%(observation)s)."),
}
OBSERVATION_OTHER = N_("Among other things it answered %(value)s (%(observation)s).")

# Why a sign tells the maker. First what depends on the sort of sign, then what depends on its strength alone.
OWN_PROTOCOL = N_("This is a protocol of %(maker)s itself: other makers' units are not known to speak it.")
MAC = N_(
    "Addresses that begin like this are registered to %(maker)s or a firm of its group: they tell who bought a network "
    "part, not for certain who built the unit."
)
NAME_SET_BY_PEOPLE = N_("Units of %(maker)s give this name. The owner or a seller can change it.")
ONLY_THIS_NAME = N_("Only firmware of %(maker)s is known to use this name.")
ONLY_THIS_CERTIFICATE = N_("Only %(maker)s is known to make such certificates.")
ONLY_THIS_PICTURE = N_("Only web pages of %(maker)s are known to have this picture.")
BY_STRENGTH = {
    Strength.CONCLUSIVE: N_("Only units of %(maker)s are known to answer like this."),
    Strength.STRONG: N_("Units of %(maker)s answer like this, and other units hardly ever do."),
    Strength.MODERATE: N_("Units of %(maker)s often answer like this, but some other units do so too."),
    Strength.WEAK: N_("Units of %(maker)s answer like this, and so do many others: by itself this says little."),
    Strength.AGAINST: N_("Units of %(maker)s are not known to answer like this."),
}
_OWN_PROTOCOLS = ("sadp.", "dhip.", "isapi.", "magicbox.", "dvrip.", "ubnt.")
_NAMES = frozenset({
    "http.server", "rtsp.server", "ssdp.server", "snmp.sysdescr", "ftp.banner", "telnet.banner", "ssh.banner",
    "sip.user_agent", "dhcp.vendor_class",
})  # fmt: skip
_SET_BY_PEOPLE = frozenset({"onvif.manufacturer", "onvif.hostname", "http.title", "dns.name", "dhcp.hostname"})


def observed(key: str) -> str:
    """Return the message on what was seen; its placeholders are `%(value)s` and, in some, `%(observation)s`."""
    if key in OBSERVATION:
        return OBSERVATION[key]
    return next((text for start, text in OBSERVATION_OF_PROTOCOL.items() if key.startswith(start)), OBSERVATION_OTHER)


def why(item: Evidence) -> str:
    """Return the message on why a sign tells the maker; its placeholder is `%(maker)s`."""
    if item.group == "mac":
        return MAC
    special = None
    if item.strength is Strength.CONCLUSIVE:
        special = _only_one(item)
    elif item.observation in _SET_BY_PEOPLE and item.strength in {Strength.STRONG, Strength.MODERATE}:
        special = NAME_SET_BY_PEOPLE
    return special or BY_STRENGTH[item.strength]


def _only_one(item: Evidence) -> str | None:
    key = item.observation
    if key.startswith(_OWN_PROTOCOLS):
        return OWN_PROTOCOL
    if key in _NAMES:
        return ONLY_THIS_NAME
    if key.startswith("tls."):
        return ONLY_THIS_CERTIFICATE
    return ONLY_THIS_PICTURE if item.group == "favicon" else None
