"""Every sentence of the plan: whole sentences with named parameters, so that each can be translated on its own.

They are written for facilities staff. `{unit}` never stands in a sentence, because a language may inflect it: where the
kind of unit matters there is a sentence for that kind.
"""

from __future__ import annotations

from auditor.model import Decision, Kind

# --- waves ---
WAVE_NAMES = ("Contain now", "Remove from the core network", "Remove the rest")
WAVE_GOALS = (
    "Today, the network staff take these units off the core network; the units stay where they hang.",
    "These units are on a core network, or in a zone of unknown role: isolate them today, then take them down.",
    "These units are taken down after those of the core network.",
)

# --- titles ---
TITLES: dict[Decision, dict[Kind, str]] = {
    Decision.REMOVE: {
        Kind.CAMERA: "Remove the camera at {address}",
        Kind.PTZ: "Remove the moving camera at {address}",
        Kind.THERMAL: "Remove the thermal camera at {address}",
        Kind.RECORDER: "Remove the recorder at {address}",
        Kind.ENCODER: "Remove the video encoder at {address}",
        Kind.ACCESS_TERMINAL: "Remove the door terminal at {address}",
        Kind.INTERCOM: "Remove the door intercom at {address}",
        Kind.SCANNER: "Remove the scanner at {address}",
        Kind.MANAGEMENT_PLATFORM: "Retire the video management system at {address}",
        Kind.OTHER: "Remove the unit at {address}",
        Kind.UNKNOWN: "Remove the unit at {address}",
    },
    Decision.DISCONNECT: {
        Kind.CAMERA: "Take the camera at {address} off the core network",
        Kind.PTZ: "Take the moving camera at {address} off the core network",
        Kind.THERMAL: "Take the thermal camera at {address} off the core network",
        Kind.RECORDER: "Take the recorder at {address} off the core network",
        Kind.ENCODER: "Take the video encoder at {address} off the core network",
        Kind.ACCESS_TERMINAL: "Take the door terminal at {address} off the core network",
        Kind.INTERCOM: "Take the door intercom at {address} off the core network",
        Kind.SCANNER: "Take the scanner at {address} off the core network",
        Kind.MANAGEMENT_PLATFORM: "Take the video management system at {address} off the core network",
        Kind.OTHER: "Take the unit at {address} off the core network",
        Kind.UNKNOWN: "Take the unit at {address} off the core network",
    },
}

# --- how to find the unit ---
BUILDING = "The unit is in building {building}."
FLOOR = "It is on floor {floor}."
ROOM = "It is in room {room}."
MOUNTING = "It is mounted here: {mounting}."
SWITCH_AND_PORT = "Its network cable ends at switch {switch}, port {port}."
SWITCH_ONLY = "Its network cable ends at switch {switch}; the port is not recorded."
VLAN = "The port belongs to VLAN {vlan}."
ADDRESS = "Its network address is {addresses}."
THROUGH_ADDRESS = "It answers through {addresses}, which is not its own network address."
PLACE_BEHIND = (
    "Ask the network staff which router, proxy or recorder has the address {address}, and where it passes the "
    "questions on to: the unit to find stands there."
)
PLACE_NOT_RECORDED = "Nobody has recorded the exact place of this unit."
PLACE_BY_MAC = (
    "Ask the network staff to look up the hardware address {mac} in the address tables of the switches: the tables "
    "name the switch and the port."
)
PLACE_BY_LEASE = (
    "If the tables do not show it, ask them for the entry of {address} in the list of the DHCP server and for the name "
    "that the unit gave there."
)
PLACE_BY_ADDRESS = (
    "Its hardware address is not known: ask the network staff to read it from the router of {address} while the unit "
    "is in contact, and then to look it up in the address tables of the switches."
)
LABEL_MAC = "The hardware address on the label must be {mac}."
LABEL_BRAND = "The label may carry the name {brand}, although {maker} made the unit."
LABEL_MAKER = "The label should carry the name {maker} or that of a reseller."
LABEL_MODEL = "The model on the label should be {model}, or look much like it."
LABEL_SERIAL = "The serial number on the label must end in {tail}."
LABEL_MADE = "By the form of its serial number, the unit was made on {day}."
LABEL_NOTHING = (
    "No model and no serial number are known: compare the hardware address and the place before you touch the unit."
)
LABEL_PROVES_NOTHING = (
    "No model, serial number or hardware address is known, so the label alone cannot show that this is the unit."
)
LABEL_DIFFERS = "If the label differs, leave the unit alone and report it."

