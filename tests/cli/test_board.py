"""The verbs with a board as the device: a real OpenSSH server on loopback."""

import json
from pathlib import Path

import pytest

from cli.conftest import TINY, Cli
from devices.conftest import board as board
from devices.conftest import idle as idle
from devices.sshd import Board


def test_measures_on_a_board(cli: Cli, board: Board, tmp_path: Path) -> None:
    arguments = ("mobilenet_v3_small", "--resolution", "64", "--seconds", "0.3", "--json")
    done = cli("measure", *arguments, "--device", board.address, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert board.address in found["latency"]["device"]
    assert found["latency"]["milliseconds"] > 0
    assert found["partitions"] >= 1
    assert found["ops"]


def test_searches_for_a_board(cli: Cli, board: Board, photos: Path, tmp_path: Path) -> None:
    """Trained here, measured there, and here again for a limit."""
    settings = ("--resolution", "32", *TINY, "--control", "0", "--limit", "second~1", "--json")
    there = ("--device", board.address, "--second-device", "host")
    done = cli("search", "--data", photos, *settings, *there, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert board.address in found["rows"][0]["latency"]["device"]
    assert found["rows"][0]["costs"]["second"] > 0
    assert board.is_left()


@pytest.mark.parametrize("address", ["ssh:", "ssh:nobody@127.0.0.1:1", "usb"])
def test_a_board_that_is_not_there_gets_one_sentence(
    cli: Cli, tmp_path: Path, address: str
) -> None:
    pytest.importorskip("asyncssh")
    done = cli("measure", "mobilenet_v2", "--device", address, cwd=tmp_path)
    assert done.returncode == 1
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("pocketnas: ")
    assert address.removeprefix("ssh:") in sentence
