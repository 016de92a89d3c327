"""All arrays that a graph needs to run: trained weights and batch norm's running statistics."""

from collections.abc import Mapping
from itertools import islice

from pocketnas.errors import ModelError
from pocketnas.graph.graph import Graph
from pocketnas.graph.ops import BatchNorm, weights


def state(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Key (`<node>.<weight>`) → shape, in the order of the nodes."""
    found: dict[str, tuple[int, ...]] = {}
    for node in graph.nodes:
        shapes = weights(node.op, node.input_shapes)
        if isinstance(node.op, BatchNorm):
            channels = node.shape[2:]
            shapes = shapes | {"running_mean": channels, "running_var": channels}
        found |= {f"{node.name}.{key}": shape for key, shape in shapes.items()}
    return found


def check_state(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Compares the shapes of some arrays with those that `graph` needs.

    PyTorch's counter `num_batches_tracked` is passed over: no op reads it.

    Raises:
        ModelError: keys are missing, unknown or of another shape; the message names the first.
    """
    needed = state(graph)
    got = {k: tuple(s) for k, s in shapes.items() if not k.endswith(".num_batches_tracked")}
    problems = [
        _some("missing", [key for key in needed if key not in got]),
        _some("unknown", [key for key in got if key not in needed]),
        _some(
            "mis-shaped",
            [
                f"{key} (got {got[key]}, needs {shape})"
                for key, shape in needed.items()
                if got.get(key, shape) != shape
            ],
        ),
    ]
    if any(problems):
        raise ModelError(f"the weights do not fit the graph: {'; '.join(filter(None, problems))}")


def _some(what: str, keys: list[str], limit: int = 3) -> str:
    if not keys:
        return ""
    rest = f" and {len(keys) - limit} more" if len(keys) > limit else ""
    return f"{what} {', '.join(islice(keys, limit))}{rest}"
