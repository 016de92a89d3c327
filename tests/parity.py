"""Does a `.tflite` compute what the torch network computes? Used by every test of a network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from pocketnas.graph import Graph
from pocketnas.tflite import write
from pocketnas.train.network import Network, load_weights, weights_of

torch.set_num_threads(1)  # on maps as small as ours two threads are ten times slower than one

Arrays = dict[str, NDArray[np.float32]]


def assert_parity(graph: Graph, seed: int = 0, tolerance: float = 1e-4) -> None:
    """Torch in eval mode and LiteRT agree, for random weights and random batch norm statistics.

    `tolerance` is absolute while outputs are within ±1, and a share of the largest beyond.
    """
    network = randomized(graph, seed)
    image = random_image(graph, seed)
    expected = run_torch(network, image)
    got = run_tflite(write(graph, weights_of(network)), image)
    assert len(got) == len(expected)
    for ours, theirs in zip(expected, got.values(), strict=True):
        assert theirs.shape == ours.shape
        limit = tolerance * max(1.0, float(np.abs(ours).max()))
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=limit)


def randomized(graph: Graph, seed: int = 0) -> Network:
    """The network in eval mode, none of whose weights or statistics is trivial."""
    network = Network(graph, seed).eval()
    rng = np.random.default_rng(seed)
    weights = weights_of(network)
    for key, value in weights.items():
        match key.rpartition(".")[2], value.ndim:
            case "weight", 1:
                drawn = rng.uniform(0.5, 1.5, value.shape)
            case "running_var", _:
                drawn = rng.uniform(0.5, 2, value.shape)
            case (("bias" | "running_mean"), _):
                drawn = rng.normal(0, 0.3, value.shape)
            case _:
                drawn = value
        weights[key] = drawn.astype(np.float32)
    load_weights(network, weights)
    return network


def random_image(graph: Graph, seed: int = 0) -> NDArray[np.float32]:
    """One image, (1, height, width, channels), of normal numbers."""
    return np.random.default_rng(seed).standard_normal((1, *graph.input.shape), np.float32)


def run_torch(network: Network, image: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The outputs, maps as (1, height, width, channels)."""
    with torch.inference_mode():
        found: Any = network(torch.from_numpy(image.transpose(0, 3, 1, 2).copy()))
    outputs = found if isinstance(found, tuple) else (found,)
    return [(y.permute(0, 2, 3, 1) if y.ndim == 4 else y).numpy() for y in outputs]


def run_tflite(model: bytes, image: NDArray[np.float32]) -> Arrays:
    """The outputs by the names of the signature, in their order."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    signature: Mapping[str, Any] = interpreter._get_full_signature_list()["serving_default"]
    interpreter.set_tensor(signature["inputs"]["image"], image)
    interpreter.invoke()
    names = sorted(signature["outputs"])
    return {name: interpreter.get_tensor(signature["outputs"][name]) for name in names}


def partitions(model: bytes) -> int:
    """How many pieces XNNPACK takes the model in; 0 when some operator is left to LiteRT itself."""
    interpreter = Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    operators = interpreter._get_ops_details()
    pieces = [item for item in operators if item["op_name"] == "DELEGATE"]
    read, made = ({int(i) for p in pieces for i in p[side]} for side in ("inputs", "outputs"))
    computed = {int(i) for o in operators if o not in pieces for i in o["outputs"]}
    ends = {int(item["index"]) for item in interpreter.get_output_details()}
    return len(pieces) if ends <= made and read & computed <= made else 0
