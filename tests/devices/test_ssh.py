"""Against a real OpenSSH server on loopback: tests/devices/sshd.py."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contracts.device import BIG, REFERENCE, SMALL, DeviceContract
from devices import sshd
from devices.sshd import Board
from devices.tiny_models import conv_stack
from pocketnas.devices import Device, HostDevice, ssh
from pocketnas.devices.ssh import SshDevice
from pocketnas.errors import DeviceError

QUICK: dict[str, Any] = {"reference_ms": 1.0, "budget_s": 0.15}
LONG: dict[str, Any] = {"reference_ms": 1.0, "tolerance": 1e-9, "budget_s": 60.0}


@pytest.fixture
def device(board: Board) -> Iterator[SshDevice]:
    with SshDevice(board.address, REFERENCE, **QUICK) as device:
        yield device


class TestSshDevice(DeviceContract):
    @pytest.fixture
    def open_device(self, board: Board) -> Callable[[bytes], Device]:
        return lambda reference: SshDevice(board.address, reference, **QUICK)


def test_it_leaves_no_file_and_no_process(board: Board) -> None:
    before = board.files()
    with SshDevice(board.address, REFERENCE, **QUICK) as device:
        device.compare({"one": SMALL, "other": BIG})
        assert len(board.workers()) == 1
        assert board.files() == before
    assert board.is_left()
    assert board.files() == before
    assert not [thread for thread in threading.enumerate() if "run_forever" in str(thread)]


def test_its_facts_are_those_of_the_host(device: SshDevice) -> None:
    with HostDevice(REFERENCE, **QUICK) as host:
        mine, theirs = device.facts(), host.facts()
    assert mine.keys() == theirs.keys()
    assert mine["device"] == device.name != theirs["device"]
    for name in ("board", "cpu", "cores", "affinity", "kernel", "litert", "threads"):
        assert mine[name] == theirs[name]


def test_it_agrees_with_the_host(board: Board) -> None:
    """By turns, since the machine's speed changes; the same program, so the same ratio."""
    model, settings = conv_stack(8, channels=32), {"reference_ms": 1.0, "budget_s": 0.4}
    reference = conv_stack(4, channels=32)
    with (
        HostDevice(reference, **settings) as host,
        SshDevice(board.address, reference, **settings) as remote,
    ):
        found = [(host.measure(model), remote.measure(model)) for _ in range(3)]
    ours, theirs = (sorted(each, key=lambda one: one.ratio)[1] for each in zip(*found, strict=True))
    overlap = ours.low <= theirs.high and theirs.low <= ours.high
    assert overlap or theirs.ratio == pytest.approx(ours.ratio, rel=0.1)


def test_one_connection_serves_for_many_processes(board: Board, device: SshDevice) -> None:
    kept, worker = device._connection, board.workers()
    for _ in range(2):
        with pytest.raises(DeviceError, match="loading the model"):
            device.measure(b"not a flatbuffer")
        assert device.measure(SMALL).milliseconds > 0
        assert device._connection is kept
    assert board.workers() != worker
    assert len(board.workers()) == 1


def test_a_chatty_shell_is_no_hindrance(board: Board) -> None:
    (board.home / ".bashrc").write_text("echo Welcome to the board; echo Have a nice day >&2\n")
    with SshDevice(board.address, REFERENCE, **QUICK) as device:
        assert device.measure(SMALL).milliseconds > 0


def test_the_configuration_of_openssh_counts(board: Board) -> None:
    (board.client / ".ssh/config").write_text(
        f"Host kitchen\n  HostName 127.0.0.1\n  Port {board.port}\n  User {board.user}\n"
    )
    with SshDevice("ssh:kitchen", REFERENCE, **QUICK) as device:
        assert device.measure(SMALL).device.startswith("ssh:kitchen (")