# --- steps: before the work ---
FIND_FIRST = (
    "Find the unit first: nobody knows yet which unit answers at {address}, so do not disconnect or take down anything "
    "until the network staff have shown you the port that it hangs on."
)
OVERDUE = "The deadline of {deadline} has passed: report this to the owner of the site before you begin."
TELL_PEOPLE = "Tell the people on the contact list of the site when you begin and how long it will take."
TELL_OWNER = "Tell the owner of the site and the people who use the unit when you begin and how long it will take."
CONTAIN_PORT = (
    "Today, have the network staff write down the present VLAN of port {port} on switch {switch} and then move the "
    "port to an isolated VLAN."
)
CONTAIN_UNIT = (
    "Today, have the network staff write down the present VLAN of the port that the unit hangs on and then move the "
    "port to an isolated VLAN."
)
MAY_BLOCK = "The port may be blocked instead when nobody needs the pictures until the unit is taken down."
IDENTIFY_KIND = "Look at the unit and write down what it is, because no evidence shows its kind."
CHECK_LABEL = "Compare the unit with the description above, and stop if anything differs."
PHOTOGRAPH = "Take a photograph of the unit, of its label and of its surroundings."

REPLACE_VIEW = (
    "If this view must not be lost, put up the replacement first and check its picture by day and by night before you "
    "take this camera down."
)
# What the replacement must be able to do, as far as the model name of the old unit says it.
LIKE_MEGAPIXELS = (
    "The model name says {megapixels} megapixels: choose a replacement with no fewer, or check that fewer suffice."
)
LIKE_LENS = {
    "fixed": (
        "The model name says a lens of one focal length: measure the width of the view, so that the replacement shows "
        "as much."
    ),
    "varifocal": (
        "The model name says a lens with adjustable focal length: choose a replacement that can be adjusted to the "
        "same view."
    ),
    "motorised-zoom": (
        "The model name says a zoom lens with a motor: choose a replacement with one, or measure the width of the "
        "view, so that the replacement shows as much."
    ),
    "ptz-zoom": (
        "The model name says a camera that turns, tilts and zooms: write down the largest zoom that people use and "
        "choose a replacement that reaches it."
    ),
    "fisheye": (
        "The model name says a fisheye lens that sees all around: choose a replacement with one, or several cameras "
        "for the same view."
    ),
    "panoramic": (
        "The model name says a panoramic view of about 180 degrees: choose a replacement with one, or several cameras "
        "for the same view."
    ),
    "multi-sensor": (
        "The model name says several cameras in one housing: choose a replacement with as many views, or several "
        "cameras."
    ),
    "pinhole": (
        "The model name says a lens behind a small opening: measure the opening before you choose a replacement."
    ),
}
LIKE_CHANNELS = (
    "The number of cameras that the unit takes is {channels}: choose a replacement for no fewer, or count first how "
    "many are connected."
)
LIKE_FUNCTIONS = {
    "anpr": "The model name says that the unit reads number plates: ask who uses them and choose a replacement for it.",
    "body-temperature": (
        "The model name says that the unit measures the temperature of people: ask whether that is still wanted, and "
        "choose a replacement for it if so."
    ),
    "covert": (
        "The model name says that the unit is built not to be noticed: let its owner decide whether and by what it is "
        "replaced."
    ),
    "explosion-proof": (
        "The model name says that the unit is built for places with explosive gas or dust: have it taken down and "
        "replaced by people who are qualified for such places, and only by a unit with the same certificate."
    ),
    "face-recognition": (
        "The model name says that the unit recognises faces: ask whether that is still wanted, and choose a "
        "replacement for it if so."
    ),
    "mobile-network": (
        "The model name says that the unit sends over a mobile network: take out its SIM card and have the contract "
        "ended."
    ),
    "wifi": (
        "The model name says that the unit has a radio: an unplugged network cable does not cut it off, so have the "
        "network staff block it on the wireless network too."
    ),
}
LIKE_WORD = "The model name says of the unit: {word}."
NOTE_SETTINGS = "Write down the view, the height and the angle, so that the replacement can take its place."
PTZ_TOURS = "Write down the stored positions and tours that people use, so that they can be set up again."
MEMORY_CARD = "Take out the memory card, if there is one, and hand it in with the unit: it may hold recordings."

THERMAL_PROCEDURE = (
    "If people are screened with this camera, agree with the owner of the entrance on another way of screening and "
    "start it before the camera goes."
)

