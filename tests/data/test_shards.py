import io
import json
import tarfile

import pytest
from PIL import Image

from pocketnas.data.load import load
from pocketnas.errors import DataError


def picture(value):
    file = io.BytesIO()
    Image.new("RGB", (5, 4), (value,) * 3).save(file, "PNG")
    return file.getvalue()


def shard(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def samples(ending="cls", labels=("0", "1"), count=10, start=0):
    members = {}
    for index in range(count * len(labels)):
        label = labels[index % len(labels)]
        text = json.dumps({"label": label}) if ending == "json" else label
        members[f"set/{start + index:04}.png"] = picture(start + index)
        members[f"set/{start + index:04}.{ending}"] = text.encode()
    return members


@pytest.mark.parametrize("ending", ["cls", "txt", "json"])
def test_one_shard(tmp_path, ending):
    images = load(shard(tmp_path / "set.tar", samples(ending)), resolution=2)
    assert (images.name, images.classes, images.skipped) == ("set", ("0", "1"), ())
    assert images.pixels[:, 0, 0, 0].tolist() == list(range(20))
    assert images.labels.tolist() == [0, 1] * 10


def test_a_folder_with_test_shards_and_class_names_in_a_cache(tmp_path):
    root = tmp_path / "set"
    shard(root / "train-0.tar", samples())
    shard(root / "train-1.tar", samples(start=20))
    shard(root / "val-0.tar", samples(start=40, count=2))
    (root / "classes.txt").write_text("cat\ndog\n")
    images = load(root, resolution=2, cache=tmp_path / "cache")
    assert images.classes == ("cat", "dog")
    assert images.presplit_test.tolist() == [40, 41, 42, 43]
    assert images.pixels[:, 0, 0, 0].tolist() == list(range(44))


def test_a_pattern(tmp_path):
    for index in (8, 9, 10, 11):
        shard(tmp_path / f"train-{index:03}.tar", samples(count=5, start=10 * index))
    images = load(tmp_path / "train-{009..010}.tar", resolution=2)
    assert images.pixels[:, 0, 0, 0].tolist() == list(range(90, 110))
    with pytest.raises(DataError, match=r"train-012\.tar: there is no such shard \(1 of 3\)"):
        load(tmp_path / "train-{010..012}.tar")
    with pytest.raises(DataError, match="the pattern means no shard"):
        load(tmp_path / "train-{2..1}.tar")


def test_bad_members_cost_themselves_alone(tmp_path):
    bad = {"../a.png": picture(1), "alone.png": picture(2), "set/x.png": b"", "set/x.cls": b"0"}
    bad |= {"set/y.png": picture(3), "set/y.cls": b"three"}
    images = load(shard(tmp_path / "set.tar", samples() | bad), resolution=2)
    assert len(images) == 20
    reasons = dict(text.split(": ", 1) for text in images.skipped)
    assert reasons == {
        "set.tar/../a.png": "unsafe path in the tar",
        "set.tar/set/y.cls": "holds no label",
        "set.tar/alone.png": "no label beside it (cls, txt, json)",
        "set.tar/set/y.png": "no label beside it (cls, txt, json)",
        "set.tar/set/x.png": "empty file",
    }


@pytest.mark.parametrize("size", [100, 3000, 20_000 + 700])
def test_a_truncated_shard_is_one_sentence(tmp_path, size):
    path = shard(tmp_path / "set.tar", samples())
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DataError, match=r"set\.tar: this \.tar is broken or incomplete") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_refusals(tmp_path):
    with pytest.raises(DataError, match="class '1' has 9 readable images"):
        load(shard(tmp_path / "few.tar", dict(list(samples().items())[:-2])))
    with pytest.raises(DataError, match="hold no image with a label"):
        load(shard(tmp_path / "none.tar", {"a.txt": b"hello"}))
    (tmp_path / "classes.txt").write_text("cat\n")
    with pytest.raises(DataError, match=r"classes\.txt: holds 1 names, but label 1 is used"):
        load(shard(tmp_path / "named.tar", samples()))
