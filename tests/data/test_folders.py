import os
import random
import re
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pocketnas.data import folders
from pocketnas.data.folders import read_folder
from pocketnas.errors import DataError


def picture(value, kind="PNG"):
    """A grey 5×4 picture; `value` survives PNG exactly."""
    file = BytesIO()
    Image.new("RGB", (5, 4), (value, value, value)).save(file, kind)
    return file.getvalue()


def class_files(*names, count=10, start=0):
    """Ten pictures a class, all of different greys, as {path: bytes}."""
    paths = [f"{name}/{index}.png" for name in names for index in range(count)]
    return {path: picture(start + value) for value, path in enumerate(paths)}


def on_disk(root, files):
    for path, data in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data) if data is not None else file.mkdir()
    return root


def zipped(root, files):
    file = root / "photos.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for path, data in files.items():
            archive.writestr(path if data is not None else path + "/", data or b"")
    return file


@pytest.fixture(params=[on_disk, zipped])
def place(request, tmp_path):
    """Puts {path: bytes, or None for a folder} into a folder, then into a zip."""
    root = tmp_path / "photos"
    root.mkdir()
    return lambda files: request.param(root, files)


def read(path):
    """Contents, and the grey value of every image."""
    sink = BytesIO()
    contents = read_folder(path, 1, sink)
    assert len(sink.getvalue()) == 3 * len(contents.labels)
    return contents, list(sink.getvalue()[::3])


def refusal(path):
    """The message of the error, which must name the path and be one sentence on one line."""
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert not message.endswith(".")
    return message


def test_class_folders(place):
    contents, greys = read(place(class_files("dog", "cat")))
    assert contents.classes == ("cat", "dog")
    assert contents.labels.tolist() == [0] * 10 + [1] * 10
    assert contents.labels.dtype == np.int64
    assert contents.skipped == ()
    assert contents.presplit_test is None
    assert greys == [*range(10, 20), *range(10)]


def test_natural_case_sensitive_order(place):
    files = class_files("10", "9", "a", "B", "01", "1")
    files |= {"9/img10.png": picture(200), "9/img2.png": picture(201), "9/Z.png": picture(202)}
    contents, greys = read(place(files))
    assert contents.classes == ("01", "1", "9", "10", "B", "a")
    nines = [grey for grey, label in zip(greys, contents.labels, strict=True) if label == 2]
    assert nines == [*range(10, 20), 202, 201, 200]


def test_order_does_not_depend_on_the_listing(tmp_path, monkeypatch):
    files = class_files("a", "b/x", "b/y", "c")
    expected = read(on_disk(tmp_path / "one", files))[1]
    real = os.scandir

    class Shuffled:
        def __init__(self, path):
            with real(path) as entries:
                self.entries = list(entries)
            random.Random(len(self.entries)).shuffle(self.entries)

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            pass

        def __iter__(self):
            return iter(self.entries)

        def __next__(self):
            if not self.entries:
                raise StopIteration
            return self.entries.pop()

        def close(self):
            pass

    monkeypatch.setattr(os, "scandir", Shuffled)
    assert read(tmp_path / "one")[1] == expected
    monkeypatch.undo()
    shuffled = list(files.items())
    random.Random(1).shuffle(shuffled)
    assert read(zipped(tmp_path, dict(shuffled)))[1] == expected


def test_nested_folders_and_any_case_of_suffix(place):
    files = class_files("cat/indoors/kitchen", "dog")
    files |= {"dog/x/1.JPG": picture(9, "JPEG"), "dog/2.Jpeg": picture(9, "JPEG")}
    files |= {"dog/3.bmp": picture(9, "BMP"), "dog/4.WEBP": picture(9, "WEBP")}
    contents, _ = read(place(files))
    assert contents.classes == ("cat", "dog")
    assert np.bincount(contents.labels).tolist() == [10, 14]


def test_a_wrapping_folder_is_looked_through(place):
    files = class_files("my photos/set 1/cat", "my photos/set 1/dog")
    files |= {"readme.txt": b"hello", "__MACOSX/my photos/._cat": b"junk"}
    contents, _ = read(place(files))
    assert contents.classes == ("cat", "dog")
    assert contents.skipped == ()


