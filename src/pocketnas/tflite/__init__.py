"""The deployed network: a graph written as a `.tflite` file."""

from pocketnas.tflite.writer import write

__all__ = ["write"]
