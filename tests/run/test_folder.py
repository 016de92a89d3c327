"""The run folder: whole files or none, free names, readable weights."""

from pathlib import Path

import numpy as np
import pytest

from pocketnas.errors import ModelError, StudyError
from pocketnas.run.folder import (
    RunFolder,
    load_weights,
    next_run,
    save_weights,
    short_name,
    write_bytes,
)
from pocketnas.run.stored import begun, stored_config
from pocketnas.study.study import Study


def test_names_count_up(tmp_path: Path) -> None:
    assert next_run(tmp_path, "x").name == "x-1"
    (tmp_path / "x-1").mkdir()
    assert next_run(tmp_path, "x").name == "x-2"


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(StudyError, match="cannot be made a run folder"):
        RunFolder(tmp_path / "run")


def test_a_failed_write_keeps_the_old_file() -> None:
    with pytest.raises(StudyError, match="cannot be written: No space left on device"):
        write_bytes_to_full_disk()


def write_bytes_to_full_disk() -> None:
    """Linux's /dev/full takes no byte; the unfinished file is a link to it."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "best.tflite"
        path.write_bytes(b"old")
        (Path(name) / "best.tflite.tmp").symlink_to("/dev/full")
        try:
            write_bytes(path, b"new" * 10_000)
        finally:
            assert path.read_bytes() == b"old"
            assert [file.name for file in Path(name).iterdir()] == ["best.tflite"]


def test_weights_round_trip(tmp_path: Path) -> None:
    weights = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3)}
    save_weights(tmp_path / "deep" / "w.safetensors", weights)
    found = load_weights(tmp_path / "deep" / "w.safetensors")
    assert np.array_equal(found["a.weight"], weights["a.weight"])


@pytest.mark.parametrize("content", [None, b"", b"not safetensors at all"])
def test_damaged_weights_get_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read as weights"):
        load_weights(path)


def test_a_run_without_settings_has_not_begun(tmp_path: Path) -> None:
    assert not begun(tmp_path)
    Study(tmp_path / "study.db").close()
    assert not begun(tmp_path)
    with pytest.raises(StudyError, match="stopped before it began"):
        stored_config(tmp_path)


@pytest.mark.parametrize(
    ("network", "short"),
    [
        ("mobilenet_v2_0.25", "mobilenet_v2_0.25"),
        ("runs/photos-1", "photos-1"),
        ("nets/mine.json", "mine"),
        ("nets/mine.txt", "mine"),
    ],
)
def test_names_of_files_keep_a_width(network: str, short: str) -> None:
    assert short_name(network) == short
