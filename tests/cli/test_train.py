"""The verbs of training: recipes, train."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import numpy as np

from cli.conftest import Cli
from pocketnas.run.folder import load_weights


def test_recipes_say_their_numbers_and_sources(cli: Cli, tmp_path: Path) -> None:
    text = cli("recipes", cwd=tmp_path).stdout
    assert "RMSProp 0.9, momentum 0.9, epsilon 0.001; learning rate 0.064, ×0.97 every 2.4" in text
    found = json.loads(cli("recipes", "--json", cwd=tmp_path).stdout)
    assert found["mnasnet"]["norm_momentum"] == 0.99
    assert all(recipe["source"] for recipe in found.values())


def test_trains_goes_on_after_sigkill_and_fine_tunes(
    cli: Cli, photos: Path, tmp_path: Path
) -> None:
    settings = ("mobilenet_v2_0.1", "--data", photos, "--resolution", "16", "--epochs", "3")
    whole = cli("train", *settings, "--out", "whole", "--json", cwd=tmp_path, OMP_NUM_THREADS="1")
    assert whole.returncode == 0, whole.stderr
    said = json.loads(whole.stdout)
    assert said["data"]["train"] + said["data"]["test"] == 60
    folder = tmp_path / "whole"
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")

    killed = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "-c", "from pocketnas.cli.main import main; main()", "train"]
        + [str(word) for word in (*settings, "--out", "killed")],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not (killed / "checkpoint.pt").exists():
        sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = cli("train", "--resume", "killed", cwd=tmp_path, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    expected, found = (load_weights(path / "best.safetensors") for path in (folder, killed))
    assert all(np.array_equal(found[key], expected[key]) for key in expected)

    tuned = cli(
        *("train", "mobilenet_v2_0.1", "--data", photos, "--resolution", "16", "--epochs", "1"),
        *("--smallest", "2", "--weights", folder / "best.safetensors", "--out", "tuned"),
        cwd=tmp_path,
    )
    assert tuned.returncode == 0, tuned.stderr
    assert "recipe finetune, 1 epochs" in tuned.stdout
    about = json.loads((tmp_path / "tuned" / "best.json").read_text())
    about["input"] |= {"mean": [127.0], "std": [128.0]}  # as of EfficientNet-Lite's weights
    (tmp_path / "tuned" / "best.json").write_text(json.dumps(about))
    written = cli("export", "tuned", "-o", "tuned.tflite", cwd=tmp_path)
    assert "(pixel - 127) / 128" in written.stdout, written.stderr
    shown = cli("show", "tuned", "--no-latency", "--json", cwd=tmp_path)
    assert json.loads(shown.stdout)["resolution"] == 16


def test_what_is_wrong_is_one_sentence(cli: Cli, photos: Path, tmp_path: Path) -> None:
    for words, arguments in (
        ("recipe: there is no 'slow'; there are fast", ("--recipe", "slow")),
        ("epochs must be at least 1, got 0", ("--epochs", "0")),
        ("cannot be read", ("--weights", "missing.pth")),
        ("--device: must be one of cpu", ("--device", "tpu")),
        ("precision bfloat16 needs a GPU", ("--precision", "bfloat16", "--device", "cpu")),
    ):
        done = cli(
            *("train", "mobilenet_v2_0.1", "--data", photos, "--resolution", "16", *arguments),
            cwd=tmp_path,
        )
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert not list(tmp_path.glob("runs/*"))
    done = cli("train", cwd=tmp_path)
    assert "needs a network and --data, or --resume" in done.stderr
    done = cli("train", "--resume", tmp_path, cwd=tmp_path)
    assert "holds no training (no settings.json)" in done.stderr
