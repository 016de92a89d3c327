"""Architectures: frozen values of blocks, their notation and their rounding."""

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.blocks import Block, ConvBlock, MBConv, SepConv
from pocketnas.arch.heads import Head
from pocketnas.arch.notation import from_lines, to_lines

__all__ = [
    "Architecture",
    "Block",
    "ConvBlock",
    "Head",
    "MBConv",
    "SepConv",
    "from_lines",
    "to_lines",
]
