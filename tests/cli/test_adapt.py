"""The verb `adapt` on this computer: from a training to a smaller file, through a kill -9."""

import json
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from PIL import Image

from cli.conftest import TINY, Cli
from pocketnas.errors import DataError
from pocketnas.run.config import RunConfig
from pocketnas.run.folder import RunFolder

SMALL = """in_p24_c3
cn_r1_k3_s2_c16_nr6
ir_r1_k3_s2_e4_c24_nr6
ir_r2_k3_s1_e4_c32_nr6
hd_c128_n2_d0.1_nr6
"""


@pytest.fixture(autouse=True)
def noisy_photos(tmp_path: Path) -> None:
    """Two classes, dark and light, in `photos`."""
    noise = np.random.default_rng(0)
    for name, light in (("dark", 0), ("light", 100)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(240):
            pixels = noise.integers(light, light + 150, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")


def test_adapts_a_training_and_goes_on_after_sigkill(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "net.txt").write_text(SMALL)
    done = cli(
        *("train", "net.txt", "--data", "photos", "--resolution", "24"),
        *("--epochs", "2", "--out", "start"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    settings = ("--to", "0.85", "--step", "0.08", "--tune-steps", "2", "--epochs", "1")
    short = ("--table-seconds", "2", "--measure-seconds", "0.3", "--out", "small")
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", "from pocketnas.cli.main import main; main()"),
            *("adapt", "start", *settings, *short),
        ],
        cwd=tmp_path,
        env=os.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    folder = tmp_path / "small"
    while process.poll() is None and not list(folder.glob("proposals/*.json")):
        sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {file.name for file in folder.glob("proposals/*.json")}
    assert before
    done = cli("adapt", "--resume", "small", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    start, end = found["start"], found["adapted"]
    assert end["parameters"] < start["parameters"]
    assert end["latency"]["milliseconds"] < 0.95 * start["latency"]["milliseconds"]
    assert end["accuracy"] > 0.7
    assert found["tested_on"] == 48
    assert (folder / "shrinking.png").read_bytes().startswith(b"\x89PNG")

    scored = json.loads(cli("evaluate", "small", "--json", cwd=tmp_path).stdout)
    assert scored[0]["images"] == 96
    (folder / "report.html").unlink()
    assert cli("report", "small", cwd=tmp_path).stdout.strip() == str(folder / "report.html")
    assert (folder / "report.html").stat().st_size > 10**6


def test_search_adapts_its_winner(cli: Cli, tmp_path: Path) -> None:
    """MobileNetV3's flow as one command."""
    settings = ("search", "--data", "photos", "--resolution", "24", *TINY, "--control", "0")
    flow = ("--adapt", "0.96", "--then", "scratch", "--measure-seconds", "0.05", "--out", "flow")
    done = cli(*settings, *flow, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found, folder = json.loads(done.stdout), tmp_path / "flow"
    assert (folder / "best.tflite").exists()
    assert (folder / "adapted" / "best.tflite").exists()
    assert found["adapted"]["adapted"]["parameters"] < found["adapted"]["start"]["parameters"]
    assert found["adapted"]["start"]["digest"] == found["rows"][0]["digest"]


def test_too_few_to_choose_are_told_before_the_search(cli: Cli, tmp_path: Path) -> None:
    for file in [*(tmp_path / "photos").rglob("*.png")][::4]:
        file.unlink()
    for file in [*(tmp_path / "photos").rglob("*.png")][::2]:
        file.unlink()
    settings = ("search", "--data", "photos", "--resolution", "24", *TINY, "--adapt", "0.9")
    done = cli(*settings, "--out", "flow", cwd=tmp_path)
    assert done.returncode == 1
    assert "18 images are held out to choose by, at least 40" in done.stderr
    assert "trained" not in done.stdout
    assert not (tmp_path / "flow").exists()


def test_a_finished_search_outlives_its_adaptation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in the second half, the first half's folder stays."""
    verb = import_module("pocketnas.cli.search")

    def searched(config: RunConfig, folder: RunFolder, watch: object) -> None:
        folder.model.write_bytes(b"the winner")

    def fails(*_: object, **__: object) -> None:
        raise DataError("these images are gone")

    monkeypatch.setattr("pocketnas.run.pipeline.run", searched)
    monkeypatch.setattr("pocketnas.cli.table.print_summary", lambda *_, **__: None)
    monkeypatch.setattr(verb, "_adapted", fails)
    with pytest.raises(DataError, match="these images are gone"):
        verb.search(
            data="photos", adapt=0.5, out=tmp_path / "run", limit=None, halving=False, int8=False,
            **dict.fromkeys(("trials", "control", "resume", "grow")), json_=False,
        )  # fmt: skip
    assert (tmp_path / "run" / "best.tflite").read_bytes() == b"the winner"


def test_what_is_wrong_is_one_sentence(cli: Cli, tmp_path: Path) -> None:
    for words, arguments in (
        ("needs a network, or --resume", ()),
        ("needs either --to", ("mobilenet_v2",)),
        ("needs --weights", ("mobilenet_v2", "--to", "0.5")),
        ("holds no adaptation", ("--resume", str(tmp_path))),
    ):
        done = cli("adapt", *arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert words in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert not list(tmp_path.glob("runs/*"))