RECORDER_CAMERAS_FIRST = (
    "Replace or move the cameras that record here first; take the recorder down only when the last of them has gone."
)
RECORDER_ISOLATE = (
    "Let the recorder go on recording on an isolated network, without the internet, until it is taken down."
)
RECORDER_HOLD = (
    "Ask the owner of the recordings and the legal department whether any recording must be kept for a case that is "
    "still open, and wait for the answer in writing."
)
RECORDER_EXPORT = (
    "Export the recordings that must be kept, write down their SHA-256 hashes, and have the person who takes them over "
    "sign for them."
)
RECORDER_REPLACEMENT = "Put the new recorder into use and check that it records every view."
RECORDER_RETENTION = (
    "Keep the old recorder switched on and isolated until the retention period of its last recording is over, or until "
    "everything that must stay has been exported."
)
RECORDER_SANITISE = (
    "Sanitise every disk as NIST SP 800-88 Rev. 2 describes: purge it with the drive's own sanitise command or by "
    "destroying its key, or destroy it; overwriting does not suffice for memory chips."
)
RECORDER_RECORD = (
    "Write down for each disk its serial number, the method, who did it and who verified it, and keep that record."
)

ENCODER_CHANNELS = (
    "Write down which cameras hang on the encoder: their pictures are lost when it goes, so connect them to the "
    "replacement first where a view must not be lost."
)

DOOR_TEST = (
    "Before anything is unplugged, test with the person in charge of the door that people can get out without this "
    "unit, and that the door still locks."
)
DOOR_OTHER_WAY = "Arrange how people will be let in meanwhile, for example by keys or by a guard."
DOOR_AFTER = "When the unit has gone, test again that the door locks and that it opens for people who want to get out."
DOOR_DATA = (
    "Have the person in charge of the door delete the stored faces, fingerprints and cards, and have it written down."
)

SCANNER_PROCEDURE = (
    "Agree with the owner of the checkpoint on another way of screening and start it before this unit goes."
)
SCANNER_SPECIALIST = "Have the unit taken down by its service company, because it may contain a source of radiation."

PLATFORM_INVENTORY = (
    "Write down which cameras, recorders and doors this system serves, and move them to the new system first."
)
PLATFORM_NOT_PULLED = (
    "Do not switch the computer off by pulling its plug: have the IT staff export what must be kept, stop the software "
    "and remove it."
)
PLATFORM_DISKS = (
    "Have the disks that held recordings or door data sanitised as NIST SP 800-88 Rev. 2 describes; keep the record."
)

# --- steps: the work, and after it ---
UNPLUG = "Unplug the network cable, then the power, and take the unit down."
CAP_CABLE = "Cap the free cable and label it, so that nobody plugs another unit in by mistake."
MARK_UNIT = (
    "Mark the unit with the number {order} and hand it to the people in charge of disposal; do not sell or reuse it."
)
FREE_PORT = "Have the network staff switch off the free port and delete the reservation of {address}."
VERIFY_REMOVED = (
    "Run the audit again on {address}; that it is silent then does not prove the removal, so keep a photograph of the "
    "empty place as well."
)

# --- steps: disconnecting only ---
RECORD_VLAN_PORT = "Have the network staff write down the present VLAN and settings of port {port} on switch {switch}."
RECORD_VLAN_UNIT = "Have the network staff write down the present VLAN and settings of the port that the unit hangs on."
MOVE_PORT = (
    "Have the network staff move that port to an isolated VLAN that has no way to the core network and none to the "
    "internet."
)
MOVE_TOGETHER_RECORDER = (
    "Move the cameras that record here to the same isolated VLAN at the same time, or their pictures are lost."
)
MOVE_TOGETHER_CAMERA = (
    "Move the recorder of this camera with it, or check that the recorder is reached from the isolated VLAN."
)
CHECK_WORKS = "Check that what people need from the unit still works from the isolated VLAN."
CHECK_DOOR_WORKS = "Check at the door that the unit still opens and locks as before."
VERIFY_CONTAINED = (
    "Run the audit again from the core network on {address}: the unit must not answer from there any more."
)
STAYS = "Leave the unit where it hangs; the owner decides later whether it is taken down."

# --- rollback ---
BACK_CONTAINED = (
    "If isolation stops something that people need, the network staff may put the port back to the VLAN that was "
    "written down, with the consent of the owner and only until another way is found; report it the same day."
)
BACK_REMOVED = (
    "If the unit is needed again before the replacement works, put it back in its place on an isolated VLAN, never on "
    "the core network, and report it the same day."
)
BACK_NOT_AFTER_SANITISING = "Recordings cannot be brought back once a disk has been sanitised."
BACK_DOOR = "If the door does not open or lock as it should, post a person at the door and put the unit back."

# --- devices to look at by hand ---
TO_CHECK_MAKER = (
    "The evidence only suggests that {maker} made the unit at {addresses}: look at its label, and do nothing else to "
    "it until you know."
)
TO_CHECK_RIVALS = (
    "The evidence on the unit at {addresses} names more than one maker ({makers}): look at its label before anything "
    "is decided."
)
TO_CHECK_UNKNOWN = "The evidence on the unit at {addresses} is too weak to name its maker: look at its label."
