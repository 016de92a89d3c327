"""Search spaces: functions that call `choose`, traced into decisions."""

from pocketnas.spaces.mnasnet import Skeleton, mnasnet_space
from pocketnas.spaces.space import Choose, Decision, Genotype, Space

__all__ = ["Choose", "Decision", "Genotype", "Skeleton", "Space", "mnasnet_space"]
