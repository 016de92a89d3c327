"""One root error and a few leaves. Every message says what, where, got and allowed."""


class PocketNASError(Exception):
    """Anything a user can mend; the command line prints its message alone, without a traceback."""


class ArchitectureError(PocketNASError, ValueError):
    """A graph, block, architecture or block string that cannot be built."""


class SpaceError(PocketNASError, ValueError):
    """A search space or genotype that does not fit."""


class DataError(PocketNASError, ValueError):
    """Images that cannot be read, split or used."""


class DeviceError(PocketNASError):
    """A device that cannot measure: absent, hung, crashed or refusing the model."""


class ModelError(PocketNASError, ValueError):
    """Weights or a `.tflite` that do not fit their architecture."""


class StudyError(PocketNASError):
    """A study that cannot be opened, resumed or written."""


class SettingError(PocketNASError, ValueError):
    """A setting of a run that is out of range or contradicts another."""
