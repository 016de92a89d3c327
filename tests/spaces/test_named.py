from pathlib import Path

import pytest

from pocketnas.errors import SpaceError
from pocketnas.spaces import SPACES, absolute, named

FIVE = ["mnasnet", "mobilenetv3", "nasnet", "proxylessnas", "singlepath"]


def test_the_spaces_by_name() -> None:
    assert list(SPACES) == FIVE
    for name in SPACES:
        assert named(name).name == name


def test_an_unknown_name_gets_the_list() -> None:
    message = f"no space is called 'darts'; there are: {', '.join(FIVE)}, and your own as file.py:f"
    with pytest.raises(SpaceError, match=message):
        named("darts")


def test_a_file_is_found_again_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("mine/space.py:small") == f"{tmp_path}/mine/space.py:small"
    assert absolute(f"{tmp_path}/space.py:small") == f"{tmp_path}/space.py:small"
    assert absolute("mobilenetv3") == "mobilenetv3"
