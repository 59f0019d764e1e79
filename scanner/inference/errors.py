"""What can go wrong with a device."""

from models.support.errors import Failure


class DeviceError(Failure):
    """The device that was asked for cannot be used."""
