import threading
import warnings
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pocketnas.data import decode
from pocketnas.data.decode import UnreadableError, decode_all

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encoded(image, kind="PNG", **options):
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def quarters(width=64, height=64):
    """Red and green above, blue and white below."""
    image = Image.new("RGB", (width, height))
    for i, colour in enumerate((RED, GREEN, BLUE, WHITE)):
        box = (width // 2 * (i % 2), height // 2 * (i // 2))
        image.paste(colour, (*box, box[0] + width // 2, box[1] + height // 2))
    return image


def read_one(data, resolution=16):
    sink = BytesIO()
    reasons = decode_all(lambda item: item, [data], resolution, sink)
    assert reasons == {}
    return np.frombuffer(sink.getvalue(), np.uint8).reshape(resolution, resolution, 3)


def reason(data):
    sink = BytesIO()
    reasons = decode_all(lambda item: item, [data], 16, sink)
    assert sink.getvalue() == b""
    return reasons[0]


def corners(pixels):
    """The colours a quarter of the way in from each corner."""
    a, b = len(pixels) // 4, 3 * len(pixels) // 4
    return [pixels[a, a], pixels[a, b], pixels[b, a], pixels[b, b]]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "GIF"])
def test_every_format_gives_the_same_picture(kind):
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    found = corners(read_one(encoded(quarters(), kind, **options)))
    np.testing.assert_allclose(found, [RED, GREEN, BLUE, WHITE], atol=12)


def test_pixels_of_the_wanted_size_are_not_touched():
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    assert np.array_equal(read_one(encoded(Image.fromarray(pixels))), pixels)


@pytest.mark.parametrize("size", [(96, 32), (32, 96), (97, 31), (5, 3), (3, 200)])
def test_the_centre_square_is_kept(size):
    """Blue fills the centre square and one pixel around it; red must not be seen."""
    width, height = size
    side = min(size)
    image = Image.new("RGB", size, RED)
    left, top = (width - side) // 2, (height - side) // 2
    image.paste(BLUE, (left - 1, top - 1, left + side + 2, top + side + 2))
    assert np.all(read_one(encoded(image), 8) == BLUE)


def test_the_long_side_is_cropped_equally():
    image = Image.new("L", (300, 100))
    image.putdata([x % 300 // 2 for x in range(300 * 100)])
    row = read_one(encoded(image), 100)[50, :, 0].astype(int)
    np.testing.assert_allclose(row, np.arange(100, 200) // 2, atol=1)


def test_shrinking_is_antialiased():
    """A checkerboard of single pixels turns grey; picking samples would give black and white."""
    board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
    found = read_one(encoded(Image.fromarray(board)), 16)
    assert np.all(abs(found.astype(int) - 127) <= 2)


def test_decoding_a_jpeg_at_reduced_size_changes_next_to_nothing():
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    data = encoded(smooth.resize((1200, 800), Image.Resampling.BICUBIC), "JPEG", quality=95)
    whole = read_one(encoded(Image.open(BytesIO(data))), 64)
    error = np.abs(read_one(data, 64).astype(int) - whole)
    assert error.mean() < 1
    assert error.max() < 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,  # stored a quarter turn to the left of upright
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = quarters()
    if orientation in undo:
        stored = stored.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("JPEG", "PNG", "WEBP"):
        found = corners(read_one(encoded(stored, kind, exif=exif)))
        np.testing.assert_allclose(found, [RED, GREEN, BLUE, WHITE], atol=60)


def test_a_damaged_exif_does_not_lose_the_image():
    data = encoded(
        quarters(), "JPEG", exif=b"Exif\0\0MM\0\x2a\0\0\0\x08\xff\xff garbage", quality=95
    )
    np.testing.assert_allclose(corners(read_one(data)), [RED, GREEN, BLUE, WHITE], atol=12)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_lies_on_white(kind):
    image = Image.new("RGBA", (16, 16), (*RED, 0))
    image.paste((*RED, 128), (8, 0, 16, 16))
    pixels = read_one(encoded(image, kind, lossless=True))
    np.testing.assert_allclose(pixels[4, 4], WHITE, atol=1)
    np.testing.assert_allclose(pixels[4, 12], (255, 127, 127), atol=2)


def test_transparent_grey_palette_and_keyed_images():
    la = Image.new("LA", (16, 16), (0, 0))
    assert np.all(read_one(encoded(la)) == 255)
    palette = Image.new("P", (16, 16), 1)
    palette.putpalette([*RED, *BLUE])
    assert np.all(read_one(encoded(palette)) == BLUE)
    assert np.all(read_one(encoded(palette, transparency=1)) == WHITE)
    assert np.all(read_one(encoded(palette, transparency=b"\xff\x00")) == WHITE)
    assert np.all(read_one(encoded(Image.new("RGB", (16, 16), RED), transparency=RED)) == WHITE)
    assert np.all(read_one(encoded(Image.new("L", (16, 16), 7), transparency=7)) == WHITE)


def test_grey_and_bilevel_images():
    assert np.all(read_one(encoded(Image.new("L", (16, 16), 77))) == 77)
    assert np.all(read_one(encoded(Image.new("1", (16, 16), 1))) == 255)


def test_a_cmyk_jpeg_becomes_rgb():
    cmyk = Image.new("CMYK", (64, 64), (0, 255, 255, 0))  # magenta and yellow ink: red
    assert cmyk.mode == Image.open(BytesIO(encoded(cmyk, "JPEG"))).mode == "CMYK"
    np.testing.assert_allclose(read_one(encoded(cmyk, "JPEG"))[8, 8], RED, atol=6)


def test_a_16_bit_grey_png_keeps_its_range():
    ramp = np.tile(np.linspace(0, 65535, 16).astype(np.uint16), (16, 1))
    pixels = read_one(encoded(Image.fromarray(ramp)))
    assert np.array_equal(pixels[0, :, 1], ramp[0] >> 8)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_damaged_files_are_named_not_fatal(kind):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    for size in (1, 10, len(data) // 2):
        assert "cannot be read" in reason(data[:size]) or "not an image" in reason(data[:size])


def test_reasons():
    assert reason(b"") == "empty file"
    assert "not an image" in reason(b"<html>404 Not Found</html>")
    assert "not an image" in reason(encoded(quarters(), "TIFF"))  # only the formats promised
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert "truncated" in reason(encoded(Image.fromarray(noise), "JPEG")[:-100])


@pytest.mark.parametrize("side", [120, 160])  # Pillow warns above its limit, refuses above twice
def test_decompression_bombs_are_skipped(monkeypatch, side):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    data = encoded(Image.new("L", (side, side)))
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # as in a user's process
        assert reason(data) == "more than 10000 pixels"


def test_errors_of_the_reader_become_reasons():
    def read(item):
        raise item

    errors = [UnreadableError("too odd"), PermissionError(13, "Permission denied")]
    reasons = decode_all(read, errors, 16, BytesIO())
    assert reasons[0] == "too odd"
    assert "Permission denied" in reasons[1]


def test_order_is_kept_and_few_images_are_in_flight(monkeypatch):
    monkeypatch.setattr(decode, "_WINDOW", 4)
    started, taken, lock = [], [], threading.Lock()

    def read(value):
        with lock:
            started.append(value)
            assert len(started) - len(taken) <= 4
        if value % 7 == 0:
            return b""
        return encoded(Image.new("L", (2 + value % 3, 2), value))

    def progress(done, total):
        with lock:
            taken.append((done, total))

    sink = BytesIO()
    reasons = decode_all(read, range(100), 1, sink, progress)
    assert list(reasons) == list(range(0, 100, 7))
    assert list(sink.getvalue()[::3]) == [value for value in range(100) if value % 7]
    assert taken == [(done, 100) for done in range(1, 101)]


def test_warning_filters_are_restored():
    before = list(warnings.filters)
    decode_all(lambda item: item, [b""], 16, BytesIO())
    assert warnings.filters == before
