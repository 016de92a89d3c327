import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.phones import NEEDED, QUIET, adb_program, adb_server, answers, free_port, wait_until
from pocketnas.devices.adb import Adb, AdbPhone, Attached
from pocketnas.devices.simulated import Phone, SimulatedPhone
from pocketnas.errors import DeviceError

pytest.importorskip("adbutils", reason=NEEDED)
# adbutils leaves a connection that adb refuses to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with adb_server(tmp_path_factory.mktemp("adb")) as port:
        yield port


@pytest.fixture
def adb(port: int) -> Iterator[Adb]:
    """The server without phones."""
    adb = Adb(port)
    yield adb
    for each in adb.attached():
        adb._client.disconnect(each.serial)


@pytest.fixture
def simulated() -> Iterator[SimulatedPhone]:
    with SimulatedPhone() as phone:
        yield phone


@pytest.fixture
def phone(adb: Adb, simulated: SimulatedPhone) -> AdbPhone:
    return adb.phone(simulated.address)


def says(words: str, refusal: pytest.ExceptionInfo[DeviceError]) -> bool:
    assert "\n" not in str(refusal.value)
    return words in str(refusal.value)


def test_a_phone_is_found_by_its_serial_or_as_the_only_one(adb: Adb) -> None:
    with SimulatedPhone(Phone(name="Test")) as simulated:
        assert adb.attached() == []
        assert adb.phone(simulated.address).serial == simulated.address
        assert adb.attached() == [Attached(simulated.address, "device", "Test__simulated_")]
        assert adb.phone().serial == simulated.address


def test_of_several_phones_one_must_be_named(adb: Adb, simulated: SimulatedPhone) -> None:
    with SimulatedPhone(Phone(name="Other")) as other:
        for each in (simulated, other):
            assert adb.phone(each.address).serial == each.address
        with pytest.raises(DeviceError, match="several phones, say which serial") as refusal:
            adb.phone()
        assert says(f"{simulated.address} (Phone__simulated_)", refusal)
        assert says(f"{other.address} (Other__simulated_)", refusal)
        with pytest.raises(DeviceError, match="there is no phone 4A6B; there are") as refusal:
            adb.phone("4A6B")
        assert says(other.address, refusal)


def test_no_phone_at_all(adb: Adb) -> None:
    with pytest.raises(DeviceError, match="no phone is plugged in; plug one in and allow USB"):
        adb.phone()
    with pytest.raises(DeviceError, match="no phone 4A6B; none is plugged in"):
        adb.phone("4A6B")
    with pytest.raises(DeviceError, match=r"no phone 127\.0\.0\.1:1; none is plugged in"):
        adb.phone("127.0.0.1:1")


def test_an_unauthorized_phone_wants_a_look_at_its_screen(adb: Adb) -> None:
    with SimulatedPhone(Phone(state="unauthorized")) as simulated:
        for serial in (simulated.address, None):
            with pytest.raises(DeviceError, match="look at the phone's screen and allow USB"):
                adb.phone(serial)
        simulated.change(state="device")
        allowed = adb.phone(simulated.address, wait_s=20)
        assert allowed.shell("echo in", "greeting").text == "in\n"


def test_a_phone_that_turns_unauthorized_says_so_at_the_next_command(
    adb: Adb, phone: AdbPhone, simulated: SimulatedPhone
) -> None:
    simulated.change(state="unauthorized")
    wait_until(lambda: adb.state(phone.serial) == "unauthorized" or _reconnects(adb, phone))
    with pytest.raises(DeviceError, match="look at the phone's screen"):
        phone.shell("id", "asking who it is")


def _reconnects(adb: Adb, phone: AdbPhone) -> bool:
    adb._reconnected(phone.serial)
    return False


def test_an_offline_phone_wants_to_be_replugged(
    adb: Adb, phone: AdbPhone, simulated: SimulatedPhone
) -> None:
    simulated.change(state="offline")
    wait_until(lambda: adb.state(phone.serial) == "offline")
    with pytest.raises(DeviceError, match="it is offline; unplug it and plug it in again"):
        adb.phone()


def test_an_unplugged_phone_comes_back(
    adb: Adb, phone: AdbPhone, simulated: SimulatedPhone
) -> None:
    simulated.unplug(1.0)
    with pytest.raises(DeviceError, match="it was unplugged while asking who it is"):
        phone.shell("id", "asking who it is")
    with pytest.raises(DeviceError, match=simulated.address):
        adb.phone(simulated.address)
    back = adb.phone(simulated.address, wait_s=20)
    assert back.shell("id", "asking who it is").text.startswith("uid=2000(shell)")


