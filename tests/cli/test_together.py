"""`train` on several devices, here two processes on the processor."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import numpy as np

from cli.conftest import Cli
from pocketnas.run.folder import load_weights

PROGRAM = [sys.executable, "-c", "from pocketnas.cli.main import main; main()"]


def test_two_processes_a_kill_and_the_same_weights(cli: Cli, photos: Path, tmp_path: Path) -> None:
    settings = ("mobilenet_v2_0.1", "--data", photos, "--resolution", "16", "--epochs", "3")
    both = ("--device", "cpu,cpu", "--batch", "16")
    whole = cli("train", *settings, *both, "--out", "whole", "--json", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    assert "on cpu,cpu" in whole.stderr
    said = json.loads(whole.stdout)
    assert said["accuracy"] > 0.3

    killed = tmp_path / "killed"
    process = subprocess.Popen(
        [*PROGRAM, "train", *(str(word) for word in (*settings, *both, "--out", "killed"))],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not (killed / "checkpoint.pt").exists():
        sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = cli("train", "--resume", "killed", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    one, other = (
        load_weights(tmp_path / each / "best.safetensors") for each in ("whole", "killed")
    )
    for key, value in one.items():
        np.testing.assert_allclose(other[key], value, rtol=1e-4, atol=1e-5)


def test_a_process_that_dies_is_one_sentence(photos: Path, tmp_path: Path) -> None:
    words = ("train", "mobilenet_v2_0.1", "--data", photos, "--resolution", "16", "--out", "run")
    process = subprocess.Popen(
        [*PROGRAM, *map(str, words), "--epochs", "400", "--device", "cpu,cpu", "--batch", "16"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not (tmp_path / "run" / "checkpoint.pt").exists():
        sleep(0.02)
    for child in _children(process.pid):
        if "spawn_main" in _command(child):
            os.kill(child, signal.SIGKILL)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "a process of the training has died" in said
    assert "--resume" in said
    assert "Traceback" not in said
    assert (tmp_path / "run" / "checkpoint.pt").exists()


def _children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def test_what_is_wrong_is_one_sentence(cli: Cli, photos: Path, tmp_path: Path) -> None:
    for sentence, words in (
        ("--batch must be a multiple of the 2 devices, got 9", ("cpu,cpu", "9")),
        ("--device: must be one of cpu", ("cpu,tpu", "8")),
    ):
        done = cli(
            *("train", "mobilenet_v2_0.1", "--data", photos, "--resolution", "16"),
            *("--device", words[0], "--batch", words[1]),
            cwd=tmp_path,
        )
        assert done.returncode == 1
        assert sentence in done.stderr
        assert done.stderr.count("\n") == 1
