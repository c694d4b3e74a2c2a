"""The closed vocabularies in plain words; each entry is a message for the catalogue."""

from __future__ import annotations

from auditor.common.clues import N_
from auditor.model import CoverageState, Decision, Force, Kind, Relation, Sensitivity, Strength, Verdict, ZoneRole

KIND = {
    Kind.CAMERA: N_("Camera"),
    Kind.PTZ: N_("Moving camera"),
    Kind.THERMAL: N_("Thermal camera"),
    Kind.RECORDER: N_("Video recorder"),
    Kind.ENCODER: N_("Video encoder"),
    Kind.ACCESS_TERMINAL: N_("Access terminal"),
    Kind.INTERCOM: N_("Intercom"),
    Kind.SCANNER: N_("Scanner"),
    Kind.MANAGEMENT_PLATFORM: N_("Management platform"),
    Kind.OTHER: N_("Other device"),
    Kind.UNKNOWN: N_("Not known"),
}
DECISION = {
    Decision.REMOVE: N_("Remove"),
    Decision.DISCONNECT: N_("Disconnect"),
    Decision.ASSESS: N_("Assess"),
    Decision.MONITOR: N_("Monitor"),
    Decision.NO_ACTION: N_("No action"),
    Decision.CANNOT_SAY: N_("Cannot say"),
}
FORCE = {
    Force.LAW: N_("law"),
    Force.ORDER: N_("order"),
    Force.INSTRUCTION: N_("instruction"),
    Force.ADVICE: N_("advice"),
    Force.PROPOSAL: N_("proposal, not in force"),
}
VERDICT = {
    Verdict.CONFIRMED: N_("Confirmed"),
    Verdict.PROBABLE: N_("Probable"),
    Verdict.POSSIBLE: N_("Possible"),
    Verdict.UNIDENTIFIED: N_("Not identified"),
}
STRENGTH = {
    Strength.CONCLUSIVE: N_("Conclusive"),
    Strength.STRONG: N_("Strong"),
    Strength.MODERATE: N_("Moderate"),
    Strength.WEAK: N_("Weak"),
    Strength.AGAINST: N_("Speaks against"),
}
# What a model name says; a word that newer data added is shown as it is.
LENS = {
    "fixed": N_("fixed"),
    "varifocal": N_("varifocal, set by hand or by motor"),
    "motorised-zoom": N_("varifocal, set by motor"),
    "ptz-zoom": N_("zoom of a moving camera"),
    "fisheye": N_("fisheye"),
    "panoramic": N_("panoramic, about 180 degrees"),
    "multi-sensor": N_("several sensors in one housing"),
    "pinhole": N_("pinhole"),
}
FUNCTION = {
    "anpr": N_("reads number plates"),
    "body-temperature": N_("measures the temperature of people"),
    "covert": N_("built not to be noticed"),
    "explosion-proof": N_("for explosive gas or dust"),
    "face-recognition": N_("recognises faces"),
    "mobile-network": N_("mobile network"),
    "wifi": N_("radio network (Wi-Fi)"),
}
RELATION = {
    Relation.SUB_BRAND: N_("a brand of the maker's own"),
    Relation.RESELLER: N_("sold by another firm under its own name"),
}
ROLE = {
    ZoneRole.CORE: N_("core network"),
    ZoneRole.ISOLATED: N_("isolated network"),
    ZoneRole.GUEST: N_("guest network"),
    ZoneRole.MANAGEMENT: N_("management network"),
    ZoneRole.UNKNOWN: N_("role not declared"),
}
SENSITIVITY = {
    Sensitivity.SENSITIVE: N_("sensitive site"),
    Sensitivity.STANDARD: N_("standard site"),
}
STATE = {
    CoverageState.IDENTIFIED: N_("Identified"),
    CoverageState.ANSWERED_UNIDENTIFIED: N_("Answered, not identified"),
    CoverageState.SILENT: N_("Silent"),
    CoverageState.FILTERED: N_("Filtered"),
    CoverageState.UNREACHABLE: N_("Unreachable"),
    CoverageState.EXCLUDED: N_("Excluded"),
    CoverageState.NOT_ATTEMPTED: N_("Not attempted"),
    CoverageState.STOPPED_FOR_SAFETY: N_("Stopped for safety"),
    CoverageState.ERROR: N_("Error"),
}
STATE_MEANING = {
    CoverageState.IDENTIFIED: N_("A device answered, and its answers show what it is."),
    CoverageState.ANSWERED_UNIDENTIFIED: N_(
        "A device answered, but nothing it said shows what it is. It may be a camera."
    ),
    CoverageState.SILENT: N_("Nothing answered. That does not prove that nothing is there."),
    CoverageState.FILTERED: N_(
        "A firewall or a similar filter refused the question. What stands behind it was not seen."
    ),
    CoverageState.UNREACHABLE: N_("The network had no way to this address."),
    CoverageState.EXCLUDED: N_("Excluded in the site file. Nothing was sent there."),
    CoverageState.NOT_ATTEMPTED: N_("In scope, but it was not asked in this run."),
    CoverageState.STOPPED_FOR_SAFETY: N_("Asking was stopped to protect the device or the network."),
    CoverageState.ERROR: N_("The auditor failed here. Nothing is known."),
}
# Counters of `Run.counters`, in the order in which they are printed; unknown ones follow under their own names.
COUNTER = {
    "authentication_attempts": N_("Logins attempted"),
    "packets_sent": N_("Packets sent (estimate)"),
    "arp_requests": N_("Address questions on the local link (ARP)"),
    "udp_sent": N_("Single messages sent (UDP)"),
    "connections_tried": N_("Connections tried"),
    "connections_opened": N_("Connections opened"),
    "most_connections_to_one_device": N_("Largest number of connections to one device"),
    "most_open_at_once_to_one_device": N_("Largest number of connections open at once to one device"),
    "retransmits": N_("Packets sent again because nothing came back"),
    "bytes_received": N_("Bytes received"),
    "addresses_looked_at": N_("Addresses looked at"),
    "questions_answered": N_("Questions answered"),
    "over_limit": N_("Answers dropped because one device sent too many"),
    "capture_drops": N_("Packets lost by this machine before they were read"),
    "outside_scope": N_("Answers from outside the scope, counted and not kept"),
}
PROFILE = {
    "layer-2": N_("On the local link and through routers (layer 2 and above)"),
    "connect-only": N_("Through ordinary connections only: devices that do not accept connections were not seen"),
}
METHOD = {
    "arp": N_("ARP"),
    "sweep.nmap": N_("port sweep with nmap"),
    "sweep.connect": N_("port sweep"),
    "wsd.multicast": N_("WS-Discovery call"),
    "wsd.unicast": N_("WS-Discovery, one by one"),
}
GLOSSARY = (
    (
        N_("ARP"),
        N_(
            "The question “who has this address?” on the local link. Every device there answers it, and it does "
            "not pass a router."
        ),
    ),
    (N_("Brand, label"), N_("The name that is printed on a unit. The firm that built it may be another one.")),
    (
        N_("Core network"),
        N_("The network on which an organisation does its own work, as opposed to one that holds only cameras."),
    ),
    (
        N_("Coverage"),
        N_(
            "What the audit did with each address of the scope. Every address ends in exactly one state, and the "
            "states add up."
        ),
    ),
    (
        N_("Evidence"),
        N_("Something that a device said or showed, and what it means by a rule that is kept with this product."),
    ),
    (N_("Excluded"), N_("Excluded in the site file. Nothing is sent to an excluded address.")),
    (N_("Flagged"), N_("A rule asks that the device be removed or disconnected.")),
    (
        N_("Force"),
        N_("The authority behind a rule: a law, an order, an instruction, advice, or a proposal that is not in force."),
    ),
    (
        N_("Hardware address, MAC"),
        N_(
            "A number of twelve hexadecimal digits, often printed on the label. Its first half names the firm it "
            "was given to."
        ),
    ),
    (N_("Maker"), N_("Who built the device, whatever the label says.")),
    (
        N_("ONVIF, RTSP, WS-Discovery"),
        N_(
            "Three common languages of network cameras: to be asked what they are, to send video, and to announce"
            " themselves."
        ),
    ),
    (
        N_("Port"),
        N_(
            "On a network: the numbered door of a device behind which one service answers. On a switch: the "
            "socket into which the cable goes."
        ),
    ),
    (N_("Port sweep"), N_("Trying the doors that cameras use, one after the other, without going in.")),
    (N_("Scope"), N_("All addresses that the written authorisation allows the audit to look at.")),
    (N_("Silent"), N_("Nothing answered at this address. A device that is switched off or hidden is silent as well.")),
    (
        N_("To check by hand"),
        N_("The evidence does not settle who the maker is. A person reads the label before anything is decided."),
    ),
    (
        N_("Vantage"),
        N_("The place in the network from which the audit looked. From another place it may see more, or less."),
    ),
    (N_("VLAN"), N_("A part of a network that is kept apart from the other parts by the switches.")),
    (N_("Wave"), N_("A group of work orders that are carried out together.")),
    (N_("Zone"), N_("A part of the site's network with a name and a role.")),
)
