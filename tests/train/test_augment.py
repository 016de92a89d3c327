"""Augmentations on pixels whose fate can be told."""

import numpy as np
import pytest
import torch

from pocketnas.data.draws import uniform
from pocketnas.data.pixels import Pixels
from pocketnas.errors import DataError
from pocketnas.train.augment import Augmentation, Augmenter, centre, normalized, to_input


def augmented(pixels, how, side=None, draws=None):
    augmenter = Augmenter(how, side or pixels.shape[1])
    if draws is None:
        draws = torch.from_numpy(uniform(0, 0, np.arange(len(pixels)), augmenter.draws))
    return augmenter(pixels, draws)


def counted(n, side=8, channels=3):
    """Images whose pixels are numbered row by row."""
    one = torch.arange(side * side, dtype=torch.uint8).reshape(1, side, side, 1)
    return one.repeat(n, 1, 1, channels)


def test_input_is_channels_last_and_in_range():
    pixels = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1).repeat(2, 1).repeat(3, 3)
    x = to_input(pixels)
    assert x.shape == (1, 3, 2, 2)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert x[0, 0].tolist() == [[-1.0, 1.0], [-1.0, 1.0]]
    scale = Pixels((10.0, 0.0, 255.0), (5.0, 255.0, 1.0))
    assert normalized(torch.zeros(1, 3, 1, 1), scale).flatten().tolist() == [-2.0, 0.0, -255.0]


def test_nothing_changes_nothing():
    pixels = counted(3)
    x = augmented(pixels, Augmentation(flip=False))
    assert torch.equal(x, pixels.permute(0, 3, 1, 2).float())


def test_a_shift_moves_whole_images_by_whole_pixels():
    moved = augmented(counted(100), Augmentation(shift=0.25, flip=False))
    seen = set()
    for image in moved:
        assert torch.equal(image[0], image[2])
        row, column = divmod(int(image[0, 4, 4]), 8)
        seen.add((row - 4, column - 4))
        middle = counted(1)[0, row - 1 : row + 2, column - 1 : column + 2, 0].float()
        assert torch.equal(image[0, 3:6, 3:6], middle)
    assert {shift for pair in seen for shift in pair} == {-2, -1, 0, 1, 2}


def test_a_flip_mirrors_about_half():
    flipped = augmented(counted(400, 4), Augmentation(flip=True))
    mirrored = (flipped[:, 0, 0, 0] == 3).sum().item()
    assert 150 < mirrored < 250
    assert ((flipped[:, 0, 0].sort(1).values) == torch.arange(4.0)).all()


def test_the_crop_of_a_smooth_image_is_a_piece_of_it():
    """In a ramp from left to right each crop is a ramp; its slope is the crop's width."""
    ramp = torch.arange(64, dtype=torch.uint8)[None, None, :, None].repeat(200, 64, 1, 3)
    x = augmented(ramp, Augmentation(crop=0.08, flip=False), side=32)
    assert x.shape == (200, 3, 32, 32)
    assert x.is_contiguous(memory_format=torch.channels_last)
    inner = x[:, 0, 0, 1:-1]
    slopes = inner[:, 1:] - inner[:, :-1]
    assert (slopes - slopes.mean(1, keepdim=True)).abs().max() < 0.02 + slopes.max() / 2
    widths = slopes.mean(1) * 32 / 64
    assert widths.min() > 0.08**0.5 * 0.8
    assert 0.95 < widths.max() <= 1.01
    whole = augmented(ramp[:2], Augmentation(crop=1.0, flip=False), 64, torch.full((2, 12), 0.5))
    assert torch.allclose(whole, ramp[:2].permute(0, 3, 1, 2).float(), atol=1e-3)


def test_colours_stay_pixels_and_grey_stays_grey():
    pixels = torch.randint(0, 256, (50, 8, 8, 3), dtype=torch.uint8)
    x = augmented(pixels, Augmentation(colour=0.4, flip=False))
    assert 0 <= x.min() < x.max() <= 255
    assert not torch.equal(x, pixels.permute(0, 3, 1, 2).float())
    middle = torch.full((1, 12), 0.5)  # all factors 1
    same = augmented(pixels[:1], Augmentation(colour=0.4, flip=False), draws=middle)
    assert torch.allclose(same, pixels[:1].permute(0, 3, 1, 2).float(), atol=1e-3)
    grey = augmented(counted(5), Augmentation(colour=0.4, flip=False))
    assert torch.allclose(grey[:, 0], grey[:, 1], atol=1e-3)
    assert augmented(counted(5, channels=1), Augmentation(colour=0.4)).shape == (5, 1, 8, 8)


def test_cutout_greys_a_square():
    pixels = torch.zeros(300, 8, 8, 3, dtype=torch.uint8)
    x = augmented(pixels, Augmentation(cutout=0.5, flip=False))
    areas = (x[:, 0] == 128).sum((1, 2))
    assert areas.max() == 16
    assert areas.min() == 4  # its centre is in a corner
    assert torch.equal(x[:, 0], x[:, 2])


def test_the_middle_of_a_larger_image():
    found = centre(counted(1), 4)
    assert found[0, 0, 0, 0] == 2 * 8 + 2
    assert found.shape == (1, 4, 4, 3)
    with pytest.raises(DataError, match="8x8 pixels are too small for an input of 9"):
        centre(counted(1), 9)


def test_neighbours_do_not_matter():
    how = Augmentation(crop=0.3, shift=0.2, colour=0.3, cutout=0.3)
    pixels = torch.randint(0, 256, (9, 12, 12, 3), dtype=torch.uint8)
    augmenter = Augmenter(how, 8)
    draws = torch.from_numpy(uniform(5, 2, np.arange(9), augmenter.draws))
    some = torch.tensor([7, 2])
    assert torch.equal(augmenter(pixels, draws)[some], augmenter(pixels[some], draws[some]))


@pytest.mark.parametrize(
    "wrong", [{"shift": 1.0}, {"crop": 0.0}, {"cutout": -0.1}, {"mixup": -1.0}, {"colour": 2.0}]
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(DataError, match=next(iter(wrong))):
        Augmentation(**wrong)
