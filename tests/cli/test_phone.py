"""The verbs with a simulated phone: the real adb speaks to it in adb's own protocol."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.conftest import TINY, Cli
from devices.phones import adb_program, free_port


@pytest.fixture(scope="module")
def phone() -> Iterator[tuple[str, dict[str, str]]]:
    """A phone that `pocketnas device simulate` simulates; the environment with its adb server."""
    program = adb_program()
    environment = {"ANDROID_ADB_SERVER_PORT": str(free_port())}
    running = subprocess.Popen(
        [
            *(sys.executable, "-c", "from pocketnas.cli.main import main; main()"),
            *("device", "simulate", "--port", "0", "--seed", "1"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert running.stdout is not None
    try:
        address = running.stdout.readline().split(" listens at ")[1].partition(";")[0]
        yield f"android:{address}", environment
        running.send_signal(signal.SIGINT)
        said, trouble = running.communicate(timeout=30)
        assert (running.returncode, trouble) == (0, "")
        assert said.endswith("unplugged for good\n")
    finally:
        running.kill()
        running.communicate()
        subprocess.run([program, "kill-server"], env=os.environ | environment, capture_output=True)


def test_measures_on_a_phone(cli: Cli, phone, tmp_path: Path) -> None:
    device, environment = phone
    program = tmp_path / "benchmark_model"
    program.write_bytes(b"any file will do")
    arguments = ("mobilenet_v3_small", "--resolution", "64", "--seconds", "0.5", "--json")
    given = ("--device", device, "--benchmark-model", program)
    done = cli("measure", *arguments, *given, cwd=tmp_path, **environment)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert "simulated" in found["latency"]["device"]
    assert found["latency"]["milliseconds"] > 0
    assert (found["partitions"], found["ops"]) == (None, [])
    listed = cli("devices", "--json", cwd=tmp_path, **environment)
    assert device in [row["device"] for row in json.loads(listed.stdout)]


def test_searches_for_a_phone(cli: Cli, phone, photos: Path, tmp_path: Path) -> None:
    device, environment = phone
    program = tmp_path / "benchmark_model"
    program.write_bytes(b"any file will do")
    given = (
        "--device",
        device,
        "--benchmark-model",
        program,
        "--control",
        "0",
        "--json",
        "--measure-seconds",
        "0.5",
    )
    done = cli(
        *("search", "--data", photos, "--resolution", "32", *TINY, *given),
        cwd=tmp_path,
        **environment,
    )
    assert done.returncode == 0, done.stderr
    assert "simulated" in json.loads(done.stdout)["rows"][0]["latency"]["device"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--device", "android"), ["--benchmark-model", "https://"]),
        (("--device", "android:nosuch", "--benchmark-model", "gone"), ["gone"]),
    ],
)
def test_what_a_phone_lacks_is_one_sentence(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], words: list[str]
) -> None:
    done = cli("measure", "mobilenet_v2", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    (sentence,) = done.stderr.strip().splitlines()
    assert all(word in sentence for word in ("pocketnas: ", *words))
