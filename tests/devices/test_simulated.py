import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from math import exp
from pathlib import Path
from random import Random
from statistics import fmean, median, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.phones import QUIET, adb_program, adb_server, wait_until
from devices.tiny_models import conv_stack, with_custom_operator
from pocketnas.devices import benchmark
from pocketnas.devices.protocol import Command, Message, read_message
from pocketnas.devices.simulated import Phone, SimulatedPhone
from pocketnas.devices.simulated.conditions import Cable, Heat, Noise
from pocketnas.devices.simulated.files import Storage
from pocketnas.errors import DeviceError

Adb = Callable[..., subprocess.CompletedProcess[str]]
TMP = "/data/local/tmp"


@pytest.fixture(scope="module")
def adb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adb]:
    """The real client, beside its own server."""
    home = tmp_path_factory.mktemp("adb")
    with adb_server(home) as port:

        def call(*words: object) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [adb_program(), "-P", str(port), *map(str, words)],
                env=os.environ | QUIET | {"HOME": str(home)},
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )

        yield call


@pytest.fixture(scope="module")
def phone(adb: Adb) -> Iterator[SimulatedPhone]:
    with SimulatedPhone() as phone:
        assert adb("connect", phone.address).stdout == f"connected to {phone.address}\n"
        yield phone


@pytest.fixture(scope="module")
def shell(adb: Adb, phone: SimulatedPhone) -> Callable[..., tuple[int, str]]:
    """Exit status and output of a command."""

    def run(command: str, to: SimulatedPhone = phone) -> tuple[int, str]:
        done = adb("-s", to.address, "shell", command)
        return done.returncode, done.stdout + done.stderr

    return run


Shell = Callable[..., tuple[int, str]]


def test_adb_lists_it_as_simulated(adb: Adb, phone: SimulatedPhone) -> None:
    [line] = adb("devices", "-l").stdout.splitlines()[1:-1]
    assert line.split()[:2] == [phone.address, "device"]
    assert "model:Phone__simulated_" in line


@pytest.mark.parametrize("size", [0, 7, 3_000_001])
def test_adb_pushes_and_pulls_whole_files(
    adb: Adb, phone: SimulatedPhone, tmp_path: Path, size: int
) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(size))
    assert adb("push", there, f"{TMP}/deep/file").returncode == 0
    assert adb("pull", f"{TMP}/deep/file", back).returncode == 0
    assert back.read_bytes() == there.read_bytes()


