"""Do host, ssh and adb say the same of the same networks?

    python benchmarks/devices_agree.py [--rounds 5] [--json]

All three measure on this very computer: directly, over a real OpenSSH server on loopback, and over
the real adb on a SIMULATED phone, whose stand-in for benchmark_model runs the networks here. They
take turns; each network's ratio to the same reference is compared. What the host says of itself
from round to round is the noise. Needs the extras `ssh`, `android` and `dev`, sshd and adb.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import pocketnas
from pocketnas.devices.android import AndroidDevice
from pocketnas.devices.device import Device
from pocketnas.devices.host import HostDevice
from pocketnas.devices.simulated import SimulatedPhone
from pocketnas.devices.ssh import SshDevice
from pocketnas.tflite import write
from pocketnas.zoo.registry import entry

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from devices import sshd  # the servers that the tests use
from devices.phones import adb_server

REFERENCE = ("mobilenet_v2", 96)
NETWORKS = (
    ("mobilenet_v3_small", 96),
    ("mnasnet_a1", 96),
    ("mobilenet_v2", 128),
    ("efficientnet_lite0", 128),
)
HOST, SSH, ADB = "host", "ssh on loopback", "adb, simulated phone"

Ratios = Mapping[str, Mapping[str, list[float]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    if reason := sshd.why_not():
        raise SystemExit(reason)
    models = {f"{name} {side} px": model(name, side) for name, side in NETWORKS}
    with ExitStack() as stack:
        devices = opened(stack, model(*REFERENCE))
        ratios = {name: {each: list[float]() for each in models} for name in devices}
        for _ in range(given.rounds):
            for each, content in models.items():
                for name, device in devices.items():
                    ratios[name][each].append(device.measure(content).ratio)
    if given.json:
        print(json.dumps(ratios, indent=2))
    else:
        report(ratios, given.rounds)


def opened(stack: ExitStack, reference: bytes) -> dict[str, Device]:
    """The three devices, with all that they need."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    board = stack.enter_context(sshd.board(folder / "board"))
    board.start()
    os.environ["HOME"] = str(board.client)  # where its key and its known hosts are
    os.environ.pop("SSH_AUTH_SOCK", None)
    port = stack.enter_context(adb_server(folder))
    phone = stack.enter_context(SimulatedPhone())
    program = Path(pocketnas.__file__)  # the simulated phone runs any file as its stand-in
    found: dict[str, Device] = {
        HOST: HostDevice(reference),
        SSH: SshDevice(board.address, reference),
        ADB: AndroidDevice(phone.address, program, reference, budget_s=5.0, adb_port=port),
    }
    for device in found.values():
        stack.enter_context(device)
    return found


def model(name: str, side: int) -> bytes:
    return write(entry(name).architecture(resolution=side).graph())


def report(ratios: Ratios, rounds: int) -> None:
    print(
        f"ratio to {REFERENCE[0]} at {REFERENCE[1]} px, median of {rounds} rounds (least to most)"
    )
    print(f"{'':26}" + "".join(f"{name:>28}" for name in ratios))
    apart: dict[str, list[float]] = {SSH: [], ADB: []}
    noise = []
    for each, here in ratios[HOST].items():
        cells = [
            f"{median(found[each]):.3f} ({min(found[each]):.3f} to {max(found[each]):.3f})"
            for found in ratios.values()
        ]
        print(f"{each:26}" + "".join(f"{cell:>28}" for cell in cells))
        noise.append(max(here) / min(here) - 1)
        for name, found in apart.items():
            found.append(median(ratios[name][each]) / median(here) - 1)
    print(f"the host from round to round: up to {max(noise):.1%} apart")
    for name, found in apart.items():
        print(
            f"{name} beside the host: "
            + ", ".join(f"{difference:+.1%}" for difference in found)
            + f"; at most {max(map(abs, found)):.1%}"
        )


if __name__ == "__main__":
    main()