def test_a_phone_unplugged_in_the_midst_of_a_command(
    phone: AdbPhone, simulated: SimulatedPhone
) -> None:
    phone.push(b"a program", "/data/local/tmp/program", mode=0o755)
    simulated.change(hung=True)
    threading.Timer(0.2, simulated.unplug, [60.0]).start()
    with pytest.raises(DeviceError, match="it was unplugged while waiting for Godot"):
        phone.shell("/data/local/tmp/program", "waiting for Godot", timeout_s=30)


def test_a_hung_program_is_given_up_and_ended(phone: AdbPhone, simulated: SimulatedPhone) -> None:
    phone.push(b"a program", "/data/local/tmp/program", mode=0o755)
    simulated.change(hung=True)
    with pytest.raises(DeviceError, match=r"no answer within 0\.2 s while waiting for Godot"):
        phone.shell("/data/local/tmp/program", "waiting for Godot", timeout_s=0.2)
    assert phone.shell("pkill -9 -f [p]rogram", "ending it").status == 0
    wait_until(lambda: phone.shell("pkill -9 -f [p]rogram", "ending it").status == 1)


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 1_000_000])
def test_what_is_copied_arrives(phone: AdbPhone, simulated: SimulatedPhone, size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    phone.push(content, "/data/local/tmp/deep/er/file", mode=0o640)
    assert simulated.storage.local("/data/local/tmp/deep/er/file").read_bytes() == content


def test_a_full_phone_says_so_and_works_on(phone: AdbPhone, simulated: SimulatedPhone) -> None:
    simulated.change(free_bytes=1000)
    phone.push(bytes(900), "/data/local/tmp/fits")
    with pytest.raises(DeviceError, match="No space left on device; delete something") as refusal:
        phone.push(bytes(300_000), "/data/local/tmp/large")
    assert says("copying 300,000 bytes to /data/local/tmp/large failed", refusal)
    assert phone.shell("rm /data/local/tmp/fits", "tidying up").status == 0
    phone.push(bytes(1000), "/data/local/tmp/fits")


def test_a_command_says_what_it_printed_and_how_it_ended(phone: AdbPhone) -> None:
    done = phone.shell("echo good; cat /none; echo still here", "talking")
    assert done.text == "good\n/none: No such file or directory\nstill here\n"
    assert done.status == 0
    assert phone.shell("cat /none", "talking").status == 1
    assert phone.shell("nonsense", "talking").status == 127


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (QUIET | {"HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)


def end_server(port: int) -> None:
    program = adb_program()
    subprocess.run([program, "-P", str(port), "kill-server"], check=True, capture_output=True)
    wait_until(lambda: not answers(port))


def test_the_server_is_started_when_it_does_not_run(
    own_home: None, capfd: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    try:
        assert Adb(port).attached() == []
    finally:
        end_server(port)
    assert capfd.readouterr() == ("", "")


def test_a_server_that_ended_is_started_again(
    own_home: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with adb_server(tmp_path) as port:
        adb = Adb(port)
    wait_until(lambda: not answers(port))
    try:
        assert adb.attached() == []
    finally:
        end_server(port)
    assert capfd.readouterr() == ("", "")


def test_a_missing_adb_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADBUTILS_ADB_PATH", str(tmp_path / "no adb"))
    with pytest.raises(DeviceError, match=r"no adb program at .*no adb \(No such file .*install"):
        Adb(free_port())


def test_an_adb_that_fails_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "adb"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("ADBUTILS_ADB_PATH", str(program))
    with pytest.raises(DeviceError, match="start-server` exits with 3"):
        Adb(free_port())


def test_missing_adbutils_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbutils", None)
    with pytest.raises(DeviceError, match=r"needs adbutils: pip install 'pocketnas\[android\]'"):
        Adb()


def test_commands_to_two_phones_run_at_once(adb: Adb, simulated: SimulatedPhone) -> None:
    """One that hangs holds up no other."""
    with SimulatedPhone() as other:
        stuck, free = adb.phone(simulated.address), adb.phone(other.address)
        stuck.push(b"a program", "/data/local/tmp/program", mode=0o755)
        simulated.change(hung=True)
        failed = threading.Event()

        def wait_for_it() -> None:
            with pytest.raises(DeviceError, match="no answer"):
                stuck.shell("/data/local/tmp/program", "waiting", timeout_s=1.5)
            failed.set()

        thread = threading.Thread(target=wait_for_it)
        thread.start()
        time.sleep(0.1)
        assert free.shell("echo free", "asking").text == "free\n"
        assert not failed.is_set()
        thread.join()
        assert failed.is_set()