def test_adb_moves_folders(adb: Adb, phone: SimulatedPhone, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    (there / "inner").mkdir(parents=True)
    (there / "one").write_text("1")
    (there / "inner" / "two").write_text("2")
    assert adb("push", there, f"{TMP}/folder").returncode == 0
    assert adb("pull", f"{TMP}/folder", back).returncode == 0
    assert (back / "one").read_text() == "1"
    assert (back / "inner" / "two").read_text() == "2"


def test_a_missing_file_and_a_full_phone_are_adbs_own_errors(
    adb: Adb, tmp_path: Path, shell: Shell
) -> None:
    missing = adb("pull", "/none", tmp_path / "x")
    assert "'/none' does not exist" in missing.stdout + missing.stderr
    with SimulatedPhone(Phone(free_bytes=1000)) as small:
        adb("connect", small.address)
        (tmp_path / "large").write_bytes(bytes(500_000))
        done = adb("-s", small.address, "push", tmp_path / "large", TMP)
        assert done.returncode == 1
        assert "No space left on device" in done.stdout + done.stderr
        assert shell("df", small)[1].splitlines()[1].split()[2] == "0"
        adb("disconnect", small.address)


@pytest.mark.parametrize(
    ("command", "status", "output"),
    [
        ("echo good; echo morning", 0, "good\nmorning\n"),
        ("cat /none", 1, "/none: No such file or directory\n"),
        ("cat /none 2>/dev/null; echo $?", 0, "1\n"),
        ("cat /none 2>&1 | head -n 1", 0, "/none: No such file or directory\n"),
        ("cat /none 2>/dev/null || echo no", 0, "no\n"),
        ("echo a && cat /none 2>/dev/null && echo b", 1, "a\n"),
        ("id", 0, "uid=2000(shell) gid=2000(shell) groups=2000(shell)\n"),
        ("getprop ro.product.model", 0, "Phone (simulated)\n"),
        ("getprop | grep abi", 0, "[ro.product.cpu.abi]: [arm64-v8a]\n"),
        ("getprop no.such", 0, "\n"),
        ("cd /data/local; pwd", 0, "/data/local\n"),
        ("cat /sys/devices/system/cpu/cpu7/cpufreq/cpuinfo_max_freq", 0, "2850000\n"),
        ("grep -H . /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor | head -n 1", 0, None),
        ("ls /sys/devices/system/cpu", 0, "".join(f"cpu{core}\n" for core in range(8))),
        ("cat /sys/class/thermal/thermal_zone0/temp", 0, "25000\n"),
        (f"echo hello > {TMP}/hi; cat {TMP}/hi; rm {TMP}/hi; ls {TMP}/hi", 1, None),
        (f"mkdir -p {TMP}/a/b; rm {TMP}/a", 1, f"rm: {TMP}/a: Is a directory\n"),
        (f"rm -rf {TMP}/a {TMP}/none; ls {TMP}/a", 1, f"ls: {TMP}/a: No such file or directory\n"),
        ("rm /none", 1, "rm: /none: No such file or directory\n"),
        ("chmod 755 /none", 1, "chmod: /none: No such file or directory\n"),
        ("dumpsys nothing", 0, "Can't find service: nothing\n"),
        ("frobnicate", 127, "sh: frobnicate: inaccessible or not found\n"),
        (f"{TMP}/none --graph=x", 127, f"sh: {TMP}/none: inaccessible or not found\n"),
        ("echo 'unfinished", 1, "sh: syntax error: No closing quotation\n"),
        ("pkill nothing; echo $?", 0, "1\n"),
        ("pkill -f [n]othing; echo $?", 0, "1\n"),
        ("pkill -f nothing; echo the shell has ended itself", 137, ""),
        ("", 1, "a simulated phone has no prompt: adb shell COMMAND\n"),
    ],
)
def test_its_shell_does_as_androids(
    shell: Shell, command: str, status: int, output: str | None
) -> None:
    found, printed = shell(command)
    assert found == status
    if output is not None:
        assert printed == output


def test_its_reports_are_those_that_are_parsed(shell: Shell) -> None:
    assert benchmark.battery(shell("dumpsys battery")[1]) == benchmark.Battery(80, 25.0, True)
    assert benchmark.thermals(shell("dumpsys thermalservice")[1]) == benchmark.Thermals(0, 25.0)
    assert benchmark.screen_is_on(shell("dumpsys power")[1]) is False


@pytest.fixture(scope="module")
def program(adb: Adb, phone: SimulatedPhone, tmp_path_factory: pytest.TempPathFactory) -> str:
    """`benchmark_model` and some networks beside it."""
    folder = tmp_path_factory.mktemp("pushed")
    files = {
        "benchmark_model": b"a stand-in runs instead",
        "net.tflite": conv_stack(4, channels=32, side=32),
        "bad.tflite": b"not a flatbuffer",
        "odd.tflite": with_custom_operator(conv_stack(2)),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "benchmark_model").chmod(0o755)
    adb("-s", phone.address, "push", *[folder / name for name in files], TMP)
    return f"{TMP}/benchmark_model"


def test_it_runs_networks_for_real(shell: Shell, program: str) -> None:
    flags = "--warmup_runs=3 --warmup_min_secs=0 --num_runs=40 --min_secs=0"
    status, output = shell(f"cd {TMP}; ./benchmark_model --graph=net.tflite {flags}")
    assert status == 0
    found = benchmark.timings(output)
    assert found.runs == 40
    assert found.partitions == 1
    assert 10 < found.low <= found.middle <= found.high
    assert "count=3 " in output


def test_it_runs_for_as_long_as_it_is_told(shell: Shell, program: str) -> None:
    flags = "--warmup_runs=1 --warmup_min_secs=0 --num_runs=1 --min_secs=0.1"
    found = benchmark.timings(shell(f"{program} --graph={TMP}/net.tflite {flags}")[1])
    assert found.runs * found.mean == pytest.approx(100_000, rel=0.3)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (f"--graph={TMP}/bad.tflite", "ERROR: "),
        (f"--graph={TMP}/odd.tflite", "ERROR: Encountered unresolved custom op"),
        (f"--graph={TMP}/none.tflite", f"ERROR: Failed to mmap model {TMP}/none.tflite"),
        ("--num_threads=1", "ERROR: Please specify the name of your TF Lite input file"),
    ],
)
def test_it_refuses_networks_as_the_real_program_does(
    shell: Shell, program: str, flags: str, says: str
) -> None:
    status, output = shell(f"{program} {flags}")
    assert status == 1
    assert says in output
    assert output.endswith("ERROR: Benchmarking failed.\n")


