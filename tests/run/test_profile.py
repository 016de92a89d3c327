from collections.abc import Iterator, Mapping

import pytest

from devices.tiny_models import conv_stack, with_operator_left
from pocketnas.arch import Architecture, ConvBlock, Head, MBConv
from pocketnas.devices import HostDevice, Latency
from pocketnas.errors import DeviceError, ModelError
from pocketnas.run.profile import OpTime, by_block, profile
from pocketnas.tflite import write
from pocketnas.tflite.cut import cut


@pytest.fixture(scope="module")
def host() -> Iterator[HostDevice]:
    with HostDevice(conv_stack(4), reference_ms=1.0) as device:
        yield device


def network() -> Architecture:
    small = MBConv(kernel=3, stride=1, expanded=16, filters=8, act="relu", skip="identity")
    large = MBConv(kernel=5, stride=2, expanded=96, filters=64, act="relu")
    return Architecture(
        resolution=32,
        stem=ConvBlock(kernel=3, stride=2, filters=8, act="relu"),
        stages=((small, small), (large,)),
        head=Head(filters=32, classes=10, dropout=0.0, act="relu"),
    )


def test_every_operator_has_its_share(host: HostDevice) -> None:
    model = write(network().graph())
    times = profile(host, model, seconds=0.5)
    pieces = cut(model)
    assert [(time.name, time.op, time.shape) for time in times] == [
        (piece.name, piece.op, piece.outputs[0]) for piece in pieces
    ]
    assert sum(time.share for time in times) == pytest.approx(1)
    assert all(time.milliseconds > 0 for time in times)
    whole = sum(time.milliseconds for time in times)
    assert all(time.share == pytest.approx(time.milliseconds / whole) for time in times)
    shares = {time.name: time.share for time in times}
    assert shares["stages.1.0.expand.conv"] > shares["stages.0.0.expand.conv"]
    assert by_block(times).keys() == {"stem", "stages.0.0", "stages.0.1", "stages.1.0", "head"}


def test_equal_layers_are_timed_once_and_counted_each() -> None:
    class Counting:
        name, reference_ms = "counting", 1.0

        def compare(self, models: Mapping[str, bytes], **_: object) -> dict[str, Latency]:
            asked.extend(models)
            with HostDevice(conv_stack(4), reference_ms=1.0) as host:
                return host.compare(models, budget_s=0.02)

    asked: list[str] = []
    times = profile(Counting(), conv_stack(5))  # type: ignore[arg-type]
    assert asked == ["CONV_2D 0 (output0)"]
    assert [time.share for time in times] == pytest.approx([0.2] * 5)


def test_an_operator_that_xnnpack_leaves_is_timed_as_well(host: HostDevice) -> None:
    times = profile(host, with_operator_left(conv_stack(2)), seconds=0.1)
    assert [time.op for time in times] == ["CONV_2D", "LOG_SOFTMAX", "CONV_2D"]


def test_what_cannot_be_cut_or_run_is_refused_in_a_sentence(host: HostDevice) -> None:
    with pytest.raises(ModelError, match=r"no \.tflite"):
        profile(host, b"not a flatbuffer")
    host_closed = HostDevice(conv_stack(1), reference_ms=1.0)
    host_closed.close()
    with pytest.raises(DeviceError, match="closed"):
        profile(host_closed, conv_stack(1))


def test_blocks_sum_the_shares_of_their_operators() -> None:
    shares = {
        "stem.conv": 0.1,
        "stages.0.0.expand.conv": 0.2,
        "stages.0.0.se.gate/scaled": 0.05,
        "stages.0.1.expand.conv": 0.25,
        "stages.10.0.project": 0.3,
        "head.classifier/flat": 0.1,
    }
    times = [OpTime(name, "CONV_2D", (1, 2, 2, 3), 1.0, share) for name, share in shares.items()]
    assert by_block(times) == pytest.approx(
        {"stem": 0.1, "stages.0.0": 0.25, "stages.0.1": 0.25, "stages.10.0": 0.3, "head": 0.1}
    )
    assert times[0].to_dict() == {
        "name": "stem.conv",
        "op": "CONV_2D",
        "shape": [1, 2, 2, 3],
        "milliseconds": 1.0,
        "share": 0.1,
    }
