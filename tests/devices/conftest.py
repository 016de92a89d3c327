"""Boards for the ssh tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices import sshd
from devices.sshd import Board


@pytest.fixture
def idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    """A board that is not started yet, and a user with the key to it."""
    pytest.importorskip("asyncssh")
    if reason := sshd.why_not():
        pytest.skip(reason)
    with sshd.board(tmp_path) as made:
        monkeypatch.setenv("HOME", str(made.client))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        yield made


@pytest.fixture
def board(idle: Board) -> Board:
    idle.start()
    return idle
