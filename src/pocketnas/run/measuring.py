"""Networks measured side by side on one device."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from pocketnas.arch.architecture import Architecture
from pocketnas.devices.device import Delegation, Device, Latency
from pocketnas.devices.litert import LiteRtDevice
from pocketnas.errors import DeviceError, ModelError, SettingError
from pocketnas.graph.count import madds, parameters
from pocketnas.run.device import HOST, open_device
from pocketnas.run.profile import OpTime, by_block, profile
from pocketnas.run.subject import Subject
from pocketnas.tflite.writer import write
from pocketnas.zoo import mobilenet_v2
from pocketnas.zoo.registry import Published

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measured:
    """One network on one device.

    Attributes:
        name: as the user gave it.
        latency: measured here.
        size_bytes: of the `.tflite`.
        delegation: how much of it XNNPACK took; None where the device does not tell.
        parameters: trained values; None for a `.tflite`.
        madds: multiply-adds for one image; None for a `.tflite`.
        published: figures of its paper.
        operators: each alone, where asked for.
        float_latency: of the same network in float32, where this one is int8.
        facts: of the device: cores, governor, heat, versions, settings.
    """

    name: str
    latency: Latency
    size_bytes: int
    delegation: Delegation | None
    parameters: int | None
    madds: int | None
    published: Published | None
    operators: tuple[OpTime, ...]
    float_latency: Latency | None
    facts: Mapping[str, Any]

    def at(self, reference_ms: float) -> Self:
        """The same ratios in milliseconds of a reference that takes so long when it is calm."""
        scale = reference_ms / self.latency.reference_ms
        return replace(
            self,
            latency=self.latency.at(reference_ms),
            float_latency=self.float_latency and self.float_latency.at(reference_ms),
            operators=tuple(
                replace(each, milliseconds=each.milliseconds * scale) for each in self.operators
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "name": self.name,
            "latency": self.latency.to_dict(),
            "float_latency": self.float_latency and self.float_latency.to_dict(),
            "size_bytes": self.size_bytes,
            "partitions": self.delegation and self.delegation.partitions,
            "left_to_litert": self.delegation and list(self.delegation.left),
            "params": self.parameters,
            "madds": self.madds,
            "top1": self.published.top1 if self.published else None,
            "published_ms": dict(self.published.latencies) if self.published else {},
            "source": self.published.source if self.published else "",
            "ops": [asdict(time) for time in self.operators],
            "device": dict(self.facts),
        }


def measure(
    subjects: Sequence[Subject],
    *,
    device: str = HOST,
    program: str | None = None,
    int8: bool = False,
    threads: int = 1,
    seconds: float = 2.0,
    operators: bool = False,
    told: Told | None = None,
) -> list[Measured]:
    """Measures all networks in turn in one run, against MobileNetV2.

    Milliseconds are of the calm that the reference has shown in all of that time.

    Args:
        subjects: what to measure.
        device: where, as `open_device` names it.
        program: as `open_device`.
        int8: their full-integer versions, and the float ones beside them.
        threads: of the runtime.
        seconds: at most for each.
        operators: whether to time each operator alone, too.
        told: called with a few words whenever something is known.

    Raises:
        SettingError: a name comes twice.
        DeviceError: LiteRT refuses one of them.
    """
    names = [subject.name for subject in subjects]
    if twice := [name for name in names if names.count(name) > 1]:
        raise SettingError(f"{twice[0]} is named twice; each network is measured once")
    models = {subject.name: subject.model(int8=int8) for subject in subjects}
    floats = {f"{subject.name} in float": subject.model() for subject in subjects if int8}
    found = []
    with _device(device, program, int8=int8, threads=threads) as opened:
        latencies = opened.compare(models | floats, budget_s=seconds, watch=told)
        for subject in subjects:
            name, model = subject.name, models[subject.name]
            graph = subject.architecture.graph() if subject.architecture else None
            published = subject.published
            delegation = opened.inspect(model) if isinstance(opened, LiteRtDevice) else None
            found.append(
                Measured(
                    name=name,
                    latency=latencies[name],
                    size_bytes=len(model),
                    delegation=delegation,
                    parameters=parameters(graph) if graph else None,
                    madds=madds(graph) if graph else None,
                    published=published,
                    operators=_operators(opened, name, model, told) if operators else (),
                    float_latency=latencies.get(f"{name} in float"),
                    facts=opened.facts(),
                )
            )
        calm_ms = opened.calm_ms
    return [each.at(calm_ms) for each in found]


def _operators(device: Device, name: str, model: bytes, told: Told | None) -> tuple[OpTime, ...]:
    """The operators alone; none of a file that cannot be cut: its latency is known all the same.

    None on a phone either, where each turn of each operator would start a program.
    """
    if not isinstance(device, LiteRtDevice):
        return ()
    try:
        return tuple(profile(device, model, watch=told))
    except (ModelError, DeviceError) as error:
        if told:
            told(f"{name}: its operators cannot be timed alone: {error}")
        return ()


def block_shares(architecture: Architecture, *, threads: int = 1) -> dict[str, float]:
    """Each block's share of the latency, from 0 to 1, by its path (`stages.2.0`)."""
    with _device(HOST, None, int8=False, threads=threads) as device:
        return by_block(profile(device, write(architecture.graph())))


def _device(word: str, program: str | None, *, int8: bool, threads: int) -> Device:
    reference = write(mobilenet_v2().graph(), quantize=int8)
    return open_device(word, reference, threads=threads, program=program)
