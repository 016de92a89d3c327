"""NetAdapt: a trained network shrunk to a latency, width by width (1804.03230; 1905.02244, 4.2)."""

from pocketnas.netadapt.adapt import Adapted, Proposal, Tuned, adapt, by_accuracy, by_ratio
from pocketnas.netadapt.carry import carried
from pocketnas.netadapt.widths import Width, shrunk, widths

__all__ = [
    "Adapted",
    "Proposal",
    "Tuned",
    "Width",
    "adapt",
    "by_accuracy",
    "by_ratio",
    "carried",
    "shrunk",
    "widths",
]
