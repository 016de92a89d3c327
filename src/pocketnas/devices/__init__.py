"""Devices time networks: bytes of a `.tflite` in, milliseconds out."""

from pocketnas.devices.device import Delegation as Delegation
from pocketnas.devices.device import Device as Device
from pocketnas.devices.device import Latency as Latency
from pocketnas.devices.device import repeated as repeated
from pocketnas.devices.host import HostDevice as HostDevice
