"""How long does one new candidate take to measure, and does a busy neighbour change the answer?

    python benchmarks/candidate_time.py [--rounds 3] [--json] [--no-converter]

Networks of about 5 ms are measured as a search measures them: graph, flatbuffer, load, warm-up,
turns with the reference until the 95 % interval of the ratio is within 1 % or the budget of a
second is spent. Quiet and with a load of our own on another core (matrix products and copies of
large arrays), in turn, so that both see the same spells of the machine. Beside it Google's own
tools: litert-torch (extra `converter`) and `litert-benchmark`, which comes with ai-edge-litert.
"""

import argparse
import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.devices.device import Device
from pocketnas.devices.host import HostDevice
from pocketnas.tflite import write
from pocketnas.zoo.registry import entry

REFERENCE = "mobilenet_v2"
NETWORKS = (
    *("mnasnet_a1", "mnasnet_b1", "mobilenet_v3_large", "proxylessnas_mobile"),
    *("mobilenet_v2_1.4", "efficientnet_lite0", "efficientnet_b0"),
)
CONDITIONS = ("quiet", "busy")
LOAD = """
import os, sys
import numpy as np
os.sched_setaffinity(0, {int(sys.argv[1])})
a, big = np.random.rand(700, 700), np.random.rand(20_000_000)
print("ready", flush=True)
while True:
    a @ a
    big.copy()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-converter", action="store_true", help="leave Google's tools out")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("needs two cores: one to measure on, one for the load")
    networks = {name: entry(name).architecture() for name in NETWORKS}
    ours: dict[str, dict[str, list[dict[str, float]]]] = {
        condition: {name: [] for name in networks} for condition in CONDITIONS
    }
    with HostDevice(write(entry(REFERENCE).architecture().graph())) as device:
        for _ in range(given.rounds):
            for condition in CONDITIONS:
                with load(cores[0], on=condition == "busy"):
                    for name, architecture in networks.items():
                        ours[condition][name].append(one(architecture, device))
    theirs = {} if given.no_converter else google(networks, cores[0])
    if given.json:
        print(json.dumps({"ours": ours, "google": theirs}, indent=2))
        return
    report(ours)
    for name, row in theirs.items():
        busier = row["busy_ms"] / row["quiet_ms"] - 1
        print(
            f"  Google's tools, {name}: {row['seconds']:.1f} s ({row['how']}),"
            f" {row['quiet_ms']:.2f} ms quiet, {row['busy_ms']:.2f} ms busy ({busier:+.1%})"
        )


def one(architecture: Architecture, device: Device) -> dict[str, float]:
    """From the architecture to its latency."""
    began = perf_counter()
    latency = device.measure(write(architecture.graph()))
    return {
        "seconds": perf_counter() - began,
        "milliseconds": latency.milliseconds,
        "raw": latency.raw_median,
        "interval": (latency.high - latency.low) / (2 * latency.milliseconds),
        "ratio": latency.ratio,
    }


def report(ours: dict[str, dict[str, list[dict[str, float]]]]) -> None:
    differences, raw_differences = [], []
    for name in NETWORKS:
        quiet, busy = (ours[condition][name] for condition in CONDITIONS)
        both = quiet + busy
        difference, raw = (
            median(row[key] for row in busy) / median(row[key] for row in quiet) - 1
            for key in ("ratio", "raw")
        )
        differences.append(abs(difference))
        raw_differences.append(abs(raw))
        print(
            f"{name:20} {median(row['milliseconds'] for row in quiet):5.2f} ms:"
            f" {median(row['seconds'] for row in both):.2f} s"
            f" (at most {max(row['seconds'] for row in both):.2f}),"
            f" ±{median(row['interval'] for row in both):.1%};"
            f" busy beside quiet: ratio {difference:+.1%}, raw median {raw:+.1%}"
        )
    rows = [row for each in ours.values() for found in each.values() for row in found]
    print(
        f"all: {median(row['seconds'] for row in rows):.2f} s,"
        f" ±{median(row['interval'] for row in rows):.1%} (medians of {len(rows)});"
        f" busy beside quiet: ratios {median(differences):.1%} apart (at most"
        f" {max(differences):.1%}), raw medians {median(raw_differences):.1%}"
        f" (at most {max(raw_differences):.1%})"
    )


@contextmanager
def load(core: int, *, on: bool) -> Iterator[None]:
    """Keeps a core and the memory busy while the block runs."""
    if not on:
        sleep(0.2)
        yield
        return
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    busy = subprocess.Popen(
        [sys.executable, "-c", LOAD, str(core)], stdout=subprocess.PIPE, env=environment
    )
    try:
        assert busy.stdout is not None
        busy.stdout.readline()
        yield
    finally:
        busy.kill()
        busy.wait()


def google(networks: dict[str, Architecture], core: int) -> dict[str, dict[str, Any]]:
    """The first two networks through litert-torch and litert-benchmark, on the measuring core."""
    program = shutil.which("litert-benchmark", path=str(Path(sys.executable).parent))
    if program is None:
        print("litert-benchmark is not installed beside this Python", file=sys.stderr)
        return {}
    found = {}
    for name in list(networks)[:2]:
        with tempfile.TemporaryDirectory() as folder:
            path, began = Path(folder, "model.tflite"), perf_counter()
            how = converted(networks[name], path)
            converting = perf_counter() - began
            times = {}
            for condition in CONDITIONS:
                with load(core, on=condition == "busy"):
                    began = perf_counter()
                    times[condition] = benchmarked(program, path)
                    timing = perf_counter() - began
            found[name] = {
                "how": how,
                "seconds": converting + timing,
                **{f"{condition}_ms": time for condition, time in times.items()},
            }
    return found


def converted(architecture: Architecture, path: Path) -> str:
    """Writes the network by litert-torch, or where that is not installed by ourselves."""
    if importlib.util.find_spec("litert_torch") is None:
        path.write_bytes(write(architecture.graph()))
        return "litert-benchmark alone: litert-torch is not installed, the file is ours"
    logging.disable(logging.WARNING)
    with (
        warnings.catch_warnings(),
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        warnings.simplefilter("ignore")
        import litert_torch
        import torch

        from pocketnas.train.network import Network

        network = Network(architecture.graph()).eval()
        side = architecture.resolution
        litert_torch.convert(network, (torch.zeros(1, 3, side, side),)).export(str(path))
    return "litert-torch and litert-benchmark, 50 runs"


def benchmarked(program: str, path: Path) -> float:
    """Milliseconds by litert-benchmark: the median of 50 runs."""
    result = path.with_suffix(".json")
    subprocess.run(
        [program, "--model", path, "--num_threads", "1", "--num_runs", "50",
         "--result_json", result],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return float(json.loads(result.read_text())["latency"]["median_ms"])


if __name__ == "__main__":
    main()
