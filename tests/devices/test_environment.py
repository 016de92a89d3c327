"""Python and LiteRT on a board that a real OpenSSH server shows: tests/devices/sshd.py."""

import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from contracts.device import REFERENCE, SMALL
from devices.sshd import Board, refusal
from pocketnas.devices.environment import prepare
from pocketnas.devices.ssh import SshDevice
from pocketnas.errors import DeviceError

QUICK: dict[str, float] = {"reference_ms": 1.0, "budget_s": 0.15}
# Python 3.8's greeting: there is none here that could greet.
OLD = """#!/bin/sh
echo 'pocketnas {"pid": 1, "python": [3, 8, 18], "litert": false}'
"""


def test_a_board_without_python(idle: Board) -> None:
    idle.python3("")
    (idle.folder / "bin/python3").unlink()
    idle.start()
    assert "python3 does not start there: " in (sentence := refusal(idle))
    assert sentence.endswith("not found")
    assert idle.is_left()


def test_a_board_with_an_old_python(idle: Board) -> None:
    idle.python3(OLD)
    idle.start()
    assert refusal(idle).endswith("its Python 3.8.18 is too old; 3.9 or later is needed")
    assert idle.is_left()


@pytest.fixture
def bare(idle: Board) -> Board:
    """A board whose Python has nothing installed."""
    idle.python3(f'#!/bin/sh\nexec {sys.base_prefix}/bin/python3 -S "$@"')
    return idle


def index(folder: Path) -> dict[str, str]:
    """A pip's environment with a wheel of our own that leads to the LiteRT installed here.

    So the installation needs no network and takes a second, and yet ends in the real LiteRT.
    """
    name = f"ai_edge_litert-{version('ai-edge-litert')}"
    files = {
        "elsewhere.pth": f"{sysconfig.get_path('purelib')}\n",
        f"{name}.dist-info/METADATA": "Metadata-Version: 2.1\nName: ai-edge-litert\n"
        f"Version: {version('ai-edge-litert')}\n",
        f"{name}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{name}.dist-info/RECORD"] = "".join(f"{path},,\n" for path in files)
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


def test_a_board_without_litert_is_prepared(bare: Board) -> None:
    bare.environment = index(bare.folder)
    bare.start()
    assert f"no ai-edge-litert; `pocketnas device prepare {bare.address}` installs" in refusal(bare)
    heard: list[str] = []
    made = prepare(bare.address, heard.append)
    assert made.startswith(f"ai-edge-litert {version('ai-edge-litert')} with Python 3.")
    assert [words.split()[0] for words in heard] == ["making", "installing"]
    assert bare.is_left()
    folder = ".cache/pocketnas/litert"
    outside = {path for path in bare.files() if not path.startswith(folder)}
    assert outside == {"tmp", ".cache", ".cache/pocketnas"}
    with SshDevice(bare.address, REFERENCE, **QUICK) as device:
        assert device.measure(SMALL).milliseconds > 0


def unprepared(board: Board) -> str:
    """The sentence with which it is not prepared; nothing is left of the attempt."""
    with pytest.raises(DeviceError) as caught:
        prepare(board.address, lambda words: None)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert board.is_left()
    assert board.files() <= {"tmp", ".cache", ".cache/pocketnas"}
    return sentence


def test_a_board_for_which_there_is_no_litert(bare: Board) -> None:
    bare.environment = {"PIP_NO_INDEX": "1"}
    bare.start()
    assert "cannot be prepared: ERROR: No matching distribution found" in unprepared(bare)


@pytest.mark.parametrize(
    ("says", "sentence"),
    [
        (  # Debian's words
            """The virtual environment was not created successfully because ensurepip is not
available.  On Debian/Ubuntu systems, you need to install the python3-venv
package using the following command.

    apt install python3.11-venv

Failing command: /root/.cache/pocketnas/litert/bin/python3""",
            "apt install python3.11-venv",
        ),
        ("one\ntwo", "two"),
        ("", "it ended without a word"),
    ],
)
def test_a_board_that_cannot_make_environments(idle: Board, says: str, sentence: str) -> None:
    idle.python3(
        f"""#!/bin/sh
        [ "$2" != venv ] || {{ echo '{says}'; exit 1; }}
        exec {sys.base_prefix}/bin/python3 -S "$@"
        """
    )
    idle.start()
    assert unprepared(idle).endswith(f"cannot be prepared: {sentence}")


def test_a_board_too_old_is_not_prepared(idle: Board) -> None:
    idle.python3(OLD)
    idle.start()
    assert "its Python 3.8.18 is too old" in unprepared(idle)


@pytest.fixture
def full(bare: Board) -> Board:
    """A board whose disk is full: in its server's eyes alone, a mount of its own in that place."""
    fill = 'mount -t tmpfs -o size=64k none "$0"; mkdir "$0/tmp"; cat /dev/zero > "$0/fill"; "$@"'
    alone = ["unshare", "--mount", "sh", "-c"]
    if subprocess.run([*alone, 'mount -t tmpfs none "$0"', bare.home], check=False).returncode:
        pytest.skip("a full disk needs the right to mount one: run as root")
    bare.wrapper = [*alone, fill.replace('"$@"', 'exec "$@"'), str(bare.home)]
    return bare


def test_a_full_disk_is_no_hindrance_to_measuring(full: Board) -> None:
    full.path = [str(Path(sys.executable).parent), *full.path]
    full.start()
    with SshDevice(full.address, REFERENCE, **QUICK) as device:
        assert device.measure(SMALL).milliseconds > 0


def test_a_board_whose_disk_is_full_is_not_prepared(full: Board) -> None:
    full.environment = index(full.folder)
    full.start()
    assert "No space left on device" in unprepared(full)
