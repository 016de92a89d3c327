"""Data sets of Hugging Face's: saved ones for real, the hub as far as it can be without one."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pocketnas.data.hub import from_hub
from pocketnas.data.load import load, located
from pocketnas.errors import DataError

datasets = pytest.importorskip("datasets")

NAMES = ("ant", "bee", "cow")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 14 photos, of which 2 are for testing."""
    root = tmp_path_factory.mktemp("photos")
    noise = np.random.default_rng(0)
    for name in NAMES:
        for i in range(14):
            folder = root / ("test" if i < 2 else "train") / name
            folder.mkdir(parents=True, exist_ok=True)
            pixels = noise.integers(0, 256, (20, 30, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return root


def table(root: Path, split: str, label=NAMES.index, **more):
    files = sorted((root / split).glob("*/*.png"))
    values = {
        "image": [{"bytes": file.read_bytes(), "path": None} for file in files],
        "label": [label(file.parent.name) for file in files],
        **{name: [value] * len(files) for name, value in more.items()},
    }
    return datasets.Dataset.from_dict(values).cast_column("image", datasets.Image())


def named(found):
    return found.cast_column("label", datasets.ClassLabel(names=list(NAMES)))


def test_it_is_what_the_same_folders_are(photos: Path, tmp_path: Path) -> None:
    """Splits, classes, pixels: all alike."""
    both = {split: named(table(photos, split)) for split in ("test", "train")}
    datasets.DatasetDict(both).save_to_disk(str(tmp_path / "set"))
    found, expected = load(tmp_path / "set", resolution=12), load(photos, resolution=12)
    assert found.name == "set"
    assert found.classes == expected.classes == NAMES
    assert found.presplit_test is not None
    assert expected.presplit_test is not None
    assert len(found.presplit_test) == len(expected.presplit_test) == 6

    def rows(images):
        test = set(images.presplit_test.tolist())
        pairs = zip(images.pixels, images.labels.tolist(), strict=True)
        return sorted((i in test, y, x.tobytes()) for i, (x, y) in enumerate(pairs))

    assert rows(found) == rows(expected)


def test_one_split_and_labels_that_are_words(photos: Path, tmp_path: Path) -> None:
    table(photos, "train", label=str.upper, size=3).save_to_disk(str(tmp_path / "set"))
    found = load(str(tmp_path / "set"), resolution=8, cache=tmp_path / "cache")
    assert found.classes == ("ANT", "BEE", "COW")
    assert found.presplit_test is None
    assert found.pixels.shape == (36, 8, 8, 3)
    again = load(str(tmp_path / "set"), resolution=8, cache=tmp_path / "cache")
    assert np.array_equal(again.pixels, found.pixels)


def test_what_cannot_be_decoded_is_skipped(photos: Path, tmp_path: Path) -> None:
    whole = table(photos, "train").to_list()
    raw = datasets.Dataset.from_list(
        [
            {"label": row["label"], "image": {"bytes": data, "path": None}}
            for row, data in zip(
                whole,
                [b"no image", *(_png(row["image"]) for row in whole[1:])],
                strict=True,
            )
        ]
    ).cast_column("image", datasets.Image())
    named(raw).save_to_disk(str(tmp_path / "set"))
    found = load(tmp_path / "set", resolution=8)
    assert len(found) == 35
    assert found.skipped == ("train/0: not an image, or damaged from its first bytes",)


def _png(cell) -> bytes:
    if isinstance(cell, dict):
        return cell["bytes"]
    from io import BytesIO

    buffer = BytesIO()
    cell.save(buffer, "PNG")
    return buffer.getvalue()


def test_what_is_wrong_is_one_sentence(photos: Path, tmp_path: Path) -> None:
    def refused(found, name: str) -> str:
        found.save_to_disk(str(tmp_path / name))
        with pytest.raises(DataError) as caught:
            load(tmp_path / name, resolution=8)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    plain = table(photos, "train")
    text = refused(plain.remove_columns("label"), "unlabelled")
    assert "which column holds the labels cannot be told" in text
    assert text.endswith("got image")
    text = refused(plain.remove_columns("image"), "blind")
    assert "which column holds the images cannot be told" in text
    text = refused(table(photos, "train", label=lambda name: None), "none")
    assert "some images have no label" in text
    text = refused(table(photos, "train", label=lambda name: 0.5), "half")
    assert "holds no whole numbers and no names" in text
    assert "has 2 readable images" in refused(named(table(photos, "test")), "few")
    (tmp_path / "few" / "state.json").write_text(json.dumps({}))
    with pytest.raises(DataError, match="cannot be read as a saved data set"):
        load(tmp_path / "few", resolution=8)


def test_a_hub_out_of_reach_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError, match="hf:nobody/nothing: cannot be fetched from the hub"):
        load("hf:nobody/nothing", resolution=8)
    assert located("hf:nobody/nothing:small") == "hf:nobody/nothing:small"
    assert from_hub("hf:nobody/nothing:small").name == "nothing"


def test_without_the_package_it_says_what_to_install(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(DataError, match=r"pip install 'pocketnas\[hf\]'"):
        load("hf:some/set", resolution=8)
