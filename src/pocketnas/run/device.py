"""The device that a user names: this computer, or a board."""

from pocketnas.devices.host import HostDevice
from pocketnas.devices.litert import LiteRtDevice
from pocketnas.devices.ssh import SshDevice
from pocketnas.errors import SettingError

HOST, SSH = "host", "ssh:"


def check_device(word: str) -> None:
    """Raises SettingError unless `word` is how a device is named, there or not."""
    if word != HOST and not (word.startswith(SSH) and word != SSH):
        raise SettingError(
            f"--device must be {HOST} (this computer) or {SSH}user@board (a Linux board);"
            f" got {word!r}"
        )


def open_device(
    word: str, reference: bytes, *, threads: int = 1, reference_ms: float | None = None
) -> LiteRtDevice:
    """The device called `word`, ready to measure.

    Args:
        word: `host`, or `ssh:user@board:port`.
        reference: the `.tflite` that all others are compared with.
        threads: of the runtime.
        reference_ms: the reference's calm latency, of an earlier session; None to calibrate.

    Raises:
        SettingError: no device is called so.
        DeviceError: it cannot be reached, or is not prepared.
    """
    check_device(word)
    if word == HOST:
        return HostDevice(reference, threads=threads, reference_ms=reference_ms)
    return SshDevice(word, reference, threads=threads, reference_ms=reference_ms)
