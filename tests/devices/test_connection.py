"""Who is let in and who is not, by a real OpenSSH server on loopback: tests/devices/sshd.py."""

import re
import socket
import sys

import pytest

from contracts.device import REFERENCE
from devices.sshd import Board, refusal
from pocketnas.devices import connection
from pocketnas.devices.connection import Address
from pocketnas.devices.ssh import SshDevice
from pocketnas.errors import DeviceError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ssh:pi@raspberrypi", Address("raspberrypi", "pi")),
        ("ssh:raspberrypi", Address("raspberrypi")),
        ("ssh:pi@10.0.0.7:2222", Address("10.0.0.7", "pi", 2222)),
        ("ssh:pi@[fe80::1%eth0]:22", Address("fe80::1%eth0", "pi", 22)),
    ],
)
def test_an_address_is_read_and_written(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "bad", ["pi@raspberrypi", "ssh:", "ssh:pi@", "ssh:pi@a:b", "ssh:a:0", "ssh:a:70000", "ssh:-oX"]
)
def test_a_bad_address_is_refused(bad: str) -> None:
    with pytest.raises(DeviceError, match=re.escape(f"ssh:user@host:port, got {bad!r}")):
        Address.parse(bad)


def test_without_asyncssh_it_says_what_to_install(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "asyncssh", None)
    assert refusal(board).endswith("needs asyncssh: pip install 'pocketnas[ssh]'")


def test_a_name_that_nobody_knows() -> None:
    pytest.importorskip("asyncssh")
    with pytest.raises(DeviceError, match=r"ssh:pi@nobody\.invalid: no computer named nobody"):
        SshDevice("ssh:pi@nobody.invalid", REFERENCE)


def test_a_board_without_an_ssh_server(idle: Board) -> None:
    assert "it refuses the connection" in refusal(idle)


def test_a_board_that_does_not_answer(idle: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", idle.port)):
        assert "no answer within 0.5 s" in refusal(idle)


def test_a_board_that_does_not_know_the_user(board: Board) -> None:
    (board.folder / "authorized_keys").write_text("")
    sentence = refusal(board)
    assert "it lets none of this user's ssh keys in" in sentence
    assert f"`ssh-copy-id -p {board.port} {board.user}@127.0.0.1`" in sentence


def test_a_board_that_is_not_known(board: Board) -> None:
    (board.client / ".ssh/known_hosts").unlink()
    sentence = refusal(board)
    assert f"its host key ({board.host_key.get_fingerprint()}) is unknown" in sentence
    assert f"`ssh -p {board.port} {board.user}@127.0.0.1`" in sentence
    assert not (board.client / ".ssh/known_hosts").exists()


def test_a_board_with_another_key_than_before(board: Board) -> None:
    from asyncssh import generate_private_key

    board.know(generate_private_key("ssh-ed25519").export_public_key().decode())
    sentence = refusal(board)
    assert f"its host key ({board.host_key.get_fingerprint()}) is not the one in" in sentence
    assert f"`ssh-keygen -R [127.0.0.1]:{board.port}`" in sentence
