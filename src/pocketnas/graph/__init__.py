"""The narrow waist of the hourglass: primitive ops, a builder with shape inference, counts."""

from pocketnas.graph.builder import Builder, Value
from pocketnas.graph.count import madds, parameters
from pocketnas.graph.graph import Graph, Node

__all__ = ["Builder", "Graph", "Node", "Value", "madds", "parameters"]
