"""The operations of AutoAugment and RandAugment on a batch of images, each at its own strength.

Pixels are whole numbers from 0 to 255 in a float32 (N, C, H, W), C = 1 or 3, and so are results; a
strength is a float (N,), on the same device. What an operation means is table 6 of AutoAugment
(1805.09501), whose code called Pillow; roundings are Pillow's. Sums of pixels stay below 2^24 or
are taken in double precision, so that they are exact: a result does not depend on the batch.
"""

import torch
from torch import Tensor

GREY = 128.0  # fills what was outside of the image


# ------------------------------------------------------------------------------- where pixels are


def shear_x(pixels: Tensor, strength: Tensor) -> Tensor:
    """Row y moves left by strength · y pixels; the top edge stays."""
    return _affine(pixels, b=strength)


def shear_y(pixels: Tensor, strength: Tensor) -> Tensor:
    """Column x moves up by strength · x pixels; the left edge stays."""
    return _affine(pixels, d=strength)


def translate_x(pixels: Tensor, strength: Tensor) -> Tensor:
    """The image moves left by so many pixels, to the nearest one."""
    return _affine(pixels, c=strength)


def translate_y(pixels: Tensor, strength: Tensor) -> Tensor:
    """The image moves up by so many pixels, to the nearest one."""
    return _affine(pixels, f=strength)


def rotate(pixels: Tensor, strength: Tensor) -> Tensor:
    """Turns by so many degrees about the centre, counterclockwise where positive."""
    angle = strength.deg2rad()
    cos, sin = angle.cos(), angle.sin()
    x, y = pixels.shape[3] / 2, pixels.shape[2] / 2
    return _affine(
        pixels, a=cos, b=-sin, c=x - cos * x + sin * y, d=sin, e=cos, f=y - sin * x - cos * y
    )


