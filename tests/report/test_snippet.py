"""The program on the page runs."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pocketnas.arch.notation import from_lines
from pocketnas.report.snippet import loading_snippet
from pocketnas.report.summary import Summary

CLASSES = ["bee", "Käfer", "猫", 'a "quoted" one']


@pytest.mark.parametrize("channels", [1, 3])
def test_runs_on_a_written_model(
    channels: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write = pytest.importorskip("pocketnas.tflite.writer").write
    interpreter = pytest.importorskip("ai_edge_litert.interpreter").Interpreter
    lines = [f"in_p16_c{channels}", "cn_r1_k3_s2_c8", "ir_r1_k3_s1_e3_c8", "hd_c16_n4_d0.0"]
    model = write(from_lines(lines).graph())
    image = {"shape": [1, 16, 16, channels], "mean": [127.5], "std": [127.5]}
    about = {"classes": CLASSES, "input": image}
    (tmp_path / "best.tflite").write_bytes(model)
    (tmp_path / "best.json").write_text(json.dumps(about), encoding="utf-8")
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    photo = np.zeros((16, 40, 3), np.uint8)  # wide: the centre is what the network shall see
    photo[:, 12:28] = pixels
    Image.fromarray(photo).save(tmp_path / "photo.png")

    monkeypatch.chdir(tmp_path)
    exec(compile(loading_snippet(channels=channels, image="photo.png"), "snippet", "exec"), {})
    said = re.fullmatch(r"(.+): (\d+\.\d)%\n", capsys.readouterr().out)
    assert said

    net = interpreter(model_content=model)
    net.allocate_tensors()
    seen = Image.fromarray(pixels).convert("L" if channels == 1 else "RGB")
    values = np.asarray(seen, np.float32).reshape(1, 16, 16, channels) / 127.5 - 1
    net.set_tensor(net.get_input_details()[0]["index"], values)
    net.invoke()
    logits = net.get_tensor(net.get_output_details()[0]["index"])[0]
    assert said[1] == CLASSES[int(logits.argmax())]
    odds = np.exp(logits - logits.max())
    assert float(said[2]) == pytest.approx(100 * odds.max() / odds.sum(), abs=0.1)


def test_asks_only_for_what_best_json_has(summary: Summary) -> None:
    about = pytest.importorskip("pocketnas.run.ship").about(summary)
    assert about["classes"] == summary.data["classes"]
    assert about["input"]["shape"] == [1, 28, 28, 1]
    assert {"mean", "std"} <= about["input"].keys()
    assert about["limits"] == []


def test_names_what_it_is_given() -> None:
    text = loading_snippet(model='a"b.tflite', about="ä.json", image="c.jpg", threads=4)
    compile(text, "snippet", "exec")
    assert '"ä.json"' in text
    assert "num_threads=4" in text
    assert len(text.splitlines()) <= 20
