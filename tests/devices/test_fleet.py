"""Several devices as one: two of this computer's cores, and devices that fail as they are told."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from contracts.device import DeviceContract
from pocketnas.devices import Device, HostDevice, Latency
from pocketnas.devices.fleet import Fleet
from pocketnas.errors import DeviceError

MODELS = {f"net {i}": bytes([i]) for i in range(8)}


class TestFleet(DeviceContract):
    @pytest.fixture
    def open_device(self) -> Callable[[bytes], Device]:
        def open_it(reference: bytes) -> Device:
            first = HostDevice(reference, budget_s=0.3, timeout_s=20, core=0)
            scale = first.reference_ms
            return Fleet(
                [first, HostDevice(reference, reference_ms=scale, budget_s=0.3, timeout_s=20)]
            )

        return open_it


def latency(ratio: float, reference_ms: float) -> Latency:
    time = ratio * reference_ms
    return Latency(
        *(time, 0.9 * time, 1.1 * time, ratio),
        **{"pairs": 4, "runs": 10, "threads": 1},
        **{"raw_median": time, "raw_p90": time, "raw_spread": 0.1},
        **{"reference_ms": reference_ms, "reference_raw_median": reference_ms, "device": "a phone"},
    )


@dataclass
class Made:
    """A device that measures a model by its first byte, and refuses what `refuses` says."""

    serial: str
    model: str = "A phone"
    reference_ms: float = 2.0
    refuses: Callable[[str], bool] = lambda name: False
    name: str = "a phone"
    measured: list[str] = field(default_factory=list)
    wait: threading.Event | None = None
    closed: bool = False

    @property
    def calm_ms(self) -> float:
        return self.reference_ms

    def facts(self) -> dict[str, object]:
        return {"model": self.model, "serial": self.serial}

    def compare(self, models: Mapping[str, bytes], **settings: object) -> dict[str, Latency]:
        [(name, model)] = models.items()
        if self.wait:
            assert self.wait.wait(20)
        self.measured.append(name)
        if self.refuses(name):
            raise DeviceError(f"{self.serial}: {name} is refused")
        return {name: latency(1.0 + model[0], self.reference_ms)}

    def close(self) -> None:
        self.closed = True


def test_each_candidate_is_measured_once_by_whoever_is_free() -> None:
    one, other = Made("one"), Made("other", reference_ms=3.0)
    with Fleet([one, other]) as fleet:
        found = fleet.compare(MODELS)
    assert list(found) == list(MODELS)
    assert sorted(one.measured + other.measured) == sorted(MODELS)
    for name, model in MODELS.items():  # the ratio, at the first one's scale
        assert found[name].milliseconds == pytest.approx(2.0 * (1 + model[0]))
        assert found[name].device == fleet.name
    assert one.closed
    assert other.closed


def test_they_work_at_once() -> None:
    gate = threading.Event()

    class Opens(Made):
        def compare(self, models: Mapping[str, bytes], **settings: object) -> dict[str, Latency]:
            gate.set()
            return super().compare(models, **settings)

    waiting, opening = Made("waiting", wait=gate), Opens("opening")
    found = Fleet([waiting, opening]).compare(MODELS)
    assert len(found) == len(MODELS)


def test_what_one_refuses_goes_to_another() -> None:
    broken, good = Made("broken", refuses=lambda name: True), Made("good")
    found = Fleet([broken, good]).compare(MODELS)
    assert found.keys() == MODELS.keys()
    assert sorted(good.measured) == sorted(MODELS)


def test_a_device_that_has_failed_is_asked_again() -> None:
    lost = iter([True, True] + [False] * 20)
    shaky = Made("shaky", refuses=lambda name: next(lost))
    away = Made("away", refuses=lambda name: True)
    answers = dict(Fleet([shaky, away]).answers(MODELS))
    assert answers.keys() == MODELS.keys()
    failed = [name for name, answer in answers.items() if isinstance(answer, DeviceError)]
    assert len(failed) <= 2
    assert len(shaky.measured) == len(MODELS)


def test_what_all_refuse_is_said_and_the_others_are_measured() -> None:
    both = [Made(serial, refuses=lambda name: name == "net 3") for serial in ("one", "other")]
    answers = dict(Fleet(both).answers(MODELS))
    assert isinstance(answers.pop("net 3"), DeviceError)
    assert all(isinstance(answer, Latency) for answer in answers.values())
    assert len(answers) == len(MODELS) - 1
    with pytest.raises(DeviceError, match="net 3 is refused"):
        Fleet(both).compare(MODELS)


def test_an_error_of_ours_ends_it() -> None:
    def breaks(name: str) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Fleet([Made("one", refuses=breaks), Made("other", refuses=breaks)]).compare(MODELS)


def test_different_models_are_refused() -> None:
    with pytest.raises(DeviceError, match="must be of one model, got A phone and Another"):
        Fleet([Made("one"), Made("other", model="Another")])
