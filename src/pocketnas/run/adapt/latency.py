"""The latency of a network on NetAdapt's path, beside the one before it."""

from statistics import median

from pocketnas.arch.architecture import Architecture
from pocketnas.devices import Device, Latency
from pocketnas.netadapt import Adapted
from pocketnas.run.adapt.trail import Trail
from pocketnas.run.evaluate import once_more
from pocketnas.tflite.writer import write

ROUNDS = 3
"""How often both are measured; the middle ratio counts."""


def measured(
    now: Adapted, architecture: Architecture, device: Device, trail: Trail
) -> tuple[float, Latency]:
    """Milliseconds of the network that follows `now`, and that as a latency.

    The two are measured in turns and their ratio counts. That to the start would not do: where
    neighbours crowd the caches, a network of many weights slows down more than one of few, and the
    ratio of two unlike networks moved by 7 % within half a minute. One that seems fast enough is
    compared with the start itself before the path ends.

    Args:
        now: the present network.
        architecture: the one after it.
        device: with the start as its reference.
        trail: the target, the scale, and how long to measure.
    """
    models = {"now": write(now.architecture.graph()), "next": write(architecture.graph())}
    each = trail.config.measure_s / ROUNDS

    def compared() -> dict[str, Latency]:
        return once_more(lambda: device.compare(models, budget_s=each))

    rounds = [compared() for _ in range(ROUNDS)]
    ratio = median(found["next"].ratio / found["now"].ratio for found in rounds)
    milliseconds = now.milliseconds * ratio
    if milliseconds <= trail.target_ms:
        direct = median(found["next"].milliseconds for found in [*rounds, compared(), compared()])
        milliseconds = max(milliseconds, direct)
    latency = rounds[-1]["next"]
    scale = milliseconds / latency.milliseconds
    return milliseconds, latency.at(latency.reference_ms * scale)
