"""PocketNAS: image networks that are accurate and fast on one real device."""

__version__ = "0.1.0"