def test_a_program_must_be_executable(shell: Shell, program: str) -> None:
    status, output = shell(f"{TMP}/net.tflite")
    assert status == 126
    assert "Permission denied" in output
    assert shell(f"chmod +x {TMP}/net.tflite; {TMP}/net.tflite")[0] == 1
    shell(f"chmod 644 {TMP}/net.tflite")


def test_little_cores_are_slower(shell: Shell, program: str) -> None:
    run = f"{program} --graph={TMP}/net.tflite --num_runs=60 --min_secs=0 --warmup_min_secs=0"
    big, little = (benchmark.timings(shell(f"taskset {m} {run}")[1]) for m in ("c0", "f"))
    assert little.low > 1.2 * big.low
    assert shell(f"taskset 0 {run}")[0] == 1
    assert shell(f"taskset xyz {run}")[1] == "taskset: bad mask 'xyz'\n"


def test_nothing_leads_out_of_its_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("not the phone's")
    storage = Storage(tmp_path / "phone", None)
    for path in ("../outside", "/../outside", "/data/../../outside", "//../outside"):
        assert storage.local(path).is_relative_to(storage.folder)
        assert not storage.local(path).exists()


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b"])))
def test_no_path_at_all_leads_out_of_its_folder(parts: list[str]) -> None:
    storage = Storage(Path("/phone"), None)
    assert storage.local("/".join(parts)).is_relative_to("/phone")
    assert ".." not in storage.local("/".join(parts)).parts


def test_storage_counts_what_is_written_and_deleted(tmp_path: Path) -> None:
    storage = Storage(tmp_path, 100)
    storage.write("/a/b", bytes(60), 0o644)
    storage.write("/a/b", bytes(80), 0o644)
    assert storage.free == 20
    with pytest.raises(OSError, match="No space left"):
        storage.write("/a/c", bytes(21), 0o644)
    storage.remove(storage.local("/a"))
    assert storage.free == 100


def test_a_newcomer_that_talks_nonsense_is_cut_off(phone: SimulatedPhone, shell: Shell) -> None:
    with socket.create_connection(("127.0.0.1", phone.port)) as link:
        link.sendall(b"GET / HTTP/1.1\r\n\r\n      ")
        assert link.recv(100) == b""
    assert shell("echo still here")[1] == "still here\n"


def test_an_unknown_service_is_refused(phone: SimulatedPhone) -> None:
    with (
        socket.create_connection(("127.0.0.1", phone.port)) as link,
        link.makefile("rb") as messages,
    ):
        link.sendall(Message(Command.CNXN, 0x01000001, 4096, b"host::\0").encode())
        assert read_message(messages).command is Command.CNXN
        link.sendall(Message(Command.OPEN, 5, 0, b"reboot:\0").encode())
        assert read_message(messages) == Message(Command.CLSE, 0, 5)
        link.sendall(Message(Command.OPEN, 6, 0, b"sync:\0").encode())
        opened = read_message(messages)
        assert (opened.command, opened.second) == (Command.OKAY, 6)
        request = b"WHAT" + struct.pack("<I", 0)
        link.sendall(Message(Command.WRTE, 6, opened.first, request).encode())
        assert read_message(messages).command is Command.OKAY
        assert b"unknown command" in read_message(messages).data


def test_it_is_gone_and_back_at_its_instants(adb: Adb) -> None:
    with SimulatedPhone(Phone(dropouts=((0.6, 0.5),))) as phone:
        assert _answers(phone)
        wait_until(lambda: not _answers(phone))
        wait_until(lambda: _answers(phone))


def _answers(phone: SimulatedPhone) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", phone.port), timeout=1) as link:
            link.sendall(Message(Command.CNXN, 0x01000001, 4096, b"host::\0").encode())
            return link.recv(4) == b"CNXN"
    except OSError:
        return False


def test_a_taken_port_is_a_sentence(phone: SimulatedPhone) -> None:
    with pytest.raises(DeviceError, match=f"cannot listen on port {phone.port}"):
        SimulatedPhone(port=phone.port)


