"""How a multiplied number of filters becomes a whole one."""


def round_filters(filters: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, at least `divisor`, never 10 % below `filters`.

    Halves round up. Source: MnasNet, MobileNet and EfficientNet reference code
    (`round_filters`, `_make_divisible`), which agree for a divisor of 8.
    """
    rounded = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * filters else rounded
