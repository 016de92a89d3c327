"""Several devices of one model as one: candidates queue for whichever is free."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue
from typing import Self

from pocketnas.devices.device import Device, Latency, Watch
from pocketnas.errors import DeviceError

Answer = tuple[str, Latency | DeviceError]
"""A model's name, and its latency or why it has none."""


class Fleet:
    """Devices that stand for each other: phones, or boards, of one model.

    Each measures against its own reference, and the ratio counts, at the first one's scale. What
    fails on one is measured by another; a device that has failed is asked again for the next
    candidate, since it may have been plugged in again.

    Args:
        devices: open; closed with the fleet.

    Raises:
        DeviceError: they are of different models.
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        self._devices = tuple(devices)
        makes = [_make(device) for device in self._devices]
        if different := [make for make in makes if make != makes[0]]:
            raise DeviceError(
                f"devices measured together must be of one model, got {makes[0]} and {different[0]}"
            )
        self.name = f"{len(self._devices)} of {self._devices[0].name}"
        self.reference_ms = self._devices[0].reference_ms
        self._closed = False

    @property
    def calm_ms(self) -> float:
        """The first one's calm latency of the reference."""
        return self._devices[0].calm_ms

    def facts(self) -> dict[str, object]:
        """Those of the first, and under `devices` those of each."""
        return self._devices[0].facts() | {
            "device": self.name,
            "devices": [device.facts() for device in self._devices],
        }

    def measure(self, model: bytes) -> Latency:
        """Time one `.tflite` on whichever is free.

        Raises:
            DeviceError: the fleet is closed, or all devices fail.
        """
        return self.compare({"the model": model})["the model"]

    def compare(
        self,
        models: Mapping[str, bytes],
        *,
        tolerance: float | None = None,
        budget_s: float | None = None,
        watch: Watch | None = None,
    ) -> dict[str, Latency]:
        """Time several `.tflite`, each on one device, all devices at once.

        Raises:
            DeviceError: all devices fail on one of the models; it names that model.
        """
        found: dict[str, Latency] = {}
        for name, answer in self.answers(
            models, tolerance=tolerance, budget_s=budget_s, watch=watch
        ):
            if isinstance(answer, DeviceError):
                raise answer
            found[name] = answer
        return {name: found[name] for name in models}

    def answers(
        self,
        models: Mapping[str, bytes],
        *,
        tolerance: float | None = None,
        budget_s: float | None = None,
        watch: Watch | None = None,
    ) -> Iterator[Answer]:
        """As `compare`, each as soon as it is known, in that order, whether it has failed or not.

        Raises:
            DeviceError: the fleet is closed.
        """
        if self._closed:
            raise DeviceError(f"{self.name}: it is closed; open another to measure")

        def measured(device: Device, name: str) -> Latency:
            one = device.compare(
                {name: models[name]}, tolerance=tolerance, budget_s=budget_s, watch=watch
            )
            return replace(one[name].at(self.reference_ms), device=self.name)

        with _working(self._devices, list(models), measured) as answers:
            for _ in models:
                answer = answers.get()
                if isinstance(answer, BaseException):
                    raise answer
                yield answer

    def close(self) -> None:
        """Close all devices; twice is no error."""
        self._closed = True
        for device in self._devices:
            device.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Line:
    """Names in line; a device takes the first one that it has not failed on."""

    def __init__(self, names: Sequence[str], devices: int) -> None:
        self._waiting = deque(names)
        self._failed: dict[str, dict[int, DeviceError]] = {name: {} for name in names}
        self._devices = devices
        self._out = 0  # being measured: they may come back
        self._changed = threading.Condition()
        self._over = False

    def take(self, device: int) -> str | None:
        """The next for this device; None when nothing is left for it."""
        with self._changed:
            while not self._over:
                for name in self._waiting:
                    if device not in self._failed[name]:
                        self._waiting.remove(name)
                        self._out += 1
                        return name
                if not self._out:
                    break
                self._changed.wait()
            return None

    def failed(self, name: str, device: int, error: DeviceError) -> DeviceError | None:
        """Back in line, or if no other device is left, what to say of it."""
        with self._changed:
            self._out -= 1
            tries = self._failed[name]
            tries[device] = error
            if len(tries) < self._devices:
                self._waiting.append(name)
            self._changed.notify_all()
            return error if len(tries) == self._devices else None

    def done(self) -> None:
        with self._changed:
            self._out -= 1
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()


@contextmanager
def _working(
    devices: Sequence[Device], names: Sequence[str], measured: Callable[[Device, str], Latency]
) -> Iterator["SimpleQueue[Answer | BaseException]"]:
    """A thread a device while the block runs; what they find comes in the queue."""
    line, answers = _Line(names, len(devices)), SimpleQueue[Answer | BaseException]()

    def work(number: int) -> None:
        while (name := line.take(number)) is not None:
            try:
                latency = measured(devices[number], name)
            except DeviceError as error:
                if (last := line.failed(name, number, error)) is not None:
                    answers.put((name, last))
            except BaseException as error:
                line.end()
                answers.put(error)
            else:
                line.done()
                answers.put((name, latency))

    threads = [
        threading.Thread(target=work, args=(number,), daemon=True) for number in range(len(devices))
    ]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        line.end()
        for thread in threads:
            thread.join()


def _make(device: Device) -> str:
    """What it is, without which one it is."""
    facts = device.facts()
    return str(facts.get("model") or facts.get("board") or facts.get("cpu"))
