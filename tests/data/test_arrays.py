import numpy as np
import pytest

from pocketnas.data.load import load
from pocketnas.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (24, 8, 8), dtype=np.uint8)
RGB = RNG.integers(0, 256, (24, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(24) % 2


def test_grey_stays_grey_at_its_own_side(tmp_path):
    np.savez(tmp_path / "set.npz", images=GREY, labels=LABELS + 3)
    images = load(tmp_path / "set.npz")
    assert (images.name, images.classes, images.channels) == ("set", ("3", "4"), 1)
    assert np.array_equal(images.pixels[..., 0], GREY)
    assert images.labels.tolist() == LABELS.tolist()
    assert images.presplit_test is None


def test_channels_first_labels_in_a_column_and_a_test_set(tmp_path):
    first, column = RGB.transpose(0, 3, 1, 2), LABELS[:, None]
    np.savez_compressed(
        tmp_path / "set.npz", x_train=first, y_train=column, x_test=first[:4], y_test=column[:4]
    )
    images = load(tmp_path / "set.npz")
    assert np.array_equal(images.pixels[:24], RGB)
    assert images.presplit_test.tolist() == [24, 25, 26, 27]


def test_a_folder_resized_with_class_names_in_a_cache(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    np.save(root / "images.npy", np.full((24, 8, 12, 3), 77, np.uint8))
    np.save(root / "labels.npy", LABELS)
    np.save(root / "classes.npy", np.array(["cat", "dog"]))
    assert load(root).resolution == 8
    images = load(root, resolution=4, cache=tmp_path / "cache")
    assert images.classes == ("cat", "dog")
    assert images.pixels.shape == (24, 4, 4, 3)
    assert np.all(images.pixels == 77)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({"images": GREY}, "expected one array called labels or y or y_train, got images"),
        ({"x": GREY.astype(float), "y": LABELS}, r"must be uint8 .* got float64 \(24, 8, 8\)"),
        ({"x": RGB[..., :2], "y": LABELS}, r"1 or 3 channels .* got uint8 \(24, 8, 8, 2\)"),
        ({"x": RGB[:, :3], "y": LABELS}, r"which axis of \(24, 3, 8, 3\) holds the channels"),
        ({"x": GREY, "y": LABELS[:9]}, r"one label for each image .* labels \(9,\)"),
        ({"x": GREY, "y": LABELS * 0.5}, "labels must be integers or strings"),
        ({"x": GREY, "y": LABELS, "classes": ["a"]}, r"indices into the 1 classes, got 0\.\.1"),
        ({"x": GREY, "y": LABELS, "classes": ["a", "b", "c"]}, "class 'c' has 0 readable images"),
        ({"x": GREY, "y": LABELS * 0}, "expected at least two classes, got 1"),
        ({"x": GREY, "y": LABELS, "x_test": GREY}, "expected one array called y_test"),
        ({"x": GREY, "y": np.array([{}] * 24, dtype=object)}, "cannot be read .*allow_pickle"),
    ],
)
def test_refusals(tmp_path, held, words):
    np.savez(tmp_path / "set.npz", **held)
    with pytest.raises(DataError, match=words) as caught:
        load(tmp_path / "set.npz")
    assert str(caught.value).startswith(str(tmp_path / "set.npz"))
    assert "\n" not in str(caught.value)


def test_a_torn_file(tmp_path):
    np.savez(tmp_path / "set.npz", images=GREY, labels=LABELS)
    data = (tmp_path / "set.npz").read_bytes()
    (tmp_path / "set.npz").write_bytes(data[:900])
    with pytest.raises(DataError, match=r"set\.npz: the arrays cannot be read"):
        load(tmp_path / "set.npz")
