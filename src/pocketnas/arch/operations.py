"""The thirteen operations of NASNet's cells (1707.07012, section 3 and appendix A.4).

All are ReLU, convolution, batch norm in this order. The paper does not say how an operation
strides; `conv13`, `conv17` and `dil3` follow AmoebaNet's code by the same authors (tensorflow/tpu,
`amoeba_net/network_utils.py`) without its bottlenecks, of which the paper knows nothing.
"""

from pocketnas.graph.builder import Builder, Value
from pocketnas.graph.ops import Activation, AvgPool, Conv, Depthwise, MaxPool


def operate(net: Builder, operation: str, x: Value, filters: int, stride: int) -> Value:
    """Adds one operation under the scope in hand.

    Args:
        net: the network under construction.
        operation: one of `pocketnas.arch.wiring.OPERATIONS`.
        x: a map of any shape.
        filters: of the result. An operation that keeps the channels gets a 1x1 convolution where
            `x` has another number.
        stride: of the operation.

    Returns:
        The result; `x` itself where the identity has nothing to change.
    """
    size = int(operation[-1]) if operation != "id" else 1
    match operation:
        case "id" if stride == 1 and x.channels == filters:
            return x
        case "id" | "conv1" | "conv3":
            return relu_conv(net, x, "conv", filters, (size, size), stride)
        case "dil3":
            return relu_conv(net, x, "conv", filters, (3, 3), stride, dilation=2)
        case "conv13" | "conv17":
            # The second strides for both: an op has one stride for both axes, and a stride of the
            # first would skip every other row before anything has seen it.
            y = relu_conv(net, x, "row", filters, (1, size))
            return relu_conv(net, y, "column", filters, (size, 1), stride)
        case "avg3":
            return _project(net, net.add("pool", AvgPool(3, stride, net.padding), x), filters)
        case "max3" | "max5" | "max7":
            return _project(net, net.add("pool", MaxPool(size, stride, net.padding), x), filters)
        case _:
            return _separable(net, x, filters, size, stride)


def relu_conv(
    net: Builder,
    x: Value,
    name: str,
    filters: int,
    kernel: tuple[int, int] = (1, 1),
    stride: int = 1,
    *,
    dilation: int = 1,
) -> Value:
    """ReLU, convolution, batch norm."""
    with net.scope(name):
        y = net.add("act", Activation("relu"), x)
        op = Conv(filters, kernel, stride, net.padding, dilation=dilation)
        return net.norm(net.add("conv", op, y))


def _project(net: Builder, x: Value, filters: int) -> Value:
    return x if x.channels == filters else net.conv(x, "conv", filters)


def _separable(net: Builder, x: Value, filters: int, kernel: int, stride: int) -> Value:
    """A depthwise separable convolution applied twice, each ReLU, depthwise, pointwise, BN."""
    for i in range(2):
        with net.scope(str(i)):
            y = net.add("act", Activation("relu"), x)
            depthwise = Depthwise((kernel, kernel), stride if i == 0 else 1, net.padding)
            y = net.add("depthwise", depthwise, y)
            y = net.add("pointwise", Conv(filters, (1, 1)), y)
            x = net.norm(y)
    return x
