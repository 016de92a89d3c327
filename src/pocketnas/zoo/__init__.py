"""The published families, as literals in the field's notation."""

from pocketnas.zoo.mnasnet import mnasnet_a1, mnasnet_b1, mnasnet_small
from pocketnas.zoo.mobilenet import mobilenet_v2

__all__ = ["mnasnet_a1", "mnasnet_b1", "mnasnet_small", "mobilenet_v2"]
