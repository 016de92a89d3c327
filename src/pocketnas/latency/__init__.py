"""Latency without a measurement: what operators cost on one device, as a table."""
