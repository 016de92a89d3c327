"""The costs that limits can name: what they are, and that each measurement is made once."""

from collections.abc import Iterator

import pytest

from pocketnas.devices import Device, HostDevice, Latency
from pocketnas.errors import DeviceError
from pocketnas.graph.count import madds, parameters, peak_memory
from pocketnas.graph.fold import fold
from pocketnas.run import costs as module
from pocketnas.run.costs import Costs, Reopened
from pocketnas.search.limits import UNITS
from pocketnas.study.storage import Storage
from pocketnas.tflite import write
from pocketnas.zoo import mobilenet_v2

NETWORK = mobilenet_v2(resolution=32, classes=4, width=0.25, head=16)
GRAPH = NETWORK.graph()
REFERENCE = write(GRAPH)


class Stopwatch:
    """A device that answers a millisecond a kilobyte, or refuses."""

    name, reference_ms = "stopwatch", 7.0

    def __init__(self, *, refuse: bool = False) -> None:
        self.measured: list[int] = []
        self.closed = False
        self._refuse = refuse

    def measure(self, model: bytes) -> Latency:
        if self._refuse:
            raise DeviceError("the device is unplugged")
        self.measured.append(len(model))
        time = len(model) / 1000
        return Latency(time, time, time, 1.0, 9, 9, 1, time, time, 0.1, 7.0, 7.0, "stopwatch")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def storage() -> Iterator[Storage]:
    found = Storage(":memory:")
    yield found
    found.close()


def costs(
    storage: Storage, device: Stopwatch, *names: str, reopened: Reopened | None = None
) -> Costs:
    return Costs(names, device, storage, reopened or _never)  # type: ignore[arg-type]


def _never(threads: int | None, reference_ms: float | None) -> Device:
    raise AssertionError("no other threads were asked for")


def test_every_cost_with_a_unit_can_be_had() -> None:
    assert set(module._COMPUTED) | set(module._MEASURED) == set(UNITS)


def test_what_is_computed(storage: Storage) -> None:
    device = Stopwatch()
    names = ("size", "int8_size", "memory", "madds", "parameters")
    found = costs(storage, device, *names).of(NETWORK, GRAPH)
    assert tuple(found) == names
    assert found["size"] == len(REFERENCE) / 1024
    assert found["int8_size"] == len(write(GRAPH, quantize=True)) / 1024 < found["size"]
    assert found["memory"] == peak_memory(fold(GRAPH)) / 1024
    assert found["madds"] == madds(GRAPH) / 1e6
    assert found["parameters"] == parameters(GRAPH) / 1e3
    assert device.measured == []


def test_only_what_is_named(storage: Storage) -> None:
    assert costs(storage, Stopwatch()).of(NETWORK, GRAPH) == {}
    assert list(costs(storage, Stopwatch(), "madds").of(NETWORK, GRAPH)) == ["madds"]


def test_int8_is_measured_once_a_study(storage: Storage) -> None:
    device = Stopwatch()
    whole = len(write(GRAPH, quantize=True))
    for _ in range(2):
        assert costs(storage, device, "int8").of(NETWORK, GRAPH) == {"int8": whole / 1000}
    assert device.measured == [whole]
    assert storage.recall("int8", NETWORK.digest)["device"] == "stopwatch"


def test_a_device_that_fails_says_so_and_nothing_is_remembered(storage: Storage) -> None:
    with pytest.raises(DeviceError, match="unplugged"):
        costs(storage, Stopwatch(refuse=True), "int8").of(NETWORK, GRAPH)
    assert storage.recall("int8", NETWORK.digest) is None


def test_other_threads_are_another_device_on_a_scale_of_its_own(storage: Storage) -> None:
    opened: list[tuple[int | None, float | None]] = []
    second = Stopwatch()

    def reopened(threads: int | None, reference_ms: float | None) -> Stopwatch:
        opened.append((threads, reference_ms))
        return second

    first = Stopwatch()
    for _ in range(2):
        with costs(storage, first, "threads2", "size", reopened=reopened) as some:
            assert some.of(NETWORK, GRAPH)["threads2"] == len(REFERENCE) / 1000
        assert second.closed
    assert opened == [(2, None), (2, 7.0)]
    assert (first.measured, first.closed, len(second.measured)) == ([], False, 1)


def test_the_latency_on_a_second_device(storage: Storage) -> None:
    first, other = Stopwatch(), Stopwatch()
    asked: list[tuple[int | None, float | None]] = []

    def reopened(threads: int | None, reference_ms: float | None) -> Stopwatch:
        asked.append((threads, reference_ms))
        return other

    with costs(storage, first, "second", reopened=reopened) as some:
        assert some.of(NETWORK, GRAPH)["second"] == len(REFERENCE) / 1000
    assert asked == [(None, None)]
    assert (len(first.measured), len(other.measured), other.closed) == (0, 1, True)


def test_more_threads_than_cores_are_refused_at_once(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real device; the one opened before it is closed."""
    second = Stopwatch()
    thousand = module._Timing(threads=1000)
    monkeypatch.setattr(module, "_MEASURED", {**module._MEASURED, "threads4": thousand})

    def reopened(threads: int | None, reference_ms: float | None) -> Stopwatch | HostDevice:
        return second if threads == 2 else HostDevice(REFERENCE, threads=threads or 1)

    with pytest.raises(DeviceError, match="1000 threads need as many cores"):
        costs(storage, Stopwatch(), "threads2", "threads4", reopened=reopened)
    assert second.closed
