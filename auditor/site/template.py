"""The annotated site file that `auditor init` writes: every key with its default; what is optional stands commented.

A line that begins with `# ` is a comment; a line that begins with `#` and a key is an optional key with its default,
or with an example where there is no default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auditor.common.errors import UsageError
from auditor.model import GENTLE, STANDARD, Ports
from auditor.site.addresses import Problem, read_scope_prefix
from auditor.site.document import CEILINGS, METHODS, PACE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Sequence

_TEMPLATE = """\
# Site file of camera-auditor. Fill in `authorisation`, check `zones`, then try it without sending anything:
#   auditor scan site.yaml --dry-run
# Lines that begin with # and a space explain. To use an optional key, delete the # before it, and the # before the key
# that it stands under.
# Every key is described in docs/site-file.md.

site:
  name: Unnamed site
  # sensitive or standard. Several policy rules apply to sensitive sites only; when in doubt, sensitive.
  sensitivity: sensitive
  # IANA name, such as Europe/London. Dates and hours in this file are meant in this time zone.
  #timezone: UTC
  # Language of the reports.
  #language: en
  # Short id that stays the same when the name changes. Example:
  #id: my-site

# Who allows this audit, on which paper, and for which days. Without it nothing is sent.
authorisation:
  by: ""
  reference: ""
  # Year-month-day. Both days belong to the authorisation.
  valid_from: ""
  valid_until: ""
  # What may be used; delete what was not allowed.
  #methods: [{methods}]

# The scope is the union of these subnets; nothing outside of it is sent to. Nested subnets go to the longest prefix.
# role: core, isolated, guest, management or unknown. IPv6 prefixes are listed and never swept.
zones:
  - name: office
    role: unknown
    subnets: [{subnets}]

# Never sent to, not even an ARP request; listed as excluded. An entry is an address, a CIDR prefix, a range or a MAC,
# or says more:
#   - 10.88.0.9
#   - {{range: 10.88.0.10-10.88.0.20, reason: medical devices}}
#   - {{subnet: 10.88.0.64/28, reason: building control, quiet: true}}
#   - {{mac: "44:19:b6:00:00:05"}}
#   - {{address: 10.88.0.9, reason: label printer}}
# quiet: true also stops multicast on the link that holds it (on every link, for a MAC).
#exclude: []

# Policy packs to judge by; `auditor policies list` shows them. An empty list judges nothing.
policies: [uk-2022, us-889]

# Hours in which the audit may run, in the site's time zone. None means any hour of the authorised days. Example:
#   - {{days: [mon, tue, wed, thu, fri], from: "22:00", until: "06:00"}}
#windows: []

# gentle or standard: the set of safety numbers.
#pace: gentle
# Other numbers than those of the pace. Lower at will; higher only with accept_risk: true, which the report prints.
#limits:
{limits}
#accept_risk: false

# Which ports are asked what, in this order. Ports under listen are connected to and sent nothing.
# Ports 9100-9107 and 515 belong to printers and are refused.
#ports:
  #http: {http}
  #https: {https}
  #rtsp: {rtsp}
  #listen: {listen}
  #wsd: {wsd}

# Who is told; names or roles, printed in the report. The auditor sends no message.
#contacts:
  #before: []
  #after: []

# Credentials by file only (mode 0600, your own, no symbolic link), by name. Example:
#   cameras: {{file: secrets/cameras.txt}}
#credentials: {{}}

# CSV table of where units hang: address, mac, building, floor, room, mounting, switch, port, vlan. Example:
#locations: locations.csv

# Addresses that always answer. One that is not seen makes the audit incomplete.
#canaries: []

# Folder of this site's own fingerprints. Example:
#rules: rules

# The only interface that may be sent from; by default the routes decide. Example:
#interface: eth0
"""


def render_template(subnets: Sequence[str] = ()) -> str:
    """Return an annotated site file; it loads once the authorisation is filled in and a subnet stands in a zone.

    Args:
        subnets: CIDR prefixes for the zone `office`; none leaves its list empty.

    Raises:
        UsageError: a prefix is not one, has host bits, or is given twice.
    """
    known: list[str] = []
    for text in subnets:
        try:
            prefix = str(read_scope_prefix(text))
        except Problem as error:
            raise UsageError(f"`--subnet`: {error}") from error
        if prefix in known:
            raise UsageError(f"`--subnet`: {prefix} is given twice; keep one of them")
        known.append(prefix)
    ports = Ports()
    return _TEMPLATE.format(
        subnets=", ".join(f'"{prefix}"' if ":" in prefix else prefix for prefix in known),
        methods=", ".join(METHODS),
        limits="\n".join(_limit(key, name) for key, name in PACE_FIELDS.items()),
        http=list(ports.http),
        https=list(ports.https),
        rtsp=list(ports.rtsp),
        listen=list(ports.listen),
        wsd=ports.wsd,
    )


def _limit(key: str, name: str) -> str:
    gentle, standard = getattr(GENTLE, name), getattr(STANDARD, name)
    return f"  #{key}: {gentle:g}  # pace standard: {standard:g}; never above {CEILINGS[key]:g}"
