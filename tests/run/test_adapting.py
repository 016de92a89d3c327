"""An adaptation on a device whose latency is a formula: it ends the same, whatever stops it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pocketnas.arch.notation import from_lines
from pocketnas.devices import Latency
from pocketnas.errors import DataError, DeviceError, SettingError, StudyError
from pocketnas.run.adapt import adapting
from pocketnas.run.adapt.config import AdaptConfig
from pocketnas.run.adapt.trail import stored_config
from pocketnas.run.folder import RunFolder, load_weights, save_weights, write_json
from pocketnas.train.network import Network, weights_of

LINES = ["in_p8_c3", "cn_k3_s2_c16", "ir_r2_k3_s1_x48_c16", "ir_k3_s2_x64_c24", "hd_c64_n2_d0.1"]


class Formula:
    """A device whose milliseconds are the size of the file; it can stop or fail on demand."""

    name = "formula"

    def __init__(self, reference: bytes, before: Callable[[], None]) -> None:
        self.reference_ms = self.calm_ms = len(reference) / 1e4
        self._before = before

    def __enter__(self) -> "Formula":
        return self

    def __exit__(self, *exception: object) -> None: ...

    def facts(self) -> dict[str, object]:
        return {"device": self.name, "reference_ms": self.reference_ms}

    def compare(self, models: Mapping[str, bytes], **settings: Any) -> dict[str, Latency]:
        self._before()
        return {name: self._latency(len(model) / 1e4) for name, model in models.items()}

    def _latency(self, ms: float) -> Latency:
        ratio = ms / self.reference_ms
        return Latency(
            milliseconds=ms, low=0.99 * ms, high=1.01 * ms, ratio=ratio, pairs=4, runs=8,
            threads=1, raw_median=ms, raw_p90=ms, raw_spread=0.0, reference_ms=self.reference_ms,
            reference_raw_median=self.reference_ms, device=self.name,
        )  # fmt: skip


class Log:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def begin(self, training: object, epochs: int) -> None: ...
    def stepped(self, training: object) -> None: ...
    def epoch(self, record: object, epochs: int) -> None: ...


@pytest.fixture
def start(tmp_path: Path) -> Path:
    """A network with weights, and 240 images of two classes that brightness tells apart."""
    noise = np.random.default_rng(0)
    for name, light in (("dark", 0), ("light", 100)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(260):
            pixels = noise.integers(light, light + 150, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    network = from_lines(LINES)
    write_json(tmp_path / "start.json", network.to_dict())
    save_weights(tmp_path / "start.safetensors", weights_of(Network(network.graph(), seed=1)))
    return tmp_path


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """The last function in it is called before each measurement."""
    hooks: list[Callable[[], None]] = [lambda: None]
    monkeypatch.setattr(
        adapting, "open_device", lambda word, model, **_: Formula(model, lambda: hooks[-1]())
    )
    monkeypatch.setattr(adapting, "render", lambda trail: None)  # drawn in tests/cli/test_adapt.py
    return hooks


def config(start: Path, **changes: Any) -> AdaptConfig:
    values: dict[str, Any] = {
        "network": str(start / "start.json"),
        "data": str(start / "photos"),
        "share": 0.75,
        "step": 0.06,
        "tune_steps": 3,
        "batch": 16,
        "epochs": 1,
        "workers": 1,
        "table_s": 5.0,
        "also": ("layer",),
    }
    return AdaptConfig(**(values | changes))


def adapted(folder: Path, settings: AdaptConfig) -> dict[str, Any]:
    return adapting.run(settings, RunFolder(folder), Log())


def test_stopped_anywhere_it_ends_in_the_same_network(
    start: Path, device: list[Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = adapted(start / "whole", config(start))
    trail = json.loads((start / "whole" / "adapt.json").read_text())
    assert whole["adapted"]["latency"]["ratio"] <= 0.75
    assert whole["steps"] == len(trail["steps"]) >= 3
    assert whole["adapted"]["accuracy"] > 0.8
    times = [trail["start"]["milliseconds"], *(step["milliseconds"] for step in trail["steps"])]
    assert times == sorted(times, reverse=True)
    for step in trail["steps"]:
        tried = [step["accuracy"], *(other["accuracy"] for other in step["others"])]
        assert len(tried) > 2
        assert step["predicted"] == pytest.approx(step["milliseconds"], rel=0.05)
    assert not (start / "whole" / "proposals").exists()
    assert len(list((start / "whole" / "steps").iterdir())) == 1

    written = 0

    def stop_in_a_round(file: Path, value: Any) -> None:
        nonlocal written
        write_json(file, value)
        written += 1
        if written in (2, 9):
            raise KeyboardInterrupt  # two proposals of a round are done, the others not

    monkeypatch.setattr("pocketnas.run.adapt.proposing.write_json", stop_in_a_round)
    settings, stops = config(start), 0
    while True:
        try:
            found = adapted(start / "stopped", settings)
            break
        except KeyboardInterrupt:
            stops += 1
            settings = stored_config(start / "stopped")
    assert stops == 2
    assert found["adapted"]["digest"] == whole["adapted"]["digest"]
    again = json.loads((start / "stopped" / "adapt.json").read_text())
    for one, other in zip(trail["steps"], again["steps"], strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    one, other = (load_weights(start / name / "best.safetensors") for name in ("whole", "stopped"))
    assert all(np.array_equal(one[key], other[key]) for key in one)


def test_a_device_that_vanishes_costs_nothing(
    start: Path, device: list[Callable[[], None]]
) -> None:
    measured = 0

    def vanish() -> None:
        nonlocal measured
        measured += 1
        if measured > 12 and (start / "run" / "adapt.json").exists():
            steps = json.loads((start / "run" / "adapt.json").read_text()).get("steps", [])
            if len(steps) == 2:
                raise DeviceError("android:X: the phone is gone")

    device.append(vanish)
    with pytest.raises(DeviceError, match="the phone is gone"):
        adapted(start / "run", config(start))
    device.append(lambda: None)
    found = adapted(start / "run", stored_config(start / "run"))
    assert found["adapted"]["latency"]["ratio"] <= 0.75


def test_from_scratch_in_the_end(start: Path, device: list[Callable[[], None]]) -> None:
    found = adapted(start / "run", config(start, then="scratch", share=0.9, also=()))
    about = json.loads((start / "run" / "best.json").read_text())
    assert about["recipe"]["name"] == "fast"
    assert about["config"]["weights"] is None
    assert found["adapted"]["digest"] == about["digest"]


def test_a_target_out_of_reach_leaves_the_best_so_far(
    start: Path, device: list[Callable[[], None]]
) -> None:
    found = adapted(start / "run", config(start, share=0.01, step=0.1))
    assert "the target of" in found["short"]
    assert "is out of reach" in found["short"]
    assert 0.01 < found["adapted"]["latency"]["ratio"] < 0.9
    assert (start / "run" / "best.tflite").exists()
    assert adapted(start / "run", stored_config(start / "run")) == found  # nothing is done again


def test_what_is_wrong_is_said(start: Path, device: list[Callable[[], None]]) -> None:
    with pytest.raises(StudyError, match=r"takes .* already; the target must be below"):
        adapted(start / "a", config(start, share=None, target_ms=1e6))
    with pytest.raises(DataError, match=r"only \d+ images are held out to choose by"):
        adapted(start / "c", config(start, hold_out=0.9))
    with pytest.raises(SettingError, match="needs --data; no images of its own"):
        adapted(start / "d", config(start, data=None))
    cells = from_lines(["in_p8_c3", "cn_c8", "ir_k3_s1_x8_c8", "hd_c8_n2_d0.1"])
    write_json(start / "narrow.json", cells.to_dict())
    save_weights(start / "narrow.safetensors", weights_of(Network(cells.graph())))
    with pytest.raises(StudyError, match="has no width that could shrink"):
        adapted(start / "e", config(start, network=str(start / "narrow.json")))
    three = from_lines([*LINES[:-1], "hd_c64_n3_d0.1"])
    write_json(start / "three.json", three.to_dict())
    save_weights(start / "three.safetensors", weights_of(Network(three.graph())))
    with pytest.raises(DataError, match=r"has 3 outputs .* has 2 classes"):
        adapted(start / "f", config(start, network=str(start / "three.json")))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"share": None}, "needs either --to"),
        ({"target_ms": 3.0}, "needs either --to"),
        ({"share": 1.5}, "share must be between 0 and 1, got 1.5"),
        ({"step": 0.0}, "step must be between 0 and 1, got 0.0"),
        ({"choose": "luck"}, "choose must be one of ratio, accuracy; got 'luck'"),
        ({"then": "sell"}, "then must be one of finetune, scratch; got 'sell'"),
        ({"also": ("depth",)}, "--also must be of kernel, se, layer; got 'depth'"),
        ({"device": "toaster"}, "--device must be host"),
        ({"recipe": "slow"}, "recipe"),
        ({"tune_steps": 0}, "tune_steps must be at least 1, got 0"),
    ],
)
def test_settings_are_checked(changes: dict[str, Any], sentence: str) -> None:
    values: dict[str, Any] = {"network": "mobilenet_v2", "share": 0.5}
    with pytest.raises(SettingError, match=sentence):
        AdaptConfig(**(values | changes))
