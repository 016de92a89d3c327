import wave
import zipfile

import numpy as np
import pytest

from pocketnas.data.audio import front_end
from pocketnas.data.load import load, load_cached
from pocketnas.errors import DataError


def tone(hertz, rate=8000, seconds=0.3):
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate) / 2


def write(path, samples, rate=8000, width=2, channels=1):
    """PCM as the format has it: 8 bits unsigned, others signed and little-endian."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = np.round(samples * (2 ** (8 * width - 1) - 1)).astype("<i8")
    whole = np.repeat(whole + 128 * (width == 1), channels)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(whole.view(np.uint8).reshape(-1, 8)[:, :width].tobytes())
    return path


@pytest.fixture
def words(tmp_path):
    """Ten low and ten high tones in flat files, as FSDD has them."""
    root = tmp_path / "words"
    for label, hertz in (("low", 300), ("high", 2000)):
        for index in range(10):
            write(root / f"{label}_jackson_{index}.wav", tone(hertz + index))
    return root


def test_flat_files_with_labels_in_their_names(words, tmp_path):
    images = load(words, cache=tmp_path / "cache")
    assert images.classes == ("high", "low")
    assert images.labels.tolist() == [0] * 10 + [1] * 10
    assert images.pixels.shape == (20, 64, 64, 1)
    assert not images.flips
    assert images.front_end == {"rate": 8000, "seconds": pytest.approx(0.3)}
    again = load_cached(tmp_path / "cache")
    assert (again.flips, again.front_end) == (images.flips, images.front_end)


def test_one_file_passes_the_same_front_end(words):
    images = load(words, resolution=32)
    one = front_end(words / "high_jackson_0.wav", 32, **images.front_end)
    assert np.array_equal(one, images.pixels[0])


def test_class_folders_in_a_zip_and_broken_clips(words, tmp_path):
    flat = load(words)
    with zipfile.ZipFile(tmp_path / "words.zip", "w") as archive:
        for file in words.iterdir():
            archive.write(file, f"{file.name.split('_')[0]}/{file.name}")
        archive.writestr("low/empty.wav", b"")
        whole = (words / "low_jackson_0.wav").read_bytes()
        archive.writestr("low/torn.wav", whole[:-100])
    images = load(tmp_path / "words.zip")
    assert np.array_equal(images.pixels, flat.pixels)
    assert [text.split(":")[0] for text in images.skipped] == ["low/empty.wav", "low/torn.wav"]
    assert "holds less sound than its header says" in images.skipped[1]


def bright_row(path, rate=8000):
    return front_end(path, 64, rate=rate, seconds=0.3)[..., 0].mean(1).argmax()


@pytest.mark.parametrize("hertz", [300, 1000, 3000])
def test_a_tone_lies_in_its_band(tmp_path, hertz):
    """Band centres are equally far apart in mel; row 0 is the highest."""
    mel = 2595 * np.log10(1 + np.array([hertz, 4000]) / 700)
    expected = 63 - (mel[0] / mel[1] * 65 - 1)
    assert bright_row(write(tmp_path / "a.wav", tone(hertz))) == pytest.approx(expected, abs=1)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_width_of_sample(tmp_path, width, channels):
    expected = front_end(write(tmp_path / "a.wav", tone(1000)), 64, rate=8000, seconds=0.3)
    other = write(tmp_path / "b.wav", tone(1000), width=width, channels=channels)
    found = front_end(other, 64, rate=8000, seconds=0.3)
    loud = expected > 150  # 8 bits have noise of their own, 50 dB down
    np.testing.assert_allclose(found[loud].astype(int), expected[loud], atol=6)


def test_resampling_leaves_a_tone_and_folds_none_back(tmp_path):
    at_44 = write(tmp_path / "a.wav", tone(1000, 44_100), 44_100)
    assert bright_row(at_44) == bright_row(write(tmp_path / "b.wav", tone(1000)))
    both = tone(1000, 44_100) / 2 + tone(6000, 44_100)  # 6 kHz would fold to 2 kHz
    folded = write(tmp_path / "c.wav", both, 44_100)
    assert bright_row(folded) == bright_row(at_44)


def test_silence_is_black_and_short_sounds_lie_in_the_middle(tmp_path):
    silent = write(tmp_path / "a.wav", np.zeros(800))
    assert not front_end(silent, 16, rate=8000, seconds=0.5).any()
    columns = front_end(
        write(tmp_path / "b.wav", tone(1000, seconds=0.1)), 50, rate=8000, seconds=1
    )
    heard = np.flatnonzero(columns[..., 0].max(0) > 128)
    assert heard.mean() == pytest.approx(24.5, abs=2)
    assert len(heard) < 10


def test_refusals(tmp_path, words):
    (tmp_path / "a.wav").write_bytes(b"not RIFF at all")
    with pytest.raises(DataError, match=r"a\.wav: not a WAV file of PCM samples"):
        front_end(tmp_path / "a.wav", 16, rate=8000, seconds=1)
    (words / "low_jackson_0.wav").write_bytes(b"")
    with pytest.raises(DataError, match="class 'low' has 9 readable images"):
        load(words)
