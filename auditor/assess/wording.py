"""Sentences that assess itself says, one template each with named parameters, so that each can be translated whole.

The sentences of rules stand with the rules, in `policies/`.
"""

from __future__ import annotations

from auditor.model import Force

# The identity is weaker than the rule asks: a person must look before the rule may be applied.
NOT_SURE_ENOUGH = {
    Force.LAW: "The evidence that {maker} made this unit is not strong enough to act on: a person must look at its "
    "label, and if it is so, the law “{rule}” applies.",
    Force.ORDER: "The evidence that {maker} made this unit is not strong enough to act on: a person must look at its "
    "label, and if it is so, the order “{rule}” applies.",
    Force.INSTRUCTION: "The evidence that {maker} made this unit is not strong enough to act on: a person must look "
    "at its label, and if it is so, the instruction “{rule}” applies.",
    Force.ADVICE: "The evidence that {maker} made this unit is not strong enough to act on: a person must look at its "
    "label, and if it is so, the advice “{rule}” applies.",
    Force.PROPOSAL: "The evidence that {maker} made this unit is not strong enough to act on: a person must look at "
    "its label, and if it is so, the proposal “{rule}” would apply once it is adopted.",
}

# Another maker was ranked higher, but evidence names this one as well. What stands before `{rule}` marks the finding.
RIVAL_MAKER = {
    Force.LAW: "Evidence on this unit also names {maker} as its maker: a person must look at the unit, and if it is "
    "so, the law “{rule}” applies.",
    Force.ORDER: "Evidence on this unit also names {maker} as its maker: a person must look at the unit, and if it is "
    "so, the order “{rule}” applies.",
    Force.INSTRUCTION: "Evidence on this unit also names {maker} as its maker: a person must look at the unit, and if "
    "it is so, the instruction “{rule}” applies.",
    Force.ADVICE: "Evidence on this unit also names {maker} as its maker: a person must look at the unit, and if it "
    "is so, the advice “{rule}” applies.",
    Force.PROPOSAL: "Evidence on this unit also names {maker} as its maker: a person must look at the unit, and if it "
    "is so, the proposal “{rule}” would apply once it is adopted.",
}

# The maker also builds other things, and nothing shows what this unit is.
KIND_NOT_SEEN = {
    Force.LAW: "{maker} makes many sorts of equipment and nothing shows what kind of unit this is, so it cannot be "
    "said whether the law “{rule}” applies.",
    Force.ORDER: "{maker} makes many sorts of equipment and nothing shows what kind of unit this is, so it cannot be "
    "said whether the order “{rule}” applies.",
    Force.INSTRUCTION: "{maker} makes many sorts of equipment and nothing shows what kind of unit this is, so it "
    "cannot be said whether the instruction “{rule}” applies.",
    Force.ADVICE: "{maker} makes many sorts of equipment and nothing shows what kind of unit this is, so it cannot be "
    "said whether the advice “{rule}” applies.",
    Force.PROPOSAL: "{maker} makes many sorts of equipment and nothing shows what kind of unit this is, so it cannot "
    "be said whether the proposal “{rule}” would apply once it is adopted.",
}

# The maker is known, but the data on makers does not hold it.
MAKER_NOT_LISTED = {
    Force.LAW: "The data on makers has no entry for {maker}, so it cannot be said whether the law “{rule}” applies.",
    Force.ORDER: "The data on makers has no entry for {maker}, so it cannot be said whether the order “{rule}” "
    "applies.",
    Force.INSTRUCTION: "The data on makers has no entry for {maker}, so it cannot be said whether the instruction "
    "“{rule}” applies.",
    Force.ADVICE: "The data on makers has no entry for {maker}, so it cannot be said whether the advice “{rule}” "
    "applies.",
    Force.PROPOSAL: "The data on makers has no entry for {maker}, so it cannot be said whether the proposal “{rule}” "
    "would apply once it is adopted.",
}