def test_clutter_is_ignored_silently(place):
    files = class_files("cat", "dog")
    for clutter in (
        ".DS_Store",
        "cat/.DS_Store",
        "cat/Thumbs.db",
        "cat/.hidden.png",
        "cat/._0.png",
        "cat/@eaDir/0.png",
        "__MACOSX/cat/._0.png",
        "__MACOSX/dog/0.png",
        ".git/0.png",
        "cat/notes.txt",
        "labels.csv",
    ):
        files[clutter] = b"junk"
    contents, _ = read(place(files))
    assert contents.classes == ("cat", "dog")
    assert contents.skipped == ()


def test_what_is_left_out_is_named(place):
    files = class_files("cat", "dog")
    files |= {
        "cat/10.png": b"",
        "cat/deep/2.jpg": b"this is text",
        "dog/x.png": picture(0)[:45],
        "sample.jpg": picture(0),
        "dog/phone.HEIC": b"heic",
        "bird": None,
        "annotations/cat.json": b"{}",
    }
    contents, _ = read(place(files))
    assert contents.classes == ("cat", "dog")
    assert len(contents.labels) == 20
    wanted = [
        "annotations/: no images",
        "bird/: no images",
        "cat/10.png: empty file",
        "cat/deep/2.jpg: not an image, or damaged from its first bytes",
        "dog/phone.HEIC: .heic files are not read",
        "dog/x.png: cannot be read",
        "sample.jpg: not in a class folder",
    ]
    assert len(contents.skipped) == len(wanted)
    for line, start in zip(contents.skipped, wanted, strict=True):
        assert line.startswith(start)


def test_progress_counts_every_image(place):
    calls = []
    path = place(class_files("cat", "dog") | {"cat/bad.png": b""})
    read_folder(path, 1, BytesIO(), lambda done, total: calls.append((done, total)))
    assert calls == [(done, 21) for done in range(1, 22)]


def test_too_large_files_are_skipped_unread(place, monkeypatch):
    monkeypatch.setattr(folders, "_MAX_BYTES", 2**20)
    contents, _ = read(place(class_files("cat", "dog") | {"cat/big.png": bytes(2**20 + 1)}))
    assert contents.skipped == ("cat/big.png: larger than 1 MiB",)


# ------------------------------------------------------------------------------- ready-made splits


def split_files(**counts):
    """`train=10, test=2` gives ten cats and ten dogs to train on and two of each to test on."""
    files = {}
    for index, (name, count) in enumerate(counts.items()):
        files |= class_files(f"{name}/cat", f"{name}/dog", count=count, start=50 * index)
    return files


@pytest.mark.parametrize(
    ("counts", "test_greys"),
    [
        ({"train": 10, "test": 2}, [50, 51, 52, 53]),
        ({"Train": 10, "Test": 2}, [50, 51, 52, 53]),
        ({"train": 10, "val": 3, "test": 2}, [100, 101, 102, 103]),
        ({"train": 10, "valid": 2}, [50, 51, 52, 53]),
        ({"train": 7, "validation": 3, "test": 1}, [100, 101]),
        ({"train": 10, "val": 1, "valid": 1}, [50, 51, 100, 101]),
    ],
)
@pytest.mark.parametrize("wrap", ["", "archive/"])
def test_split_folders(place, counts, test_greys, wrap):
    files = {wrap + path: data for path, data in split_files(**counts).items()}
    contents, greys = read(place(files))
    assert contents.classes == ("cat", "dog")
    assert contents.presplit_test is not None
    assert sorted(greys[index] for index in contents.presplit_test) == test_greys
    assert len(greys) == 2 * sum(counts.values())


def test_a_train_folder_alone_is_no_test_set(place):
    contents, _ = read(place(split_files(train=10)))
    assert contents.classes == ("cat", "dog")
    assert contents.presplit_test is None


