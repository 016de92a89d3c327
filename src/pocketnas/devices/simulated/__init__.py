"""A phone that is none: it speaks adb's own protocol to the real `adb`, and runs networks here."""

from pocketnas.devices.simulated.conditions import Phone as Phone
from pocketnas.devices.simulated.phone import SimulatedPhone as SimulatedPhone
