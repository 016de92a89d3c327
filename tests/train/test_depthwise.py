"""Our gradients of the depthwise convolution against PyTorch's own."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F

from pocketnas.train.depthwise import depthwise


def gradients(function, x, weight, dy):
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    y = function(x, weight)
    y.backward(dy)
    return y.detach(), x.grad, weight.grad


SHAPES = ((9, 5, 11, 9), (4, 32, 16, 16), (3, 40, 2, 2), (1, 3, 1, 1))
KERNELS = ((3, 3), (5, 5), (7, 7), (1, 7), (2, 4))
PADS = ((1, 1, 1, 1), (0, 1, 0, 1), (3, 3, 3, 3), (0, 0, 0, 0))  # top, bottom, left, right


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(
    ("shape", "kernel", "pads"),
    [
        (shape, kernel, pads)
        for shape, kernel, pads in product(SHAPES, KERNELS, PADS)
        if shape[2] + pads[0] + pads[1] >= kernel[0] and shape[3] + pads[2] + pads[3] >= kernel[1]
    ],
    ids=str,
)
def test_gradients_are_those_of_torch(threads, stride, shape, kernel, pads):
    top, bottom, left, right = pads
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(shape[1], 1, *kernel, generator=generator)

    def stock(x, weight):
        return F.conv2d(F.pad(x, [left, right, top, bottom]), weight, None, stride, groups=shape[1])

    dy = torch.randn(stock(x, weight).shape, generator=generator)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        ours = gradients(lambda x, w: depthwise(x, w, None, stride, pads), x, weight, dy)
    finally:
        torch.set_num_threads(before)
    for found, expected in zip(ours, gradients(stock, x, weight, dy), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_bias_and_a_layout_with_the_channels_first():
    x, weight, bias = torch.randn(2, 8, 6, 6), torch.randn(8, 1, 5, 5), torch.randn(8)
    bias.requires_grad_()
    weight.requires_grad_()
    y = depthwise(x, weight, bias, 1, (2, 2, 2, 2))
    torch.testing.assert_close(y, F.conv2d(x, weight, bias, 1, 2, 1, 8))
    y.sum().backward()
    torch.testing.assert_close(bias.grad, torch.full((8,), 2 * 36.0))
    with torch.no_grad():
        torch.testing.assert_close(depthwise(x, weight, bias, 1, (2, 2, 2, 2)), y.detach())


def test_double_precision_takes_the_way_of_torch():
    x = torch.randn(1, 2, 5, 5, dtype=torch.double, requires_grad=True)
    weight = torch.randn(2, 1, 3, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, w: depthwise(x, w, None, 2, (0, 1, 0, 1)), (x, weight)
    )
