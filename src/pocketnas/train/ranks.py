"""Several processes that train one network, each on its share of every batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Ranks:
    """The place of this process among them; alone by default.

    All hold the same weights and draw the same batches; each computes the gradient of its share,
    the sum of all is the batch's, and all make the same step. Batch norm sees a rank's own share,
    as in PyTorch's DistributedDataParallel; the result's statistics are those of rank 0.

    Attributes:
        rank: from 0.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    def share(self, count: int) -> slice:
        """The rank's part of so many images, which are a multiple of `size`."""
        each = count // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Adds up the tensors of all ranks, in place, in one message for each type."""
        if self.size == 1:
            return
        for kind in dict.fromkeys(tensor.dtype for tensor in tensors):
            some = [tensor for tensor in tensors if tensor.dtype == kind]
            flat = torch.cat([tensor.reshape(-1) for tensor in some])
            dist.all_reduce(flat)
            parts = torch.split(flat, [tensor.numel() for tensor in some])
            for tensor, part in zip(some, parts, strict=True):
                tensor.copy_(part.view_as(tensor))


ALONE = Ranks()
