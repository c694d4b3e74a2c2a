"""Every bound of the product, each with its reason. Sources: design, section 6, and reliability facts by row."""

from __future__ import annotations

# --- what one device may cost us (reliability rows 34-45) ---
MAX_RESPONSE = 1024 * 1024  # bytes kept of one response: design section 6
MAX_HEADER_BYTES = 64 * 1024  # row 40: a header block beyond this is an attack or a fault
MAX_HEADERS = 100  # row 40, the limit of http.client
EXCHANGE_DEADLINE = 10.0  # s, whole exchange including drip-fed bytes: row 39
CONNECT_DEADLINE = 3.0  # s, one TCP handshake; one retransmitted SYN fits
LISTEN_ONLY = 2.0  # s, how long a binary port is listened to and sent nothing: row 7
HOST_DEADLINE = 90.0  # s of contact with one device; 30 connections at 2 a second leave room for slow answers

# --- XML (rows 34-36) ---
MAX_XML_DEPTH = 64
MAX_XML_NODES = 10_000

# --- what one device may tell us (rows 42-44, 31) ---
MAX_XADDRS = 16
MAX_SCOPES = 128
MAX_IDENTITIES_PER_SOURCE = 32
MAX_DISPLAY = 256  # characters of device text shown before a mark
MAX_MATCH_INPUT = 4096  # characters a fingerprint sees: row 51
MAX_OBSERVATION_LINE = 2 * 1024 * 1024  # bytes of one line of observations.jsonl
MAX_JSON_DEPTH = 64  # row 52

# --- sizes of a scope ---
LARGEST_PREFIX = 16  # a wider IPv4 subnet needs --accept-large: row 16

# --- ports that get a connection, are listened to, and are sent nothing (design section 6) ---
LISTEN_ONLY_PORTS = frozenset({8000, 37777, 34567})
# Printers print whatever arrives on these: row 6.
NEVER_PORTS = frozenset({*range(9100, 9108), 515})

# --- age of the data ---
MAX_DATA_AGE = 180  # days until the report and `doctor` ask for newer fingerprints, MAC registers and policies

# --- YAML data files and a site's own fingerprints: ours nest 10 levels, and the largest has 0.1 MB ---
MAX_YAML_DEPTH = 32
MAX_YAML_REPEATED = 10_000  # values that anchors may repeat in one document; ours have no anchors
MAX_YAML_DIRECTIVES = 16
MAX_RULE_FILE = 1024 * 1024  # bytes
MAX_RULE_FILES = 200
MAX_SITE_RULES = 5000  # the built-in ones are about 1,400

# --- data packs: a stick can hold anything; the real data is about 1 MB in 70 files ---
MAX_PACK = 64 * 1024 * 1024  # bytes of the whole file: it is read into memory before it is believed
MAX_PACK_FILE = 16 * 1024 * 1024  # bytes of one file in it; the register of all MAC prefixes is below 4 MB
MAX_PACK_FILES = 2000
MAX_KEY_FILE = 64 * 1024  # bytes of a key or signature file; real ones have a few hundred
MAX_KEY_LISTS = 16  # lists of keys that travel with one pack, for sites that missed some
MAX_TRUSTED_KEYS = 32
MAX_TRUSTED_COMMENT = 1024  # characters; ours has about 70
