"""The device that a user names: this computer, a board, a phone."""

from pathlib import Path

from pocketnas.devices import android, litert
from pocketnas.devices.android import AndroidDevice
from pocketnas.devices.benchmark import DOWNLOAD
from pocketnas.devices.device import Device
from pocketnas.devices.fleet import Fleet
from pocketnas.devices.host import HostDevice
from pocketnas.devices.ssh import SshDevice
from pocketnas.errors import SettingError

HOST, SSH, ANDROID = "host", "ssh", "android"


def check_device(word: str, program: str | None = None) -> None:
    """Looks at the name alone: whether the device is there shows later.

    Args:
        word: as for `open_device`.
        program: as for `open_device`.

    Raises:
        SettingError: no device is called so, or a phone lacks its program.
    """
    words = word.split(",")
    for each in words:
        kind, _, place = each.partition(":")
        if each not in (HOST, ANDROID) and not (kind in (SSH, ANDROID) and place):
            raise SettingError(
                "--device must be host (this computer), ssh:user@board (a Linux board) or"
                f" android:SERIAL (a phone on adb), or several alike with commas; got {each!r}"
            )
    kinds = {each.partition(":")[0] for each in words}
    if len(words) > 1 and (len(kinds) > 1 or len(set(words)) < len(words) or HOST in kinds):
        raise SettingError(
            f"--device: several must be different phones, or different boards; got {word!r}"
        )
    if ANDROID in kinds and program is None:
        raise SettingError(
            f"--device {word} needs --benchmark-model FILE, Google's benchmark_model for Android;"
            f" it can be downloaded from {DOWNLOAD}"
        )


def open_device(
    word: str,
    reference: bytes,
    *,
    threads: int = 1,
    reference_ms: float | None = None,
    program: str | None = None,
    budget_s: float | None = None,
) -> Device:
    """The device called `word`, ready to measure.

    Args:
        word: `host`, `ssh:user@board:port`, `android:SERIAL`, or `android` if there is one phone;
            several phones, or boards, of one model with commas between them are a `Fleet`.
        reference: the `.tflite` that all others are compared with.
        threads: of the runtime.
        reference_ms: the reference's calm latency, of an earlier session; None to calibrate.
        program: the file of `benchmark_model`, for a phone.
        budget_s: seconds at most for each measurement; None: the device's own.

    Raises:
        SettingError: no device is called so, or a phone lacks its program.
        DeviceError: it cannot be reached, or is not prepared.
    """
    check_device(word, program)
    opened: list[Device] = []
    try:
        for each in word.split(","):
            scale = opened[0].reference_ms if opened else reference_ms
            opened.append(_open(each, reference, threads, scale, program, budget_s))
        return opened[0] if len(opened) == 1 else Fleet(opened)
    except BaseException:
        for device in opened:
            device.close()
        raise


def _open(
    word: str,
    reference: bytes,
    threads: int,
    reference_ms: float | None,
    program: str | None,
    budget_s: float | None,
) -> Device:
    kind, _, place = word.partition(":")
    if kind == ANDROID and program is not None:
        return AndroidDevice(
            place or None,
            Path(program),
            reference,
            threads=threads,
            reference_ms=reference_ms,
            budget_s=budget_s or android.BUDGET_S,
        )
    seconds = budget_s or litert.BUDGET_S
    if kind == SSH:
        return SshDevice(
            word, reference, threads=threads, reference_ms=reference_ms, budget_s=seconds
        )
    return HostDevice(reference, threads=threads, reference_ms=reference_ms, budget_s=seconds)
