"""The check of a written model: it must be able to fail."""

import numpy as np
import pytest

from pocketnas.data.images import Images
from pocketnas.errors import ModelError
from pocketnas.run.check import check
from pocketnas.tflite import write
from pocketnas.train.network import Network, weights_of
from pocketnas.zoo import mnasnet_a1


@pytest.fixture(scope="module")
def images() -> Images:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    pixels.flags.writeable = False
    return Images("noise", pixels, np.arange(12) % 4, tuple("abcd"))


def test_agrees_with_its_own_network_and_no_other(images: Images) -> None:
    graph = mnasnet_a1(resolution=32, classes=4, width=0.25).graph()
    network = Network(graph, seed=1).eval()
    indices = np.arange(2, 12)
    found = check(write(graph, weights_of(network)), network, images, indices)
    assert found["images"] == 10
    assert found["agreement"] == 1.0
    assert 0 <= found["largest_difference"] < 1e-4
    with pytest.raises(ModelError, match="differs from the trained network"):
        check(write(graph, weights_of(Network(graph, seed=2))), network, images, indices)
