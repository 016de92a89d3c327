import pytest

from pocketnas.devices.phone_heat import Heat


@pytest.mark.parametrize(
    ("heat", "above"),
    [
        (Heat(39.9, 60.0, 0), False),
        (Heat(40.0, None, 0), True),
        (Heat(20.0, None, 1), True),
        (Heat(None, None, None), False),
    ],
)
def test_a_phone_is_hot_by_its_battery_or_by_its_own_word(heat: Heat, above: bool) -> None:
    assert heat.is_above(40.0) is above


def test_heat_says_what_is_known() -> None:
    assert str(Heat(41.25, 39.0, 2)) == "battery 41.2 °C, throttling moderate"
    assert str(Heat(None, None, 99)) == "throttling shutdown"
    assert str(Heat(None, None, None)) == "of unknown temperature"
    assert Heat(31.0, 33.5, None).to_dict() == {
        "celsius": 33.5,
        "battery_c": 31.0,
        "skin_c": 33.5,
        "throttled": None,
    }
