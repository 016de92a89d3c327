"""Operations on pixels: what Pillow makes of the same images."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from pocketnas.train import pixel_ops


def _photos(channels: int) -> list[Image.Image]:
    """Noise, a smooth slope, few values and a single one; 40 rows of 33."""
    draw = np.random.default_rng(channels)
    shape = (40, 33, channels)
    y, x, c = np.indices(shape)
    arrays = [
        draw.integers(0, 256, shape),
        60 + 2 * y + x + 10 * c,
        draw.choice([3, 90, 200], shape),
        np.full(shape, 77),
    ]
    return [Image.fromarray(a.astype(np.uint8).squeeze()) for a in arrays]


def _tensor(images: list[Image.Image]) -> Tensor:
    pixels = np.stack([np.asarray(image).reshape(40, 33, -1) for image in images])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float()


def _assert_same(ours: Tensor, theirs: list[Image.Image], within: int) -> None:
    wanted = _tensor(theirs)
    assert ours.shape == wanted.shape
    assert ours.dtype == torch.float32
    assert torch.equal(ours, ours.floor())
    assert (ours - wanted).abs().max() <= within


def _enhanced(kind: type) -> Callable[[Image.Image, float], Image.Image]:
    return lambda image, factor: kind(image).enhance(factor)


def _transformed(*matrix: str) -> Callable[[Image.Image, float], Image.Image]:
    def transformed(image: Image.Image, strength: float) -> Image.Image:
        numbers = [strength if entry == "s" else float(entry) for entry in matrix]
        fill = 128 if image.mode == "L" else (128, 128, 128)
        return image.transform(
            image.size, Image.Transform.AFFINE, numbers, Image.Resampling.NEAREST, fillcolor=fill
        )

    return transformed


def _turned(image: Image.Image, degrees: float) -> Image.Image:
    fill = 128 if image.mode == "L" else (128, 128, 128)
    return image.rotate(degrees, Image.Resampling.NEAREST, fillcolor=fill)


def _added(image: Image.Image, more: float) -> Image.Image:
    return image.point(lambda value: min(255, max(0, value + more)) if value < 128 else value)


STRONG = {
    "brightness": (_enhanced(ImageEnhance.Brightness), (0.1, 0.73, 1.0, 1.9), 1),
    "color": (_enhanced(ImageEnhance.Color), (0.1, 0.73, 1.0, 1.9), 1),
    "contrast": (_enhanced(ImageEnhance.Contrast), (0.1, 0.73, 1.0, 1.9), 1),
    "sharpness": (_enhanced(ImageEnhance.Sharpness), (0.1, 0.73, 1.0, 1.9), 1),
    "posterize": (lambda image, bits: ImageOps.posterize(image, int(bits)), (1, 2, 4, 8), 0),
    "solarize": (ImageOps.solarize, (0, 100, 230, 256), 0),
    "solarize_add": (_added, (0, 33, 110, -60), 0),
    "shear_x": (_transformed("1", "s", "0", "0", "1", "0"), (0.27, -0.27, 0.0, 0.11), 0),
    "shear_y": (_transformed("1", "0", "0", "s", "1", "0"), (0.27, -0.27, 0.0, 0.11), 0),
    "translate_x": (_transformed("1", "0", "s", "0", "1", "0"), (9, -4.3, 12.86, 60), 0),
    "translate_y": (_transformed("1", "0", "0", "0", "1", "s"), (9, -4.3, 12.86, 60), 0),
    # At other angles Pillow's fixed point puts one of the 1,320 pixels beside ours.
    "rotate": (_turned, (27, -30, 0, 8.1), 0),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", STRONG)
def test_each_image_at_its_own_strength_as_in_pillow(name: str, channels: int) -> None:
    reference, strengths, within = STRONG[name]
    images = _photos(channels)
    for turn in range(4):  # so that every image meets every strength
        turned = strengths[turn:] + strengths[:turn]
        ours = getattr(pixel_ops, name)(_tensor(images), torch.tensor(turned).float())
        theirs = [reference(image, s) for image, s in zip(images, turned, strict=True)]
        _assert_same(ours, theirs, within)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("name", "within"), [("autocontrast", 1), ("equalize", 0), ("invert", 0)])
def test_without_a_strength_as_in_pillow(name: str, within: int, channels: int) -> None:
    images = _photos(channels)
    ours = getattr(pixel_ops, name)(_tensor(images))
    _assert_same(ours, [getattr(ImageOps, name)(image) for image in images], within)


def test_posterize_to_no_bits_is_black() -> None:
    assert pixel_ops.posterize(_tensor(_photos(3)), torch.zeros(4)).max() == 0


def test_cutout_is_a_grey_square_cut_off_at_the_border() -> None:
    pixels = torch.zeros(3, 3, 10, 12)
    rows, columns = torch.tensor([5, 0, 9]), torch.tensor([6, 0, 2])
    holes = pixel_ops.cutout(pixels, torch.tensor([4.0, 6.0, 0.0]), rows, columns) == 128
    wanted = torch.zeros_like(holes)
    wanted[0, :, 3:7, 4:8] = True
    wanted[1, :, :3, :3] = True
    assert torch.equal(holes, wanted)


def test_tiny_images_have_no_middle_to_smooth() -> None:
    pixels = torch.tensor([[[[7.0, 200.0]]]])
    assert torch.equal(pixel_ops.sharpness(pixels, torch.tensor([0.1])), pixels)
