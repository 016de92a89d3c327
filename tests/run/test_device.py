"""The names of devices."""

import pytest

from pocketnas.errors import SettingError
from pocketnas.run.device import check_device


@pytest.mark.parametrize("word", ["host", "ssh:pi@board", "ssh:pi@one,ssh:pi@two"])
def test_good_names(word: str) -> None:
    check_device(word)


@pytest.mark.parametrize("word", ["android", "android:A", "android:A,android:B"])
def test_phones_need_their_program(word: str) -> None:
    check_device(word, "benchmark_model")
    with pytest.raises(SettingError, match=r"needs --benchmark-model FILE"):
        check_device(word)


@pytest.mark.parametrize(
    "word",
    [
        *("", "usb", "ssh:", "host:1", "ssh:a,", "ssh:a,usb"),
        *("ssh:a,ssh:a", "ssh:a,android:B", "host,host", "host,ssh:a"),
    ],
)
def test_bad_names_are_one_sentence(word: str) -> None:
    with pytest.raises(SettingError, match="--device") as refusal:
        check_device(word, "benchmark_model")
    assert "\n" not in str(refusal.value)
