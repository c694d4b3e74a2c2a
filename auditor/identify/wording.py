"""Sentences on which addresses are one unit and which are not, one template each, so that each can be translated."""

from __future__ import annotations

# --- one unit: what both addresses gave ---
SAME_SERIAL = "{one} and {other} are one unit: both answered with the serial number {value}."
SAME_ENDPOINT = "{one} and {other} are one unit: both announced the ONVIF endpoint {value}."
SAME_MAC = "{one} and {other} are one unit: both belong to the hardware address {value}."
SAME_CERTIFICATE = "{one} and {other} are one unit: both showed the certificate that was made for it ({value})."
OTHER_MACS = "It also has the hardware address {macs}."

# --- kept apart although something is the same ---
SHARED_MAC = (
    "The hardware address {value} answers for {count} addresses; a router that answers for others does that, so they "
    "are kept as separate devices and the hardware address is taken for none of them."
)
SHARED_MAC_NOTE = "Its hardware address is not known: {value} answers for many addresses here."
SHARED_SERIAL = (
    "The serial number {value} was given at {count} addresses; so many units cannot be one, so it was not used to tell "
    "them apart."
)
SHARED_ENDPOINT = (
    "The ONVIF endpoint {value} was announced at {count} addresses; so many units cannot be one, so it was not used to "
    "tell them apart."
)
ROUTER_MAC_NOTE = (
    "Its hardware address is not known: {value} is that of a virtual router, which answers for what stands behind it."
)
FOREIGN_MAC = (
    "{addresses} share the hardware address {value}, which neither gives as its own and which is not of the maker of "
    "either: a router or bridge may answer for both, so they are kept as separate devices and a person must look at "
    "them."
)
CLONED = (
    "{addresses} are shown as one unit because they gave the same serial number ({value}), but their hardware "
    "addresses are not near each other ({macs}) and they have nothing else in common: the serial number may be cloned, "
    "and both places must be looked at."
)
# What two answers contradict each other in -> the sentence on the hardware address that they share.
CONTRADICTING = {
    "maker": "The hardware address {value} was seen at addresses that give different makers ({told}); they are kept as "
    "separate devices and a person must look at them.",
    "serial": "{addresses} share {value} but give different serial numbers ({told}); they are kept as separate devices "
    "and a person must look at them.",
    "model": "{addresses} share {value} but give different models ({told}); they are kept as separate devices and a "
    "person must look at them.",
    "firmware": "{addresses} share {value} but give different firmware ({told}); they are kept as separate devices and "
    "a person must look at them.",
    "mac": "{addresses} share {value} but give different hardware addresses of their own ({told}); a router or bridge "
    "may answer for both, so they are kept as separate devices and a person must look at them.",
    "endpoint": "{addresses} share {value} but announce different ONVIF endpoints ({told}); a router or bridge may "
    "answer for both, so they are kept as separate devices and a person must look at them.",
    "login": "{addresses} share {value} but give different login names ({told}); a router or bridge may answer for "
    "both, so they are kept as separate devices and a person must look at them.",
    "certificate": "{addresses} share {value} but show different certificates, made for {told}; a router or bridge may "
    "answer for both, so they are kept as separate devices and a person must look at them.",
}
CONTRADICTING_MAKERS = (
    "{addresses} share {value} but give different makers ({told}); they are kept as separate devices and a person must "
    "look at them."
)
CONTRADICTING_NOTE = "Another address with the same hardware address gives a different maker."
CONTRADICTING_UNIT_NOTE = "It shares {value} with {others} and contradicts it; it may not be what it says."
NOT_ENOUGH = (
    "{addresses} gave the same {value}, which is not known to be different for each unit: they are kept as separate "
    "devices, and a person who stands before one of them can see whether they are one."
)
TOO_MANY = "{addresses} would be one unit with more than {most} addresses; they were not all put together."
MORE = "And {count} more of the same kind as: {sentence}"

# --- behind an address ---
SEVERAL_AT_ONE = (
    "More than one unit answers at {address}: this one at {ports}, another at {others} ({why}). It stands behind this "
    "address, not at it: something in front passes the questions on to it."
)
SEVERAL_ONE_AT_IT = (
    "More than one unit answers at {address}: this one at {ports}, another at {others} ({why}). One of these units may "
    "be the one at the address; what is not stands behind it, where something in front passes the questions on."
)
FRONT = "Another unit answers through {address} as well, at {others} ({why})."
WHY = {
    "serial": "the serial numbers differ: {told}",
    "maker": "the makers differ: {told}",
    "realm": "the hardware addresses in their login messages differ: {told}",
}
PORT = "port {port}"
PORTS = "ports {ports}"
UNSURE_PORTS = "It cannot be told which of the units at {address} answers at {ports}; that is shown here."
PROXY = (
    "A proxy answered at {address} ({header}): this unit stands behind this address, or a proxy lies on the way to it."
)
OTHER_ADDRESS = (
    "The unit that answers at {address} gives {told} as its own address: it stands behind {address}, where a router or "
    "another unit passes the questions on, or it has a second network connection."
)
OTHER_ADDRESS_NOTE = "It gives {told} as its own address, which is not where it answered."
ALSO_BEHIND = "It can also be reached through {address}, which is not its own address: {why}"
