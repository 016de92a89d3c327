import pytest
from hypothesis import given
from hypothesis import strategies as st

from pocketnas.arch.rounding import round_filters


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        # width 1.4, 1.3, 0.75, 0.5, 0.35 of MnasNet's and MobileNetV2's filters
        (32 * 1.4, 48),
        (16 * 1.4, 24),
        (24 * 1.4, 32),
        (112 * 1.4, 160),
        (32 * 1.3, 40),
        (96 * 1.3, 128),
        (24 * 0.75, 24),  # 16 would be more than 10 % below 18
        (40 * 0.75, 32),
        (80 * 0.5, 40),
        (40 * 0.5, 24),  # halves round up
        (12, 16),
        (24 * 0.35, 8),
        (32 * 0.35, 16),  # 8 would be more than 10 % below 11.2
        (16 * 0.35, 8),
        (1, 8),
        (0.1, 8),
        (1280, 1280),
    ],
)
def test_the_reference_codes_rounding(filters: float, expected: int) -> None:
    assert round_filters(filters) == expected


@given(st.floats(0.1, 5000), st.integers(1, 64))
def test_a_near_multiple_never_10_percent_below(filters: float, divisor: int) -> None:
    rounded = round_filters(filters, divisor)
    assert rounded % divisor == 0
    assert rounded >= divisor
    assert rounded >= 0.9 * filters
    assert rounded <= max(divisor, filters + divisor)
    if filters >= divisor and (filters + divisor / 2) // divisor * divisor >= 0.9 * filters:
        assert abs(rounded - filters) <= divisor / 2


@given(st.integers(1, 10**6), st.integers(1, 64))
def test_multiples_stay(factor: int, divisor: int) -> None:
    assert round_filters(factor * divisor, divisor) == factor * divisor
