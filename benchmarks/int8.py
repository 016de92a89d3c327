"""Is the int8 file written directly the one that ai-edge-quantizer makes, and as fast?

    python benchmarks/int8.py [NAME ...] [--resolution 224] [--seconds 5] [--json]

For each network of the zoo (by default one of each family): how long the writer takes, whether both
int8 files have the same operators, in how many pieces XNNPACK takes them, and their latencies, all
from one sequence of interleaved runs in which the direct file also runs against itself. The extra
`int8` is needed. Exits with 1 where a claim does not hold.
"""

import argparse
import json
import os
import platform
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from pocketnas.devices import HostDevice, Latency, repeated
from pocketnas.tflite import write
from pocketnas.tflite.quantize import quantize
from pocketnas.zoo import registry

ONE_OF_EACH_FAMILY = (
    *("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_large_minimalistic"),
    *("mnasnet_a1", "mnasnet_b1", "proxylessnas_mobile", "singlepath_nas", "nasnet_a_mobile"),
    *("efficientnet_b0", "efficientnet_lite0", "efficientnet_edgetpu_s", "efficientnet_v2_s"),
    *("resnet18", "resnet50"),
)
ROUNDS = 3
NEAR = 0.03  # of the ratio to 1, however wide the intervals are
CODES = {code: name for name, code in vars(schema.BuiltinOperator).items() if name[0] != "_"}


@dataclass(frozen=True, slots=True)
class Row:
    """One network.

    Attributes:
        network: its name.
        resolution: side of its input.
        write_float_s: to write the float file, the best of five.
        write_int8_s: the int8 file likewise.
        quantize_s: for ai-edge-quantizer with four images.
        same_operators: whether both int8 files have the same operators in the same order.
        partitions: pieces that XNNPACK takes of the float file, the direct int8 one, the other.
        left: operators of the direct int8 file that XNNPACK leaves to LiteRT.
        float_ms: latency of the float file.
        direct_ms: of the int8 file written directly.
        ratio: of the quantizer's file to the direct one, with its 95 % interval.
        again: the direct file's to itself: what the machine makes of equal files.
        holds: whether operators and partitions are the same, the ratio is near 1 and the two
            intervals overlap.
    """

    network: str
    resolution: int
    write_float_s: float
    write_int8_s: float
    quantize_s: float
    same_operators: bool
    partitions: tuple[int, int, int]
    left: dict[str, int]
    float_ms: float
    direct_ms: float
    ratio: tuple[float, float, float]
    again: tuple[float, float, float]
    holds: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=ONE_OF_EACH_FAMILY, metavar="NAME")
    parser.add_argument("--resolution", type=int, help="as published by default")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each file, a third a round")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    args = parser.parse_args()
    if not args.json:
        print_machine()
    rows = []
    for name in args.names:
        rows.append(row(name, args.resolution, args.seconds))
        if not args.json:
            print_row(rows[-1])
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    sys.exit(0 if all(row.holds for row in rows) else 1)


def row(name: str, resolution: int | None, seconds: float) -> Row:
    """Everything about one network."""
    architecture = registry.architecture(name, resolution=resolution)
    graph = architecture.graph()
    float_file, direct = write(graph), write(graph, quantize=True)
    draw = np.random.default_rng(0)
    images = [draw.standard_normal((1, *graph.input.shape), np.float32) for _ in range(4)]
    began = perf_counter()
    quantized = quantize(float_file, images)
    quantize_s = perf_counter() - began

    files = {"float": float_file, "again": direct, "quantized": quantized}
    with HostDevice(direct, tolerance=1e-3) as device:
        rounds = [device.compare(files, budget_s=seconds / ROUNDS) for _ in range(ROUNDS)]
        found = [device.inspect(file) for file in (float_file, direct, quantized)]
    times = {file: repeated([latencies[file] for latencies in rounds]) for file in files}
    same = operators(direct) == operators(quantized)
    ratio, again = interval(times["quantized"]), interval(times["again"])
    return Row(
        network=name,
        resolution=architecture.resolution,
        write_float_s=best(lambda: write(graph)),
        write_int8_s=best(lambda: write(graph, quantize=True)),
        quantize_s=quantize_s,
        same_operators=same,
        partitions=(found[0].partitions, found[1].partitions, found[2].partitions),
        left=dict(Counter(found[1].left)),
        float_ms=times["float"].milliseconds,
        direct_ms=times["float"].reference_ms,
        ratio=ratio,
        again=again,
        holds=(
            same
            and found[1] == found[2]
            and abs(ratio[0] - 1) <= NEAR
            and max(ratio[1], again[1]) <= min(ratio[2], again[2])
        ),
    )


def operators(model: bytes) -> list[str]:
    """The operators by name, in order."""
    network = schema.ModelT.InitFromPackedBuf(model, 0)
    codes = [CODES[code.builtinCode] for code in network.operatorCodes]
    return [codes[operator.opcodeIndex] for operator in network.subgraphs[0].operators]


def interval(latency: Latency) -> tuple[float, float, float]:
    """The ratio to the direct file and the ends of its interval."""
    return latency.ratio, latency.low / latency.reference_ms, latency.high / latency.reference_ms


def best(function: Callable[[], object]) -> float:
    """The least of five times, in seconds."""
    seconds = []
    for _ in range(5):
        began = perf_counter()
        function()
        seconds.append(perf_counter() - began)
    return min(seconds)


def print_machine() -> None:
    print(
        f"{platform.platform()}; {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f};"
        " 1 thread, batch 1; ratios of interleaved runs to the direct int8 file, three rounds"
    )


def print_row(row: Row) -> None:
    print(
        f"{row.network} at {row.resolution}:"
        f" write float {1000 * row.write_float_s:.0f} ms, int8 {1000 * row.write_int8_s:.0f} ms"
        f" (ai-edge-quantizer {row.quantize_s:.1f} s);"
        f" operators {'the same' if row.same_operators else 'NOT THE SAME'};"
        f" partitions float {row.partitions[0]}, int8 {row.partitions[1]} and {row.partitions[2]};"
        f" float {row.float_ms:.2f} ms, int8 {row.direct_ms:.2f} ms"
        f" ({row.direct_ms / row.float_ms:.2f} of float);"
        f" quantizer's {_percent(row.ratio)}, the same file again {_percent(row.again)}:"
        f" {'agrees' if row.holds else 'DOES NOT AGREE'}"
    )
    if row.left:
        kinds = ", ".join(f"{count} {kind}" for kind, count in row.left.items())
        print(f"  XNNPACK leaves {kinds} of the int8 file to LiteRT")


def _percent(ratio: tuple[float, float, float]) -> str:
    value, low, high = (100 * (end - 1) for end in ratio)
    return f"{value:+.1f} % ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    main()