def test_indices_of_the_test_set_skip_unreadable_images(place):
    files = split_files(train=10, test=2)
    files |= {"train/cat/00.png": b"", "test/cat/0.png": b""}
    contents, greys = read(place(files))
    assert [greys[index] for index in contents.presplit_test] == [51, 52, 53]


def test_annotations_and_stray_images_beside_split_folders(place):
    files = split_files(train=10, test=2)
    files |= {"annotations/train.json": b"{}", "train/loose.png": picture(0)}
    files |= {"overview.png": picture(0)}
    contents, _ = read(place(files))
    assert contents.classes == ("cat", "dog")
    assert contents.skipped == (
        "annotations/: no images",
        "overview.png: not in a class folder",
        "train/loose.png: not in a class folder",
    )


def test_a_class_may_be_called_train(place):
    contents, _ = read(place(class_files("train", "tram")))
    assert contents.classes == ("train", "tram")
    assert contents.presplit_test is None


def test_split_folders_that_make_no_sense(place, tmp_path):
    path = place(split_files(test=10, val=10))
    assert "expected a 'train' folder, got only 'test', 'val'" in refusal(path)


def test_other_folders_beside_split_folders(place):
    message = refusal(place(split_files(train=10, test=10, extra=10)))
    assert "'extra' stands beside 'train'" in message
    assert "only split folders" in message


def test_an_unlabelled_test_folder(place):
    path = place(split_files(train=10) | {"test/1.png": picture(1), "test/2.png": picture(2)})
    with pytest.raises(DataError, match=r"photos.*/test: 2 images lie directly in this folder"):
        read(path)


def test_a_class_without_a_readable_test_image(place):
    files = split_files(train=10, test=1) | {"test/dog/0.png": b"junk"}
    message = refusal(place(files))
    assert "class 'dog' has no readable image in the test folder (1 unreadable)" in message


def test_a_class_only_in_the_test_folder(place):
    message = refusal(place(split_files(train=10, test=10) | class_files("test/emu")))
    assert "class 'emu' has 0 readable images outside the test folder" in message


# ------------------------------------------------------------------------------------- refusals


def test_absent(tmp_path):
    assert "no such folder or .zip" in refusal(tmp_path / "nowhere")


def test_a_single_photo(tmp_path):
    photo = tmp_path / "cat.jpg"
    photo.write_bytes(picture(0, "JPEG"))
    assert "expected a folder of class folders or a .zip of one, got a file" in refusal(photo)


@pytest.mark.parametrize("keep", [0, 100, -30])
def test_a_broken_zip(tmp_path, keep):
    path = zipped(tmp_path, class_files("cat", "dog"))
    path.write_bytes(path.read_bytes()[:keep])
    assert "this .zip is broken, incomplete or locked" in refusal(path)


def test_empty(place):
    message = refusal(place({}))
    assert "there is nothing in it" in message
    assert "one folder per class, each with images" in message


def test_no_images(place):
    message = refusal(place({"cat/notes.txt": b"1", "dog/2.heic": b"2"}))
    assert "no image among its 2 files" in message
    assert ".jpeg .jpg .png" in message


def test_images_directly_in_the_folder(place):
    message = refusal(place({f"{index}.png": picture(index) for index in range(30)}))
    assert "30 images lie directly in this folder" in message
    assert "expected one folder per class" in message


def test_only_one_class(place):
    message = refusal(place(class_files("cat") | {"dog": None}))
    assert "only one class has images ('cat'); expected at least two" in message


def test_too_few_images(place):
    files = class_files("ant", count=12) | class_files("bee", count=11) | class_files("cat")
    files |= {"bee/1.png": b"", "bee/2.png": b"junk"}
    message = refusal(place(files))
    assert "class 'bee' has 9 readable images (2 unreadable); expected at least 10" in message
    assert "fall short: 1 of 3" in message


def test_several_classes_with_too_few_images_are_refused_before_decoding(place, monkeypatch):
    monkeypatch.setattr(folders, "decode_all", None)
    files = class_files("cat", "dog", count=9) | class_files("emu")
    message = refusal(place(files))
    assert "class 'cat' has 9 readable images (0 unreadable)" in message
    assert message.endswith("(classes that fall short: 2 of 3)")


