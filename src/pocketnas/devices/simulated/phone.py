"""The simulated phone itself.

`adb connect 127.0.0.1:PORT` connects it; from then on `adb`, adbutils and `AndroidDevice` see a
phone that can get hot, noisy, slow, full and unplugged. Its times are made of this computer's.
"""

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Self

from pocketnas.devices.simulated.adbd import Connection
from pocketnas.devices.simulated.benchmark import Bench, benchmark_model
from pocketnas.devices.simulated.conditions import Cable, Heat, Noise, Phone
from pocketnas.devices.simulated.files import Storage
from pocketnas.devices.simulated.shell import Shell
from pocketnas.errors import DeviceError

_TICK_S = 0.02
_CORES_KHZ = (1_803_000,) * 4 + (2_348_000,) * 2 + (2_850_000,) * 2  # little, middle, big


class SimulatedPhone:
    """A simulated phone that listens on a port of this computer until it is closed.

    Args:
        phone: how it behaves.
        folder: where its files lie; None takes a temporary folder, deleted in the end.
        port: to listen on; 0 takes a free one.

    Raises:
        DeviceError: the port is taken.
    """

    def __init__(
        self, phone: Phone | None = None, *, folder: Path | None = None, port: int = 0
    ) -> None:
        self._phone = phone = phone or Phone()
        self._temporary = tempfile.TemporaryDirectory(prefix="pocketnas-phone-")
        root = folder or Path(self._temporary.name)
        (root / "data/local/tmp").mkdir(parents=True, exist_ok=True)
        self.storage = Storage(root, phone.free_bytes)
        self._draw = Random(phone.seed)
        now = time.monotonic()
        self._heat = Heat(phone.ambient_c, now)
        self._noise = Noise(Random(phone.seed + 1), at_s=now)
        self._cable = Cable(phone, self._draw, now)
        self._lock = threading.Lock()  # guards heat and noise
        self._bench = Bench()
        self._killed = threading.Event()
        self._running = 0
        self._connections: list[Connection] = []
        self._closed = threading.Event()
        try:
            self._listener: socket.socket | None = _listen(port)
        except OSError as error:
            self._temporary.cleanup()
            raise DeviceError(f"simulated phone: cannot listen on port {port}: {error}") from None
        self.port: int = self._listener.getsockname()[1]
        self._life = threading.Thread(target=self._live, daemon=True, name="simulated phone")
        self._life.start()

    @property
    def address(self) -> str:
        """What to hand to `adb connect`, and its serial from then on."""
        return f"127.0.0.1:{self.port}"

    @property
    def celsius(self) -> float:
        """Its temperature now."""
        self._rest()
        return self._heat.celsius

    def change(self, **settings: Any) -> None:
        """Other behaviour from now on: settings of `Phone` by name.

        A state other than `device` begins with a pulled cable, as on a real phone.
        """
        before = self._phone.state
        self._phone = replace(self._phone, **settings)
        if "free_bytes" in settings:
            self.storage.free = self._phone.free_bytes
        if self._phone.state == "device":
            for connection in self._connections:
                connection.allow()
        elif self._phone.state != before:
            self._cut()

    def unplug(self, seconds: float) -> None:
        """Pull the cable out for some seconds."""
        self._cable.until_s = time.monotonic() + seconds
        self._cut()  # now; it stops listening within a tick

    def close(self) -> None:
        """Pull the cable out for good; closing twice is no error."""
        self._closed.set()
        self._killed.set()
        self._life.join()
        self._stop_listening()
        self._bench.close()
        self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # What the daemon and the shell ask.

    def state(self) -> str:
        """`device`, `offline` or `unauthorized`."""
        return self._phone.state

    def properties(self) -> dict[str, str]:
        """Its system properties."""
        return {
            "ro.product.name": "pocketnas",
            "ro.product.model": f"{self._phone.name} (simulated)",
            "ro.product.device": "simulated",
            "ro.product.manufacturer": "PocketNAS",
            "ro.product.cpu.abi": "arm64-v8a",
            "ro.soc.model": "this computer",
            "ro.build.version.release": "14",
            "ro.build.version.sdk": "34",
            "ro.serialno": f"SIMULATED{self.port}",
        }

    def files(self) -> dict[str, str]:
        """The files of its kernel."""
        found = {}
        for core, khz in enumerate(_CORES_KHZ):
            folder = f"/sys/devices/system/cpu/cpu{core}/cpufreq"
            found[f"{folder}/cpuinfo_max_freq"] = f"{khz}\n"
            found[f"{folder}/scaling_governor"] = "schedutil\n"
        zone = "/sys/class/thermal/thermal_zone0"
        found[f"{zone}/type"] = "skin\n"
        found[f"{zone}/temp"] = f"{self.celsius * 1000:.0f}\n"
        return found

    def service(self, name: str) -> str | None:
        """What `dumpsys` says."""
        celsius = self.celsius
        match name:
            case "battery":
                return (
                    "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n"
                    "  Wireless powered: false\n  status: 2\n  health: 2\n  present: true\n"
                    "  level: 80\n  scale: 100\n  voltage: 4180\n"
                    f"  temperature: {celsius * 10:.0f}\n  technology: Li-ion\n"
                )
            case "thermalservice":
                status = self._heat.status(self._phone)
                sensor = f"\tTemperature{{mValue={celsius:.1f}, mType=3, mName=skin"
                return (
                    f"IsStatusOverride: false\nThermal Status: {status}\nCached temperatures:\n"
                    f"{sensor}, mStatus={status}}}\nHAL Ready: true\n"
                    f"Current temperatures from HAL:\n{sensor}, mStatus={status}}}\n"
                    "Current cooling devices from HAL:\n"
                )
            case "power":
                return "Power Manager State:\n  mWakefulness=Asleep\n"
            case _:
                return None

    def run(self, command: str, out: Callable[[bytes], None], err: Callable[[bytes], None]) -> int:
        """Run a command in its shell."""
        return Shell(self, out, err).run(command)

    def execute(
        self, flags: Sequence[str], cores: int | None, local: Callable[[str], Path]
    ) -> tuple[int, str]:
        """Run a pushed program: whatever it is, the stand-in for `benchmark_model` runs instead."""
        self._killed.clear()
        self._running += 1
        try:
            if self._phone.hung:
                self._killed.wait()
                return 137, "Killed \n"
            kept = [
                khz for core, khz in enumerate(_CORES_KHZ) if cores is None or cores >> core & 1
            ]
            slowness = self._phone.slowness * max(_CORES_KHZ) / max(kept, default=max(_CORES_KHZ))
            return benchmark_model(
                flags, local, self._bench, lambda times: self._slowed(times, slowness)
            )
        finally:
            self._running -= 1

    def kill(self) -> int:
        """End its programs; how many there were."""
        running = self._running
        self._killed.set()
        return running

    def _slowed(self, nanoseconds: Sequence[int], slowness: float) -> list[float]:
        """Its microseconds for a program that has just run so long here, and the heat of it."""
        with self._lock:
            now, phone = time.monotonic(), self._phone
            factors = self._noise.factors(len(nanoseconds), now, phone.noise)
            slower = slowness * self._heat.slowdown(phone)
            times = [
                ns * slower * each / 1e3 for ns, each in zip(nanoseconds, factors, strict=True)
            ]
            self._heat.pass_time(now, phone, sum(times) / 1e6)
            return times

    def _rest(self) -> None:
        with self._lock:
            self._heat.pass_time(time.monotonic(), self._phone, 0.0)

    def _live(self) -> None:
        """Plugged in, wait for an adb server; unplugged, for being plugged in."""
        while not self._closed.is_set():
            if self._cable.is_out(time.monotonic()):
                self._stop_listening()
                self._closed.wait(_TICK_S)
                continue
            try:
                self._listener = self._listener or _listen(self.port)
                link, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:  # somebody else has taken the port meanwhile
                self._closed.wait(_TICK_S)
                continue
            link.settimeout(None)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            alive = [each for each in self._connections if not each.ended]
            self._connections = [*alive, connection := Connection(link, self)]
            threading.Thread(target=connection.serve, daemon=True, name="adbd").start()

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._cut()

    def _cut(self) -> None:
        connections, self._connections = self._connections, []
        for connection in connections:
            connection.cut()


def _listen(port: int) -> socket.socket:
    listener = socket.create_server(("127.0.0.1", port))
    listener.settimeout(_TICK_S)
    return listener
