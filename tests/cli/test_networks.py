"""The verbs on single networks: zoo, show, measure, compare, export."""

import json
from pathlib import Path

import numpy as np
import pytest

from cli.conftest import Cli
from pocketnas.run.folder import save_weights
from pocketnas.tflite import write
from pocketnas.train.network import Network, weights_of
from pocketnas.zoo import mobilenet_v2

PNG = b"\x89PNG"


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small MobileNetV2's weights, as this project saves them."""
    path = tmp_path_factory.mktemp("weights") / "own.safetensors"
    network = Network(mobilenet_v2(width=0.35, classes=3).graph())
    save_weights(path, weights_of(network))
    return path


def test_zoo_lists_every_network_with_its_facts(cli: Cli, tmp_path: Path) -> None:
    rows = json.loads(cli("zoo", "--json", cwd=tmp_path).stdout)
    found = {row["name"]: row for row in rows}
    for name in ("mnasnet_a1", "mobilenet_v3_large", "efficientnet_b0", "nasnet_a_mobile"):
        assert found[name].keys() == {
            *("name", "family", "resolution", "params", "madds", "top1", "source"),
        }
    assert found["resnet50"]["params"] == 25_557_032
    assert found["mnasnet_a1"]["top1"] == 75.2
    assert all(row["source"] for row in rows if row["top1"] is not None)


