"""How well does a measurement repeat? The same measurement many times over, raw and paired.

    python benchmarks/latency_noise.py --model a.tflite [--reference b.tflite] [--repeats 30]

Without a reference the model is measured against itself (A/A) and the ratio should be 1. Several
windows or budgets take turns, so that all of them see the same weather.
"""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import fmean, median, stdev
from time import perf_counter

from pocketnas.devices import HostDevice, Latency


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--reference", type=Path, help="the model itself by default")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--window", type=float, nargs="+", default=[0.005], help="seconds")
    parser.add_argument("--budget", type=float, nargs="+", default=[1.0], help="seconds")
    parser.add_argument("--tolerance", type=float, default=0.01)
    args = parser.parse_args()
    model = args.model.read_bytes()
    reference = (args.reference or args.model).read_bytes()

    devices = {
        (window, budget): HostDevice(
            reference, window_s=window, budget_s=budget, tolerance=args.tolerance
        )
        for window, budget in product(args.window, args.budget)
    }
    measured: dict[tuple[float, float], list[Latency]] = {setting: [] for setting in devices}
    seconds: dict[tuple[float, float], list[float]] = {setting: [] for setting in devices}
    try:
        for _ in range(args.repeats):
            for setting, device in devices.items():
                begin = perf_counter()
                measured[setting].append(device.measure(model))
                seconds[setting].append(perf_counter() - begin)
    finally:
        for device in devices.values():
            device.close()

    print(next(iter(devices.values())).facts())
    print(
        f"{args.model.name} against {(args.reference or args.model).name}, {args.repeats} repeats"
    )
    print("window budget | raw median: ms, cv, max/min | ratio: mean, cv, max/min | +-95 % ")
    for setting, latencies in measured.items():
        ratios = [latency.ratio for latency in latencies]
        widths = [(one.high - one.low) / 2 / one.milliseconds for one in latencies]
        held = fmean(one.low <= median(ratios) * one.reference_ms <= one.high for one in latencies)
        print(
            f"{setting[0] * 1e3:4.0f} ms {setting[1]:4.2f} s | "
            f"{_line([one.raw_median for one in latencies])} | {_line(ratios)} | "
            f"+-{median(widths):.2%} holds the median {held:.0%} | "
            f"{median(one.pairs for one in latencies):.0f} pairs, {fmean(seconds[setting]):.2f} s"
        )


def _line(values: Sequence[float]) -> str:
    return (
        f"{fmean(values):.4f} {stdev(values) / fmean(values):6.2%} {max(values) / min(values):.3f}"
    )


if __name__ == "__main__":
    main()
