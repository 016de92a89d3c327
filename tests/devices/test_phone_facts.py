from typing import Any

import pytest

from pocketnas.devices.phone_facts import notes_on
from pocketnas.devices.phone_heat import Heat

COOL = Heat(25.0, 28.0, 0)
FINE: dict[str, Any] = {"screen_on": False, "battery_percent": 80, "cores": "f0"}


def test_a_phone_in_good_order_needs_no_note() -> None:
    assert notes_on(FINE, COOL, 40.0) == []
    assert notes_on(FINE | {"screen_on": None, "battery_percent": None}, COOL, 40.0) == []


@pytest.mark.parametrize(
    ("facts", "heat", "says"),
    [
        ({"screen_on": True}, COOL, "switch it off"),
        ({"battery_percent": 19}, COOL, "the battery is at 19 %"),
        ({"cores": None}, COOL, "hides its cores' speeds"),
        ({}, Heat(45.0, None, 0), "the phone is hot (battery 45.0 °C)"),
        ({}, Heat(25.0, None, 3), "throttling severe"),
    ],
)
def test_what_to_mend_is_noted(facts: dict[str, Any], heat: Heat, says: str) -> None:
    [note] = notes_on(FINE | facts, heat, 40.0)
    assert says in note
