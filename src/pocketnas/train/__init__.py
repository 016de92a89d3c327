"""Data, networks and training."""
