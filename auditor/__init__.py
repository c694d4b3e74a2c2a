"""camera-auditor: a read-only audit of the network cameras on an organisation's own premises."""

__version__ = "0.1.0"