# -------------------------------------------------------------------------------------- only zips


def test_unsafe_names_in_a_zip_are_refused_and_nothing_is_written(tmp_path):
    files = class_files("cat", "dog")
    files |= {name: picture(0) for name in ("../evil.png", "cat/../../evil.png", "/etc/evil.png")}
    path = zipped(tmp_path, files)
    before = set(tmp_path.rglob("*"))
    contents, _ = read(path)
    assert len(contents.labels) == 20
    assert contents.skipped == tuple(
        f"{name}: unsafe path in the zip"
        for name in ("../evil.png", "/etc/evil.png", "cat/../../evil.png")
    )
    assert set(tmp_path.rglob("*")) == before


def test_backslashes_and_dots_in_names(tmp_path):
    files = class_files("cat", "dog")
    path = zipped(tmp_path, {"./" + name.replace("/", "\\"): files[name] for name in files})
    assert read(path)[0].classes == ("cat", "dog")


def test_an_absurdly_long_number_in_a_name(tmp_path):
    files = class_files("cat", "dog") | {f"dog/{'9' * 6000}.png": picture(99)}
    assert read(zipped(tmp_path, files))[1] == [*range(20), 99]


def test_an_upper_case_zip(tmp_path):
    path = zipped(tmp_path, class_files("cat", "dog"))
    assert read(path.rename(tmp_path / "PHOTOS.ZIP"))[0].classes == ("cat", "dog")


def test_a_deflated_zip(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in class_files("cat", "dog").items():
            archive.writestr(name, data)
    assert read(path)[1] == list(range(20))


def test_damaged_encrypted_and_exotic_members_are_skipped(tmp_path):
    path = zipped(tmp_path, class_files("cat", "dog", count=13))
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    entries = [found.start() for found in re.finditer(b"PK\x01\x02", data)]
    locals_ = [found.start() for found in re.finditer(b"PK\x03\x04", data)]
    assert entries[0] == central
    for header, flags in ((entries[0], 8), (locals_[0], 6)):
        data[header + flags] |= 1  # cat/0.png: encrypted
    for header, method in ((entries[1], 10), (locals_[1], 8)):
        data[header + method] = 99  # cat/1.png: an unknown compression
    data[locals_[2] + 60] ^= 0xFF  # cat/2.png: a flipped byte
    path.write_bytes(data)
    contents, greys = read(path)
    assert greys == list(range(3, 26))
    for line, words in zip(contents.skipped, ("password", "compression", "CRC"), strict=True):
        assert "cannot be read" in line
        assert words in line


# ----------------------------------------------------------------------------------- only folders


def test_links(tmp_path):
    real = on_disk(tmp_path / "elsewhere", class_files("a", "b"))
    root = on_disk(tmp_path / "photos", class_files("cat"))
    (root / "dog").symlink_to(real / "a")
    (root / "cat" / "up").symlink_to(root)
    (root / "cat" / "broken.png").symlink_to(tmp_path / "nowhere")
    contents, _ = read(root)
    assert np.bincount(contents.labels).tolist() == [10, 10]
    assert len(contents.skipped) == 2
    assert "cat/broken.png: cannot be read" in contents.skipped[0]
    assert contents.skipped[1] == "cat/up/: a link to a folder that was read already"


def test_a_pipe_is_not_waited_for(tmp_path):
    root = on_disk(tmp_path / "photos", class_files("cat", "dog"))
    os.mkfifo(root / "cat" / "pipe.png")
    assert read(root)[0].skipped == ("cat/pipe.png: not a regular file",)


def test_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    root = on_disk(tmp_path / "photos", class_files("cat", "dog"))
    real = os.scandir

    def scandir(path):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert "dog: this folder cannot be listed (Permission denied)" in refusal(root)


def test_names_that_are_not_unicode(tmp_path):
    root = on_disk(tmp_path / "photos", class_files("cat"))
    odd = os.fsdecode(b"caf\xe9")
    on_disk(root, class_files(odd))
    assert odd in read(root)[0].classes
