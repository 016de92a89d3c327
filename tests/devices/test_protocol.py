import io
import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pocketnas.devices.protocol import (
    MAX_DATA,
    Command,
    Message,
    Packet,
    banner,
    read_message,
    read_sync_header,
    shell_packet,
    sync_packet,
)
from pocketnas.errors import DeviceError

words = st.integers(0, 2**32 - 1)
messages = st.builds(Message, st.sampled_from(Command), words, words, st.binary(max_size=400))


@given(st.lists(messages))
def test_messages_arrive_as_they_were_sent(sent: list[Message]) -> None:
    stream = io.BytesIO(b"".join(message.encode() for message in sent))
    assert [read_message(stream) for _ in sent] == sent
    with pytest.raises(EOFError):
        read_message(stream)


@given(messages, st.data())
def test_a_message_cut_short_is_an_end_of_file(message: Message, data: st.DataObject) -> None:
    whole = message.encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(EOFError):
        read_message(io.BytesIO(whole[:cut]))


@given(st.binary(min_size=24, max_size=24))
def test_noise_is_refused_in_a_sentence(noise: bytes) -> None:
    command, magic = struct.unpack("<I16xI", noise)
    assume(magic != command ^ 0xFFFFFFFF)
    with pytest.raises(DeviceError, match="adb protocol: no message begins with the bytes"):
        read_message(io.BytesIO(noise))


def test_an_unknown_command_and_a_boundless_message_are_refused() -> None:
    strange = int.from_bytes(b"STLS", "little")
    header = struct.pack("<6I", strange, 0, 0, 0, 0, strange ^ 0xFFFFFFFF)
    with pytest.raises(DeviceError, match="unknown command b'STLS'"):
        read_message(io.BytesIO(header))
    huge = struct.pack("<6I", Command.WRTE, 0, 0, MAX_DATA + 1, 0, Command.WRTE ^ 0xFFFFFFFF)
    with pytest.raises(DeviceError, match="no message begins"):
        read_message(io.BytesIO(huge))


def test_a_message_on_the_wire_is_the_documents() -> None:
    """By hand from AOSP's protocol.txt: six little-endian words, a checksum that sums the bytes."""
    wire = Message(Command.OPEN, 7, 0, b"shell:\0").encode()
    assert wire[:4] == b"OPEN"
    assert struct.unpack("<5I", wire[4:24]) == (
        7,
        0,
        7,
        sum(b"shell:"),
        int.from_bytes(b"OPEN", "little") ^ 0xFFFFFFFF,
    )
    assert wire[24:] == b"shell:\0"
    assert all(Command[name].to_bytes(4, "little") == name.encode() for name in Command.__members__)


def test_a_banner_is_what_adb_takes_apart() -> None:
    assert (
        banner({"ro.product.name": "a", "ro.product.model": "b c"}, ("shell_v2", "cmd"))
        == b"device::ro.product.name=a;ro.product.model=b c;features=shell_v2,cmd"
    )


def test_a_shell_packet_is_shell_protocol_hs() -> None:
    """A byte for the kind, four for the size, little-endian."""
    assert shell_packet(Packet.STDERR, b"oh") == b"\x02\x02\0\0\0oh"
    assert shell_packet(Packet.EXIT, b"\x07") == b"\x03\x01\0\0\0\x07"


@given(st.binary(min_size=4, max_size=4), st.binary())
def test_sync_packets_arrive_as_they_were_sent(name: bytes, data: bytes) -> None:
    stream = io.BytesIO(sync_packet(name, data))
    assert read_sync_header(stream.read) == (name, len(data))
    assert stream.read() == data
