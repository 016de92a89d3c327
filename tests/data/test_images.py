import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketnas.data.images import Images, split
from pocketnas.errors import DataError


def images_of(labels, classes=None, presplit_test=None):
    labels = np.asarray(labels, dtype=np.int64)
    classes = classes or tuple(f"c{i}" for i in range(labels.max() + 1))
    pixels = np.arange(len(labels) * 12, dtype=np.uint32).astype(np.uint8).reshape(-1, 2, 2, 3)
    return Images("toy", pixels, labels, classes, (), presplit_test)


def test_properties():
    images = images_of([0, 0, 1])
    assert (len(images), images.resolution, images.channels) == (3, 2, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pixels": np.zeros((3, 2, 2, 3), np.float32)}, "pixels must be uint8.*float32"),
        ({"pixels": np.zeros((3, 2, 4, 3), np.uint8)}, r"side, side.*\(3, 2, 4, 3\)"),
        ({"labels": np.zeros(2, np.int64)}, r"labels must be int64 \(3,\), got int64 \(2,\)"),
        ({"labels": np.zeros(3, np.int32)}, "got int32"),
        ({"labels": np.array([0, 1, 2])}, r"labels must lie in 0\.\.1, got 0\.\.2"),
        ({"labels": np.array([0, 1, -1])}, r"got -1\.\.1"),
        ({"presplit_test": np.array([3])}, r"presplit_test must lie in 0\.\.2"),
        ({"classes": ()}, "at least one class"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, words):
    fields = {
        "name": "toy",
        "pixels": np.zeros((3, 2, 2, 3), np.uint8),
        "labels": np.zeros(3, np.int64),
        "classes": ("a", "b"),
    }
    with pytest.raises(DataError, match=f"toy: .*{words}"):
        Images(**{**fields, **change})


def test_digest_sees_pixels_labels_classes_and_test_set():
    base = images_of([0] * 1500 + [1] * 1500)
    assert base.digest == images_of([0] * 1500 + [1] * 1500).digest
    pixels = base.pixels.copy()
    pixels[-1, -1, -1, -1] ^= 1
    others = [
        Images("toy", pixels, base.labels, base.classes),
        images_of([0] * 1499 + [1] * 1501),
        images_of([0] * 1500 + [1] * 1500, classes=("c0", "d1")),
        images_of([0] * 1500 + [1] * 1500, presplit_test=np.array([1])),
    ]
    assert len({base.digest, *(other.digest for other in others)}) == 5
    assert len(base.digest) == 64


def test_digest_does_not_depend_on_the_layout_in_memory():
    base = images_of([0, 0, 1])
    strided = np.asfortranarray(base.pixels)
    assert Images("x", strided, base.labels, base.classes).digest == base.digest


counts = st.lists(st.integers(3, 40), min_size=1, max_size=6)
shares = st.floats(0.01, 0.99)


@given(counts, st.integers(0, 2**40), shares, shares, st.randoms(use_true_random=False))
def test_split_is_disjoint_covering_stratified_and_deterministic(
    counts, seed, test, validation, random
):
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    random.shuffle(labels)
    images = images_of(labels, classes=tuple(f"c{i}" for i in range(len(counts))))
    parts = split(images, seed=seed, test=test, validation=validation)

    everything = np.concatenate([parts.train, parts.validation, parts.test])
    assert np.array_equal(np.sort(everything), np.arange(len(labels)))
    for part in (parts.train, parts.validation, parts.test):
        assert part.dtype == np.int64
        assert np.all(np.diff(part) > 0)
        assert set(images.labels[part]) == set(range(len(counts)))
    for label, count in enumerate(counts):
        tested = np.count_nonzero(images.labels[parts.test] == label)
        validated = np.count_nonzero(images.labels[parts.validation] == label)
        assert abs(tested - min(count * test, count - 2)) <= 1
        assert abs(validated - min((count - tested) * validation, count - tested - 1)) <= 1

    again = split(images, seed=seed, test=test, validation=validation)
    assert np.array_equal(again.train, parts.train)
    other = split(images, seed=seed, test=test, validation=0.5)
    assert np.array_equal(other.test, parts.test)


def test_split_sizes_of_mnist5k():
    parts = split(images_of(np.repeat(np.arange(10), 500)), seed=0)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (3500, 500, 1000)


def test_split_depends_on_the_seed():
    images = images_of(np.repeat(np.arange(2), 50))
    assert not np.array_equal(split(images, seed=0).test, split(images, seed=1).test)


def test_split_is_the_same_for_ever():
    """Golden: figures on the test part are comparable only while this holds."""
    parts = split(images_of(np.repeat(np.arange(2), 10)), seed=7)
    assert parts.test.tolist() == [3, 6, 11, 13]


def test_classes_are_shuffled_independently():
    images = images_of(np.repeat(np.arange(2), 100))
    tested = split(images, seed=0).test
    assert not np.array_equal(tested[:20], tested[20:] - 100)


def test_a_ready_made_test_set_is_used_as_it_is():
    images = images_of([0] * 20 + [1] * 20, presplit_test=np.array([39, 0, 1]))
    parts = split(images, seed=0, test=0.9, validation=0.25)
    assert parts.test.tolist() == [0, 1, 39]
    assert np.bincount(images.labels[parts.validation]).tolist() == [4, 5]
    assert len(parts.train) == 40 - 3 - 9


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (images_of([0, 0, 0, 1, 1]), r"class 'c1' has 2 images \(0 of them.*at least one for each"),
        (images_of([0, 0, 0], classes=("c0", "c1")), "class 'c1' has 0 images"),
        (images_of([0] * 9 + [1] * 9, presplit_test=np.array([1])), r"class 'c1' has 9 images \(0"),
        (
            images_of([0] * 3, presplit_test=np.array([0, 1])),
            r"class 'c0' has 3 images \(2 of them",
        ),
    ],
)
def test_classes_too_small_to_split_are_refused(images, words):
    with pytest.raises(DataError, match=f"toy: {words}"):
        split(images, seed=0)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"seed": -1}, "seed must be 0 or more, got -1"),
        ({"seed": 0, "test": 0.0}, "test must lie between 0 and 1.*got 0.0"),
        ({"seed": 0, "test": 1}, "test must lie between"),
        ({"seed": 0, "validation": float("nan")}, "validation must lie.*got nan"),
    ],
)
def test_requests_out_of_range_are_refused(request_, words):
    with pytest.raises(DataError, match=f"split: {words}"):
        split(images_of([0] * 9), **request_)