def test_zoo_shows_one_family(cli: Cli, tmp_path: Path) -> None:
    done = cli("zoo", "--family", "resnet", cwd=tmp_path)
    assert "resnet152" in done.stdout
    assert "mobilenet" not in done.stdout
    done = cli("zoo", "--family", "resnets", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "'resnets', did you mean resnet" in done.stderr


def test_show_says_what_each_stage_costs(cli: Cli, tmp_path: Path) -> None:
    done = cli(
        *("show", "mobilenet_v3_large", "--resolution", "32", "--json", "--png", "v3.png"),
        cwd=tmp_path,
    )
    shown = json.loads(done.stdout)
    assert shown["params"] == sum(stage["params"] for stage in shown["stages"]) == 5_483_032
    assert shown["madds"] == sum(stage["madds"] for stage in shown["stages"])
    assert sum(stage["latency_share"] for stage in shown["stages"]) == pytest.approx(1)
    assert shown["lines"][0] == "in_p32_c3"
    assert (tmp_path / "v3.png").read_bytes().startswith(PNG)
    done = cli("show", "resnet18", "--no-latency", cwd=tmp_path)
    assert "ba_r2_s2_c128" in done.stdout
    assert "11,689,512 parameters" in done.stdout


def test_measure_networks_and_files(cli: Cli, tmp_path: Path) -> None:
    small = mobilenet_v2(resolution=32, width=0.35)
    (tmp_path / "small.tflite").write_bytes(write(small.graph()))
    (tmp_path / "small.json").write_text(json.dumps(small.to_dict()))
    done = cli(
        *("measure", "small.tflite", "small.json", "--seconds", "0.3", "--json"), cwd=tmp_path
    )
    file, network = json.loads(done.stdout)
    assert file["name"] == "small.tflite"
    assert file["params"] is None
    assert network["params"] == 1_677_128
    assert 0.5 < file["latency"]["ratio"] / network["latency"]["ratio"] < 2
    assert file["partitions"] == 1
    assert sum(op["share"] for op in file["ops"]) == pytest.approx(1)
    done = cli("measure", "small.json", "--seconds", "0.3", "--ops", "2", cwd=tmp_path)
    assert "1 piece" in done.stdout
    assert "operators alone, the slowest 2" in done.stdout
    assert (
        done.stdout.count("stages.") + done.stdout.count("head.") + done.stdout.count("stem") == 2
    )


def test_measure_warns_of_what_splits_the_delegate(cli: Cli, tmp_path: Path) -> None:
    done = cli(
        *("measure", "mobilenet_v3_small", "--resolution", "32", "--int8", "--ops", "0"),
        *("--seconds", "0.3"),
        cwd=tmp_path,
    )
    assert "warning: mobilenet_v3_small: XNNPACK does not take" in done.stdout
    assert "HARD_SWISH" in done.stdout


def test_compare_draws_accuracy_against_latency(cli: Cli, tmp_path: Path) -> None:
    done = cli(
        *("compare", "mobilenet_v2", "mnasnet_a1", "--resolution", "32", "--seconds", "0.3"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "75.2 %" in done.stdout
    assert "Pixel 1" in done.stdout
    assert (tmp_path / "compare.png").read_bytes().startswith(PNG)


def test_figures_are_out_before_a_picture_fails(cli: Cli, tmp_path: Path) -> None:
    small = ("--resolution", "32", "--seconds", "0.3")
    compared = cli("compare", "mobilenet_v2", *small, "--png", "gone/c.png", cwd=tmp_path)
    shown = cli("show", "resnet18", "--no-latency", "--png", "gone/s.png", cwd=tmp_path)
    for done, figure in ((compared, "72.0 %"), (shown, "11,689,512")):
        assert done.returncode == 1
        assert figure in done.stdout
        assert done.stderr.startswith("pocketnas: gone/")
        assert done.stderr.count("\n") == 1


def test_export_float_and_int8(cli: Cli, tmp_path: Path, weights: Path, photos: Path) -> None:
    done = cli(
        *("export", "mobilenet_v2_0.35", "--weights", weights, "--resolution", "48", "--json"),
        cwd=tmp_path,
    )
    facts = json.loads(done.stdout)
    assert facts["check"]["agreement"] == 1
    assert "accuracy" not in facts["check"]  # of noise
    assert facts["input"]["shape"] == [1, 48, 48, 3]
    assert (tmp_path / "model.tflite").stat().st_size == facts["size_bytes"]
    pytest.importorskip("ai_edge_quantizer")
    done = cli(
        *("export", "mobilenet_v2_0.35", "--weights", weights, "--resolution", "48"),
        *("-o", "small.tflite", "--int8", "--calibrate", photos, "--images", "12"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "feed it 1×48×48×3: (pixel - 127.5) / 127.5" in done.stdout
    size = (tmp_path / "small.tflite").stat().st_size
    assert size < 0.4 * facts["size_bytes"]
    float_size = (tmp_path / "small_float.tflite").stat().st_size
    assert float_size == facts["size_bytes"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("show", "mnasnet_a"), "no network is called 'mnasnet_a', did you mean mnasnet_a1"),
        (("show", "mobilenet_v2_0"), "width must be a number above 0, got 0"),
        (("measure", "gone.tflite"), "gone.tflite: there is no such file"),
        (("measure", "gone.json"), "gone.json: cannot be read: No such file or directory"),
        (("measure", "text.json"), "text.json: is no JSON file"),
        (("measure", "list.json"), "list.json: architecture: needs an object with resolution"),
        (("show", "string.txt"), "string.txt: block string 'ir_e6_c8_zz': cannot read 'zz'"),
        (("show", "field.json"), "field.json: stem: ConvBlock: kernel must be odd, got 4"),
        (("show", "resnet18", "--resolution", "0"), "resolution must be a whole number from 1"),
        (("measure", "text.tflite", "--resolution", "9"), "--resolution is for networks"),
        (("measure", "resnet18", "--resolution", "32", "--threads", "0"), "threads must be"),
        (("measure", "text.tflite"), "text.tflite"),
        (("measure", "resnet18", "resnet18"), "resnet18 is named twice"),
        (("measure", "text.tflite", "--int8"), "text.tflite: --int8 is for networks"),
        (("export", "resnet18"), "needs --weights"),
        (("export", "resnet18", "--weights", "gone.pth"), "gone.pth: cannot be read"),
        (("export", "resnet18", "--weights", "text.json"), "text.json: is no PyTorch checkpoint"),
        (("show", "nasnet_a_mobile", "--resolution", "2"), "stem.conv.conv: a window of 3 does"),
    ],
)
def test_bad_input_gets_one_sentence(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "text.json").write_text("{")
    (tmp_path / "string.txt").write_text("in_p32_c3\ncn_c8\nir_e6_c8_zz\nhd_c8_n2_d0.0\n")
    bad = mobilenet_v2().to_dict()
    bad["stem"]["kernel"] = 4
    (tmp_path / "field.json").write_text(json.dumps(bad))
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "text.tflite").write_text("no flatbuffer")
    done = cli(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.startswith("pocketnas: ")
    assert done.stderr.count("\n") == 1


def test_int8_without_images_is_refused(cli: Cli, tmp_path: Path, weights: Path) -> None:
    done = cli("export", "mobilenet_v2_0.35", "--weights", weights, "--int8", cwd=tmp_path)
    assert done.returncode == 1
    assert "int8 needs --calibrate" in done.stderr
    assert np.array_equal(list(tmp_path.iterdir()), [])


def test_a_device_is_checked(cli: Cli, tmp_path: Path) -> None:
    done = cli("device", "check", "--seconds", "2", "--png", "aa.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "MobileNetV2 against itself, 5 times: ratio " in done.stdout
    assert "resolves" in done.stdout
    assert "\n- " in done.stdout
    assert (tmp_path / "aa.png").read_bytes().startswith(b"\x89PNG")