def while_it_measures(device: SshDevice, happens: Callable[[], None]) -> str:
    """What the measurement says when this happens in its midst."""
    begun = threading.Event()

    def meddle() -> None:
        begun.wait(20)
        happens()

    thread = threading.Thread(target=meddle)
    thread.start()
    try:
        with pytest.raises(DeviceError) as caught:
            device.compare({"it": SMALL}, watch=lambda words: "done" in words and begun.set())
    finally:
        thread.join()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_connection_lost_while_it_measures_is_made_anew(board: Board) -> None:
    with SshDevice(board.address, REFERENCE, **LONG) as device:
        workers = board.workers()
        sentence = while_it_measures(device, board.cut)
        assert sentence.startswith(f"{board.address}: the connection was lost while ")
        assert sshd.gone(workers)  # it noticed that nobody asks any more
        assert device.compare({"it": SMALL}, budget_s=0.1)["it"].milliseconds > 0
        assert device.reference_ms == 1.0


def heard(device: SshDevice, seconds: float = 10) -> bool:
    """Whether the news of its process's end comes over."""
    end = time.monotonic() + seconds
    while device._bench is not None and device._bench.child.alive() and time.monotonic() < end:
        time.sleep(0.02)
    return device._bench is not None and not device._bench.child.alive()


def test_a_connection_lost_between_measurements_is_made_anew(
    board: Board, device: SshDevice
) -> None:
    board.cut()
    assert heard(device)
    assert device.measure(SMALL).milliseconds > 0


def test_a_board_that_went_away_is_found_again(board: Board, device: SshDevice) -> None:
    board.stop()
    assert heard(device)
    with pytest.raises(DeviceError, match="it refuses the connection"):
        device.measure(SMALL)
    board.start()
    assert device.measure(SMALL).milliseconds > 0


def test_a_process_killed_while_it_measures_is_replaced(board: Board) -> None:
    with SshDevice(board.address, REFERENCE, **LONG) as device:
        [worker] = board.workers()
        sentence = while_it_measures(device, lambda: os.kill(worker, signal.SIGKILL))
        assert "the measuring process died (SIGKILL) while " in sentence
        assert device.compare({"it": SMALL}, budget_s=0.1)["it"].milliseconds > 0


def test_a_process_killed_between_measurements_is_replaced(board: Board, device: SshDevice) -> None:
    [worker] = board.workers()
    os.kill(worker, signal.SIGKILL)
    assert heard(device)
    assert device.measure(SMALL).milliseconds > 0


def test_a_process_that_hangs_is_killed_and_replaced(board: Board) -> None:
    with SshDevice(board.address, REFERENCE, **QUICK, timeout_s=2) as device:
        workers = board.workers()
        os.kill(workers[0], signal.SIGSTOP)
        big = conv_stack(8, channels=256)  # 19 MB: the request itself gets stuck
        with pytest.raises(DeviceError, match="no answer within 2 s while loading the model"):
            device.measure(big)
        assert sshd.gone(workers)
        device._timeout_s = 60
        assert device.measure(SMALL).milliseconds > 0


def test_a_board_that_freezes_is_connected_anew(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh, "_KILL_S", 0.5)
    with SshDevice(board.address, REFERENCE, **QUICK, timeout_s=1) as device:
        for pid in board.sessions():
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(DeviceError, match="no answer within 1 s while loading the model"):
            device.measure(SMALL)
        device._timeout_s = 60
        assert device.measure(SMALL).milliseconds > 0


def test_when_the_asker_is_killed_nothing_is_left(board: Board, tmp_path: Path) -> None:
    (tmp_path / "reference.tflite").write_bytes(REFERENCE)
    program = f"""
from pathlib import Path
from pocketnas.devices.ssh import SshDevice
model = Path({str(tmp_path / "reference.tflite")!r}).read_bytes()
device = SshDevice({board.address!r}, model, reference_ms=1.0, tolerance=1e-9, budget_s=60.0)
device.compare({{"it": model}}, watch=lambda words: print(words, flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as asker:
        assert asker.stdout is not None
        assert asker.stdout.readline() == b"loading it\n"
        assert board.workers()
        asker.kill()
    assert board.is_left()