# --- coverage: why the audit is incomplete ---
INCOMPLETE_ONE = {
    "unreachable": "1 address of {subnet} could not be reached from here.",
    "not-attempted": "1 address of {subnet} was not asked anything.",
    "error": "1 address of {subnet} could not be asked because of a fault on this machine.",
    "stopped-for-safety": "The questions to 1 address of {subnet} were stopped early to protect the device.",
}
INCOMPLETE_MANY = {
    "unreachable": "{count} addresses of {subnet} could not be reached from here.",
    "not-attempted": "{count} addresses of {subnet} were not asked anything.",
    "error": "{count} addresses of {subnet} could not be asked because of a fault on this machine.",
    "stopped-for-safety": "The questions to {count} addresses of {subnet} were stopped early to protect the devices.",
}
CANARY_NOT_SEEN = (
    "The control device {address} was not seen although it should be there, so an empty result proves nothing."
)
SUBNET_UNANSWERED = (
    "Nothing at all answered in {subnet} and no control device stands there, so this audit cannot tell an empty "
    "network from one that it could not see."
)

# --- coverage: what could hide a camera ---
SWITCHED_OFF = "A camera that was switched off or unplugged while the audit ran is not in this report."
OTHER_NETWORKS = (
    "Only the subnets of the site file were looked at: a camera on any other subnet, VLAN or mobile connection is not "
    "in this report."
)
BEHIND_ANOTHER = (
    "A camera that hangs behind a recorder or an address-translating router has no address of its own here, and only "
    "the device in front of it can be seen."
)
NO_LAYER_2_ONE = (
    "The subnet {subnets} was not looked at on its own network link: a device there that answers on none of the tried "
    "ports was not seen."
)
NO_LAYER_2_MANY = (
    "The subnets {subnets} were not looked at on their own network links: a device there that answers on none of the "
    "tried ports was not seen."
)
ONLY_THESE_PORTS = "Only the TCP ports {ports} were tried: a camera that answers on other ports may not be recognised."
NO_MULTICAST_ONE = (
    "The discovery message that all cameras of a network link hear at once was not sent in the subnet {subnets}; only "
    "addresses that had already answered could be asked there."
)
NO_MULTICAST_MANY = (
    "The discovery message that all cameras of a network link hear at once was not sent in the subnets {subnets}; only "
    "addresses that had already answered could be asked there."
)
NO_DISCOVERY_MESSAGE = "The ONVIF discovery message was not sent in this audit, so no camera could announce itself."
ONVIF_OFF = "A camera whose ONVIF is turned off does not answer the ONVIF discovery message."
FILTERED_ONE = "A filter refused the audit on behalf of 1 address; a camera may stand behind it."
FILTERED_MANY = "A filter refused the audit on behalf of {count} addresses; cameras may stand behind it."
SILENT_ONE = "1 address stayed silent, which does not show that nothing is there."
SILENT_MANY = "{count} addresses stayed silent, which does not show that nothing is there."
EXCLUDED_ONE = "1 address was excluded by the site file and nothing is known of it."
EXCLUDED_MANY = "{count} addresses were excluded by the site file and nothing is known of them."
UNIDENTIFIED_ONE = "1 address answered without showing what it is; it may be a camera."
UNIDENTIFIED_MANY = "{count} addresses answered without showing what they are; cameras may be among them."
THIS_MACHINE_ONE = "1 address is that of the machine that made this audit; it did not ask itself anything."
THIS_MACHINE_MANY = "{count} addresses are those of the machine that made this audit; it did not ask itself anything."
IPV6_NOT_SWEPT = "The IPv6 prefixes {prefixes} are too large to be swept, so a silent camera there was not found."
IPV6_NOT_DECLARED = "No IPv6 prefix was given, so a camera that speaks only IPv6 was not looked for."
OUTSIDE_ONE = "1 answer came from an address outside the scope; it was counted and not kept."
OUTSIDE_MANY = "{count} answers came from addresses outside the scope; they were counted and not kept."
DROPPED_ONE = "1 packet was lost inside this machine before it could be read, so an answer may be missing."
DROPPED_MANY = "{count} packets were lost inside this machine before they could be read, so answers may be missing."

# --- units ---
TWO_ZONES = "The unit has addresses in several zones ({zones}); it is judged by the most exposed of them, “{zone}”."


def count(number: int, one: str, many: str, **parameters: object) -> str:
    """Return the sentence for that number; `many` may hold `{count}`."""
    return one.format(**parameters) if number == 1 else many.format(count=f"{number:,}", **parameters)