def test_its_files_stay_in_a_folder_of_ones_own(tmp_path: Path) -> None:
    with SimulatedPhone(folder=tmp_path) as phone:
        phone.storage.write("/data/local/tmp/kept", b"content", 0o644)
    phone.close()
    assert (tmp_path / "data/local/tmp/kept").read_bytes() == b"content"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"slowness": 0.0}, "slowness must be positive, got 0"),
        ({"cooling_s": float("inf")}, "cooling_s must be positive, got inf"),
        ({"noise": -0.1}, "noise must not be negative"),
        ({"free_bytes": -1}, "free_bytes must not be negative"),
        ({"state": "asleep"}, "state must be one of device, offline, unauthorized, got 'asleep'"),
        ({"dropouts": ((1.0, -1.0),)}, "dropouts must not be negative"),
    ],
)
def test_a_setting_out_of_range_is_a_sentence(settings: dict[str, object], says: str) -> None:
    with pytest.raises(DeviceError, match=says):
        Phone(**settings)  # type: ignore[arg-type]


def test_heat_follows_newtons_law() -> None:
    phone = Phone(ambient_c=20, heating_c=2, cooling_s=10)
    heat = Heat(20, at_s=0)
    heat.pass_time(1000, phone, busy_s=1000)
    assert heat.celsius == pytest.approx(40)  # 20 + 2 x 10: as much in as out
    heat.pass_time(1010, phone, busy_s=0)
    assert heat.celsius == pytest.approx(20 + 20 * exp(-1))


@given(st.floats(0, 50), st.lists(st.floats(0, 100), min_size=1), st.floats(0, 1))
def test_heat_does_not_depend_on_how_often_one_looks(
    start: float, steps: list[float], busy: float
) -> None:
    phone = Phone(ambient_c=20, heating_c=0.3, cooling_s=30)
    often, once, now = Heat(start, 0), Heat(start, 0), 0.0
    for step in steps:
        now += step
        often.pass_time(now, phone, busy_s=step)
    once.pass_time(now, phone, busy_s=now)
    assert often.celsius == pytest.approx(once.celsius)
    assert min(start, 20) - 1e-9 <= often.celsius <= max(start, 29) + 1e-9


def test_a_hot_phone_slows_itself_and_says_so() -> None:
    phone = Phone(throttle_c=40, throttle=0.05)
    assert Heat(39, 0).slowdown(phone) == 1
    assert Heat(44, 0).slowdown(phone) == pytest.approx(1.2)
    assert [Heat(c, 0).status(phone) for c in (39, 40, 44, 47, 99)] == [0, 1, 2, 3, 6]


def test_noise_is_as_wide_as_told_and_half_of_it_is_shared() -> None:
    noise = Noise(Random(0))
    windows = [
        noise.factors(20, 10.0 * i, 0.1) for i in range(400)
    ]  # far apart: no drift in common
    everything = [factor for window in windows for factor in window]
    assert pstdev(everything) == pytest.approx(0.1, rel=0.1)
    assert pstdev([median(window) for window in windows]) == pytest.approx(0.1 / 2**0.5, rel=0.2)
    close = [noise.factors(20, 10_000 + 0.001 * i, 0.1) for i in range(2)]
    assert fmean(close[0]) == pytest.approx(fmean(close[1]), rel=0.1)
    assert Noise(Random(0)).factors(3, 1.0, 0.0) == [1.0, 1.0, 1.0]


def test_the_cable_is_out_when_planned() -> None:
    cable = Cable(Phone(dropouts=((5.0, 2.0), (20.0, 1.0))), Random(0), start_s=100)
    out = [second for second in range(100, 130) if cable.is_out(second)]
    assert out == [105, 106, 120]


def test_random_dropouts_come_as_often_as_told() -> None:
    cable = Cable(Phone(dropout_every_s=9, dropout_s=1), Random(0), start_s=0)
    away = fmean(cable.is_out(tenth / 10) for tenth in range(100_000))
    assert away == pytest.approx(0.1, rel=0.15)


def test_it_can_be_closed_while_a_program_hangs(tmp_path: Path) -> None:
    begin = time.monotonic()
    with SimulatedPhone(Phone(hung=True)) as phone:
        phone.storage.write(f"{TMP}/benchmark_model", b"hangs", 0o755)
        hanging = threading.Thread(
            target=phone.run, args=(f"{TMP}/benchmark_model", len, len), daemon=True
        )
        hanging.start()
        time.sleep(0.1)
        assert hanging.is_alive()
    hanging.join(timeout=10)
    assert not hanging.is_alive()
    assert time.monotonic() - begin < 10
