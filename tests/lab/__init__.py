"""An emulated site: network devices with the answers of real families, on namespaces or on loopback.

Written from published facts about devices, never from the product's own rules: each description names its source.
It needs the standard library, ruamel.yaml and cryptography, and knows nothing of the product that it is used to test.
"""

from __future__ import annotations

from .devices import Device, load_devices
from .netlab import Lab
from .sites import SiteDefinition, load_site, site_names

__all__ = ["Device", "Lab", "SiteDefinition", "load_devices", "load_site", "site_names"]
