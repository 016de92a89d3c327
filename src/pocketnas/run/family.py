"""The family of a network: its members by phi, and the largest one that fits a limit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.compound import Coefficients, Scale, grown
from pocketnas.devices import Device, Latency
from pocketnas.errors import SettingError
from pocketnas.graph.count import madds, parameters
from pocketnas.run.device import open_device
from pocketnas.tflite.writer import write

BY = 0.1
"""Of phi, between two members that are looked at."""

MOST = 10.0
"""Of phi: a thousand times the cost."""


@dataclass(frozen=True, slots=True)
class Member:
    """A network of the family.

    Attributes:
        phi: how many times its base has about doubled.
        scale: its multipliers.
        architecture: itself.
        parameters: trained values.
        madds: multiply-adds for one image.
        latency: measured, where asked for.
    """

    phi: float
    scale: Scale
    architecture: Architecture
    parameters: int
    madds: int
    latency: Latency | None = None

    def timed(self, latency: Latency | None) -> "Member":
        """With its latency."""
        return replace(self, latency=latency)

    def to_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "phi": self.phi,
            "depth": self.scale.depth,
            "width": self.scale.width,
            "resolution": self.architecture.resolution,
            "parameters": self.parameters,
            "madds": self.madds,
            "latency": None if self.latency is None else self.latency.to_dict(),
            "digest": self.architecture.digest,
        }


class Family:
    """A network and how it grows.

    Args:
        base: the member at phi = 0.
        coefficients: how fast depth, width and resolution grow.
        ends: what `grown` takes.
        divisor: likewise.
    """

    def __init__(
        self,
        base: Architecture,
        coefficients: Coefficients,
        *,
        ends: bool = True,
        divisor: int = 8,
    ) -> None:
        self._base, self._coefficients = base, coefficients
        self._ends, self._divisor = ends, divisor

    def member(self, phi: float) -> Member:
        """The member at phi.

        Raises:
            ArchitectureError: it cannot be built.
        """
        scale = self._coefficients.at(phi)
        found = grown(self._base, scale, ends=self._ends, divisor=self._divisor)
        graph = found.graph()
        return Member(phi, scale, found, parameters(graph), madds(graph))

    def largest(self, fits: Callable[[Member], bool]) -> Member | None:
        """The largest member that fits, in steps of `BY`; None where not even the base does."""
        if not fits(self.member(0.0)):
            return None
        low, high = 0, round(MOST / BY)
        while high - low > 1:
            middle = (low + high) // 2
            if fits(self.member(round(middle * BY, 10))):
                low = middle
            else:
                high = middle
        return self.member(round(low * BY, 10))


def within(
    family: Family,
    limits: Mapping[str, float],
    measure: Callable[[Architecture], Latency] | None,
) -> Member:
    """The largest member within all limits.

    Args:
        family: of the network.
        limits: `parameters` and `madds` in millions, `latency` in milliseconds.
        measure: for a latency; the members that are looked at are measured, never guessed.

    Raises:
        SettingError: the base itself is beyond a limit.
    """
    times: dict[str, Latency] = {}

    def timed(member: Member) -> Latency | None:
        if measure is None:
            return None
        digest = member.architecture.digest
        if digest not in times:
            times[digest] = measure(member.architecture)
        return times[digest]

    def costs(member: Member) -> dict[str, float]:
        counted = {"parameters": member.parameters / 1e6, "madds": member.madds / 1e6}
        found = {name: counted[name] for name in limits if name in counted}
        if "latency" in limits and all(found[name] <= limits[name] for name in found):
            latency = timed(member)  # of what counts too much already nobody needs the latency
            found["latency"] = latency.milliseconds if latency else 0.0
        return found

    def fits(member: Member) -> bool:
        found = costs(member)
        return all(name in found and found[name] <= most for name, most in limits.items())

    found = family.largest(fits)
    if found is None:
        base = costs(family.member(0.0))
        name = next(name for name, most in limits.items() if base.get(name, 0.0) > most)
        unit = {"latency": "ms", "madds": "M multiply-adds", "parameters": "M parameters"}[name]
        raise SettingError(
            f"--to-{'params' if name == 'parameters' else name}: the network itself has"
            f" {base[name]:.4g} {unit} already, more than {limits[name]:g}; pocketnas adapt shrinks"
            " one"
        )
    return found.timed(timed(found)) if "latency" in limits else found


def opened(base: Architecture, word: str, program: str | None, threads: int, int8: bool) -> Device:
    """The device with the base as its reference."""
    return open_device(word, write(base.graph(), quantize=int8), threads=threads, program=program)
