"""The file that ships, float or int8, and what it is worth."""

import numpy as np
import pytest

from pocketnas.data.images import Images, Split
from pocketnas.errors import ModelError
from pocketnas.graph.graph import Graph
from pocketnas.report.measurement import check_words
from pocketnas.run.shipping import Shipping
from pocketnas.tflite import quantize as quantizing
from pocketnas.tflite import write
from pocketnas.tflite.runner import Runner
from pocketnas.train.network import Network, weights_of
from pocketnas.zoo import mnasnet_a1

PARTS = Split(np.arange(0, 20), np.arange(20, 30), np.arange(30, 48))


@pytest.fixture(scope="module")
def images() -> Images:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 32, 32, 3), dtype=np.uint8)
    pixels.flags.writeable = False
    return Images("noise", pixels, np.arange(48) % 4, tuple("abcd"))


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(graph(), seed=1).eval()


def graph() -> Graph:
    return mnasnet_a1(resolution=32, classes=4, width=0.25).graph()


def test_in_float_the_file_is_worth_what_the_network_is(images: Images, network: Network) -> None:
    shipping = Shipping(False, images, PARTS)
    files = shipping.files(graph(), weights_of(network))
    assert files.shipped == files.float32 == write(graph(), weights_of(network))
    found = shipping.accuracies(files, 0.5, 0.25)
    assert (found.validation, found.test, found.floats) == (0.5, 0.25, 0.25)
    assert "int8" not in shipping.check(files, network)


def test_in_int8_the_integer_file_is_scored(images: Images, network: Network) -> None:
    pytest.importorskip("ai_edge_quantizer")
    shipping = Shipping(True, images, PARTS)
    files = shipping.files(graph(), weights_of(network))
    assert files.int8 is not None
    assert files.shipped == files.int8
    assert Runner(files.shipped).is_integer
    assert Runner(shipping.candidate(graph())).is_integer
    assert not Runner(files.float32).is_integer
    found = shipping.accuracies(files, 0.5, 0.25)
    checked = shipping.check(files, network)
    assert found.floats == 0.25
    assert found.test == checked["int8"]["accuracy"]
    assert checked["agreement"] == 1.0
    assert 0.5 < checked["int8"]["agreement"] <= 1
    assert checked["int8"]["input"] == {
        "scale": Runner(files.int8).scale,
        "zero_point": Runner(files.int8).zero_point,
    }
    words = check_words(checked)
    assert "float .tflite" in words
    assert "int8 file, which is the one that ships" in words


def test_only_training_images_set_the_ranges(images: Images, network: Network) -> None:
    pytest.importorskip("ai_edge_quantizer")
    shuffled = images.pixels.copy()
    shuffled[20:] = 0  # validation and test
    others = Images("others", shuffled, images.labels, images.classes)
    one, other = (
        Shipping(True, each, PARTS).files(graph(), weights_of(network)) for each in (images, others)
    )
    assert one.int8 == other.int8


def test_without_the_quantizer_it_is_said_at_once(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantizing, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"pip install 'pocketnas\[int8\]'"):
        Shipping(True, images, PARTS)
    Shipping(False, images, PARTS)
