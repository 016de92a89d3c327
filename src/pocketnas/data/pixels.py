"""How pixels become the numbers that a network sees."""

from typing import NamedTuple

Channels = tuple[float, ...]


class Pixels(NamedTuple):
    """(pixel - mean) / std is what the network was trained on; one value, or one a channel.

    Pixels go from 0 to 255, channels are red, green, blue.
    """

    mean: Channels
    std: Channels


OURS = Pixels((127.5,), (127.5,))
"""Between -1 and 1: the MobileNets', ours, and Inception's in timm.

One scale for all channels and no mean of a data set, so that the same two numbers hold for every
model that is searched and for every phone.
"""
