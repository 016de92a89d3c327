"""A search on a simulated phone with heat, noise and unplugs, beside undisturbed ones.

    python benchmarks/phone_search.py [--candidates 100] [--seconds 1.0] [--unplugs 5]

The phone is SIMULATED: the real adb client and server speak adb's protocol to it, its networks run
on this computer. 100 random networks of the small MnasNet space (28 pixels) are searched by the
real loop, evaluator and study; only the accuracies are a stand-in (a smooth function of the MAdds),
since latencies are the point here. Three times the same networks: undisturbed, undisturbed again
(that difference is the noise), and with heat, noise, five unplugs at random moments and one kill -9
of the searching process, which is then resumed. Needs the extras `android` and `dev`, and adb.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import asdict
from math import exp, log
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

import pocketnas
from pocketnas.arch.architecture import Architecture
from pocketnas.devices.android import AndroidDevice
from pocketnas.devices.device import Latency
from pocketnas.devices.simulated import Phone, SimulatedPhone
from pocketnas.graph.count import madds
from pocketnas.run.evaluate import Evaluator
from pocketnas.run.sizing import sized
from pocketnas.run.trust import kendall
from pocketnas.run.watch import Silent
from pocketnas.search.limits import Limits
from pocketnas.search.reward import soft
from pocketnas.search.searcher import RandomSearch
from pocketnas.study.study import Study, search, worth
from pocketnas.tflite import write

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from devices.phones import adb_server  # as the tests do

BATCH = 5
ROUGH = {"noise": 0.1, "heating_c": 0.4, "cooling_s": 30.0, "ambient_c": 30.0}
AWAY_S = (1.0, 6.0)


class StandIn:
    """Accuracies without a training: more multiply-adds are better, with less and less to gain."""

    epochs = 1

    def whole(self, networks: Mapping[str, Architecture]) -> dict[str, dict[str, Any]]:
        return {
            digest: {"accuracy": 1 - exp(-log(madds(network.graph())) / 8), "seconds": 0.0}
            for digest, network in networks.items()
        }

    def clear(self, networks: Mapping[str, Architecture]) -> None:
        pass


class Logged:
    """The phone, with a line in a file for each measurement begun and each that has succeeded."""

    def __init__(self, device: AndroidDevice, file: Path) -> None:
        self._device = device
        self._file = file
        self.name, self.reference_ms = device.name, device.reference_ms

    def measure(self, model: bytes) -> Latency:
        name = f"{hash(model):x}"
        self._say(name, "begun")
        try:
            found = self._device.measure(model)
        except Exception as error:
            self._say(name, f"failed: {error}")
            raise
        self._say(name, "measured")
        return found

    def _say(self, name: str, what: str) -> None:
        with self._file.open("a") as log:
            log.write(json.dumps([name, what]) + "\n")


def drive(folder: Path, serial: str, port: int, candidates: int, seconds: float) -> None:
    """The searching process: goes on with whatever the folder holds."""
    found = sized("mnasnet", resolution=28, classes=10, channels=1)
    reference = write(found.rivals["mobilenet_v2"].graph())
    with (
        closing(Study(folder / "study.db")) as study,
        AndroidDevice(
            serial,
            Path(pocketnas.__file__),  # the simulated phone runs any file as its stand-in
            reference,
            reference_ms=study.storage.get("reference_ms"),
            budget_s=seconds,
            window_s=0.05,
            hot_c=39.0,
            cool_s=60.0,
            adb_port=port,
        ) as phone,
    ):
        study.storage.set("reference_ms", phone.reference_ms)
        reward = soft(phone.reference_ms)
        evaluator = Evaluator(
            study,
            Logged(phone, folder / "measurements"),  # type: ignore[arg-type]
            StandIn(),  # type: ignore[arg-type]
            Silent(),
            value=lambda outcome: worth(outcome, reward, Limits()),
        )
        search(
            found.space,
            RandomSearch(found.space.decisions, seed=0),
            evaluator,
            reward,
            study,
            trials=candidates,
            batch=BATCH,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each measurement")
    parser.add_argument("--unplugs", type=int, default=5)
    parser.add_argument("--drive", nargs=3, metavar=("FOLDER", "SERIAL", "PORT"))
    given = parser.parse_args()
    if given.drive:
        folder, serial, port = given.drive
        return drive(Path(folder), serial, int(port), given.candidates, given.seconds)
    with tempfile.TemporaryDirectory() as home, adb_server(Path(home)) as port:
        runs = {}
        for name in ("undisturbed", "again", "disturbed"):
            folder = Path(home) / name
            folder.mkdir()
            rough = name == "disturbed"
            runs[name] = one(folder, port, given, rough=rough)
            report(name, runs[name])
        compare("undisturbed", "again", runs)
        compare("undisturbed", "disturbed", runs)


def one(folder: Path, port: int, given: argparse.Namespace, *, rough: bool) -> dict[str, Any]:
    """One search on a fresh phone."""
    draw, began = Random(1), time.monotonic()
    phone = SimulatedPhone(Phone(seed=1))
    with closing(phone):
        if rough:
            phone.change(**ROUGH)
        moments = (
            sorted(draw.sample(range(2, given.candidates - 2), given.unplugs)) if rough else []
        )
        kill_at = given.candidates // 2 if rough else None
        unplugged, killed, hottest, back_at = 0, 0, phone.celsius, 0.0
        running = driver(folder, phone, port, given)
        while running.poll() is None:
            time.sleep(0.05)
            done = measured(folder)
            hottest = max(hottest, phone.celsius)
            if moments and done >= moments[0]:
                moments.pop(0)
                # In the middle of the next measurement.
                wait_s, away_s = draw.uniform(0, given.seconds), draw.uniform(*AWAY_S)
                threading.Timer(wait_s, phone.unplug, [away_s]).start()
                unplugged, back_at = unplugged + 1, time.monotonic() + wait_s + away_s + 5
            if kill_at is not None and done >= kill_at and time.monotonic() > back_at:
                running.send_signal(signal.SIGKILL)
                running.wait()
                running, kill_at, killed = driver(folder, phone, port, given), None, 1
        if running.returncode:
            raise SystemExit(f"the search ended with status {running.returncode}")
    with closing(Study(folder / "study.db", read_only=True)) as study:
        trials = study.trials
        latencies = {t.genotype: t.outcome.latency for t in trials if t.outcome.latency}
        errors = [t.outcome.error for t in trials if t.outcome.error]
    says = [json.loads(line) for line in (folder / "measurements").read_text().splitlines()]
    times = Counter(name for name, what in says if what == "measured")
    return {
        "trials": len(trials),
        "latencies": latencies,
        "errors": errors,
        "requeued": [what for _, what in says if what.startswith("failed")],
        "twice": sum(count > 1 for count in times.values()),
        "unplugged": unplugged,
        "killed": killed,
        "hottest": hottest,
        "seconds": time.monotonic() - began,
        "conditions": {key: asdict(Phone())[key] for key in ROUGH} | (ROUGH if rough else {}),
    }


def driver(
    folder: Path, phone: SimulatedPhone, port: int, given: argparse.Namespace
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [
            *(sys.executable, __file__, "--drive", folder, phone.address, str(port)),
            *("--candidates", str(given.candidates), "--seconds", str(given.seconds)),
        ],
        env=os.environ | {"PYTHONHASHSEED": "0"},  # names models alike after a kill
    )


def measured(folder: Path) -> int:
    with suppress(OSError):
        return (folder / "measurements").read_text().count('"measured"')
    return 0


def report(name: str, run: dict[str, Any]) -> None:
    lost = run["requeued"]
    print(
        f"{name}: {run['trials']} candidates in {run['seconds']:.0f} s:"
        f" {len(run['latencies'])} measured, {len(run['errors'])} failed;"
        f" {run['unplugged']} unplugs, {run['killed']} kill -9,"
        f" {len(lost)} measurements broken off and made again,"
        f" {run['twice']} networks measured twice; {run['hottest']:.0f} °C at most"
    )
    for error in dict.fromkeys(run["errors"]):
        print(f"  failed: {error}")
    for reason, count in Counter(what.partition(" while ")[0] for what in lost).items():
        print(f"  {count} times {reason}")
    sys.stdout.flush()


def compare(one: str, other: str, runs: Mapping[str, dict[str, Any]]) -> None:
    a, b = runs[one]["latencies"], runs[other]["latencies"]
    both = [genotype for genotype in a if genotype in b]
    x, y = np.array([a[g] for g in both]), np.array([b[g] for g in both])
    ratio = y / x / np.median(y / x)
    ranks = [np.argsort(np.argsort(values)) for values in (x, y)]
    print(
        f"{one} beside {other}, {len(both)} networks:"
        f" Kendall {kendall(x.tolist(), y.tolist()):.3f},"
        f" Spearman {np.corrcoef(*ranks)[0, 1]:.4f}; one differs from the other by"
        f" {np.abs(ratio - 1).mean():.1%} in the mean, {np.abs(ratio - 1).max():.1%} at most"
    )


if __name__ == "__main__":
    main()