def cutout(pixels: Tensor, strength: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """A grey square (1708.04552).

    Args:
        pixels: the images.
        strength: the square's side, in pixels; what is outside of the image is cut off.
        rows: (N,), the row of its centre, from 0.
        columns: (N,), the column of its centre, from 0.
    """
    inside_rows = _near(rows, strength / 2, pixels.shape[2])
    inside_columns = _near(columns, strength / 2, pixels.shape[3])
    hole = inside_rows[:, None, :, None] & inside_columns[:, None, None, :]
    return pixels.masked_fill(hole, GREY)


def _near(centres: Tensor, reach: Tensor, side: int) -> Tensor:
    """Where a pixel lies in [centre - reach, centre + reach), (N, side)."""
    distance = torch.arange(side, device=centres.device) - centres[:, None]
    return (-reach[:, None] <= distance) & (distance < reach[:, None])


def _affine(
    pixels: Tensor,
    a: Tensor | float = 1.0,
    b: Tensor | float = 0.0,
    c: Tensor | float = 0.0,
    d: Tensor | float = 0.0,
    e: Tensor | float = 1.0,
    f: Tensor | float = 0.0,
) -> Tensor:
    """Pixel (x, y) comes from (ax + by + c, dx + ey + f); the letters are those of Pillow's AFFINE.

    Coordinates are those of pixel centres, x + 0.5, and the nearest pixel is taken.
    """
    n, channels, height, width = pixels.shape
    y = torch.arange(height, device=pixels.device)[:, None] + 0.5
    x = torch.arange(width, device=pixels.device) + 0.5
    column = (_each(a) * x + _each(b) * y + _each(c)).floor()
    row = (_each(d) * x + _each(e) * y + _each(f)).floor()
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    source = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    index = source.long().expand(n, height, width).reshape(n, 1, -1).expand(-1, channels, -1)
    moved = pixels.flatten(2).gather(2, index).view(n, channels, height, width)
    return moved.masked_fill(~inside.expand(n, height, width)[:, None], GREY)


def _each(value: Tensor | float) -> Tensor | float:
    return value[:, None, None] if isinstance(value, Tensor) else value


# ------------------------------------------------------------------------------ what pixels hold


def brightness(pixels: Tensor, strength: Tensor) -> Tensor:
    """0 is black, 1 the original, above 1 brighter."""
    return _blend(torch.zeros_like(pixels), pixels, strength)


def color(pixels: Tensor, strength: Tensor) -> Tensor:
    """0 is grey, 1 the original, above 1 more saturated; grey images stay as they are."""
    return _blend(_luma(pixels), pixels, strength) if pixels.shape[1] == 3 else pixels


def contrast(pixels: Tensor, strength: Tensor) -> Tensor:
    """0 is the image's mean grey, 1 the original, above 1 more contrast."""
    mean = _luma(pixels).mean((1, 2, 3), keepdim=True, dtype=torch.float64)
    return _blend((mean + 0.5).floor().to(pixels.dtype), pixels, strength)


def sharpness(pixels: Tensor, strength: Tensor) -> Tensor:
    """0 is smoothed, 1 the original, above 1 sharper; the outermost pixels stay as they are."""
    rows = pixels[:, :, :-2] + pixels[:, :, 1:-1] + pixels[:, :, 2:]
    box = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    smooth = pixels.clone()
    middle = smooth[:, :, 1:-1, 1:-1]
    middle.copy_(((box + 4 * middle) / 13 + 0.5).floor())  # Pillow's SMOOTH: 5 amid eight ones
    return _blend(smooth, pixels, strength)


def posterize(pixels: Tensor, strength: Tensor) -> Tensor:
    """Keeps so many of the 8 bits, the highest ones; 0 is black."""
    step = (8 - strength).exp2().round()[:, None, None, None]
    return (pixels / step).floor() * step


def solarize(pixels: Tensor, strength: Tensor) -> Tensor:
    """Inverts the values from the threshold on; 256 leaves all of them."""
    return torch.where(pixels < strength[:, None, None, None], pixels, 255 - pixels)


def solarize_add(pixels: Tensor, strength: Tensor) -> Tensor:
    """Adds so much to the values below 128."""
    more = (pixels + strength[:, None, None, None]).clamp(0, 255)
    return torch.where(pixels < 128, more, pixels)


def autocontrast(pixels: Tensor) -> Tensor:
    """Stretches each channel to 0..255; one of a single value stays as it is."""
    low, high = pixels.amin((2, 3), keepdim=True), pixels.amax((2, 3), keepdim=True)
    stretched = ((pixels - low) * 255 / (high - low).clamp(min=1)).floor()
    return torch.where(high > low, stretched, pixels)


def equalize(pixels: Tensor) -> Tensor:
    """Gives each channel a flat histogram, as far as whole values can have one."""
    values = pixels.flatten(2).long()
    counts = values.new_zeros(*values.shape[:2], 256)
    counts.scatter_add_(2, values, torch.ones_like(values))
    highest = counts.gather(2, values.amax(2, keepdim=True))
    step = (values.shape[2] - highest) // 255
    below = counts.cumsum(2) - counts
    table = ((below + step // 2) // step.clamp(min=1)).clamp(max=255)
    table = torch.where(step > 0, table, torch.arange(256, device=pixels.device))
    return table.gather(2, values).view(pixels.shape).to(pixels.dtype)


def invert(pixels: Tensor) -> Tensor:
    """White becomes black."""
    return 255 - pixels


def _blend(degenerate: Tensor, pixels: Tensor, factor: Tensor) -> Tensor:
    """From `degenerate` at 0 to `pixels` at 1 and beyond, truncated as Pillow's `Image.blend`."""
    mixed = degenerate + factor[:, None, None, None] * (pixels - degenerate)
    return mixed.clamp(0, 255).floor()


def _luma(pixels: Tensor) -> Tensor:
    """(N, 1, H, W): ITU-R 601 in Pillow's whole numbers, whose sum is below 2^24."""
    if pixels.shape[1] == 1:
        return pixels
    red, green, blue = pixels[:, 0:1], pixels[:, 1:2], pixels[:, 2:3]
    return ((19595 * red + 38470 * green + 7471 * blue + 32768) / 65536).floor()
