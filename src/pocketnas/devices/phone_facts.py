"""What a phone says about itself: its make, its cores, its state, and what to mend about them."""

import re
from collections.abc import Mapping

from pocketnas.devices import benchmark
from pocketnas.devices.adb import AdbPhone
from pocketnas.devices.phone_heat import Heat

_CORES = "/sys/devices/system/cpu/cpu*/cpufreq"
_LOW_BATTERY = 20  # percent; below that many phones save power


def fastest_cores(phone: AdbPhone, threads: int) -> str | None:
    """The mask of the cores to use, for `taskset`; None where it hides its cores' speeds.

    Raises:
        DeviceError: it is gone.
    """
    cores = benchmark.fastest_cores(_speeds(phone), threads)
    return benchmark.mask(cores) if cores else None


def facts_of(phone: AdbPhone) -> dict[str, object]:
    """Its make, its cores and its state, ready for JSON.

    Raises:
        DeviceError: it is gone.
    """
    said = phone.shell("getprop", "reading its properties").text
    properties = dict(re.findall(r"^\[(.+?)\]: \[(.*?)\]", said, re.MULTILINE))
    battery = benchmark.battery(phone.shell("dumpsys battery", "reading its battery").text)
    power = phone.shell("dumpsys power", "reading its screen's state").text
    governors = _by_core(phone, "scaling_governor")
    return {
        "serial": phone.serial,
        "model": properties.get("ro.product.model", "unknown model"),
        "maker": properties.get("ro.product.manufacturer"),
        "chip": properties.get("ro.soc.model") or properties.get("ro.board.platform"),
        "android": properties.get("ro.build.version.release"),
        "abi": properties.get("ro.product.cpu.abi"),
        "core_khz": list(_speeds(phone).values()),
        "governor": ", ".join(sorted(set(governors.values()))) or None,
        "battery_percent": battery.level,
        "plugged": battery.plugged,
        "screen_on": benchmark.screen_is_on(power),
    }


def notes_on(facts: Mapping[str, object], heat: Heat, hot_c: float) -> list[str]:
    """What a user may mend before trusting the figures."""
    notes = []
    if facts["screen_on"]:
        notes.append("the screen is on, and its pictures want the same cores: switch it off")
    level = facts["battery_percent"]
    if isinstance(level, int) and level < _LOW_BATTERY:
        notes.append(f"the battery is at {level} %, where many phones save power: charge it")
    if facts["cores"] is None:
        notes.append("the phone hides its cores' speeds: the networks run where it puts them")
    if heat.is_above(hot_c):
        notes.append(f"the phone is hot ({heat}): let it cool down")
    return notes


def _speeds(phone: AdbPhone) -> dict[int, int]:
    said = _by_core(phone, "cpuinfo_max_freq")
    return {core: int(speed) for core, speed in said.items() if speed.isdecimal()}


def _by_core(phone: AdbPhone, file: str) -> dict[int, str]:
    said = phone.shell(f"grep -H . {_CORES}/{file} 2>/dev/null", "reading its cores")
    return benchmark.by_core(said.text)
