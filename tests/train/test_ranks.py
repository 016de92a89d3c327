"""Several processes on one batch: the same training as one process on its parts."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist

from pocketnas.data.images import Images
from pocketnas.graph import Builder
from pocketnas.graph.ops import Activation, Conv, Dense, GlobalAvgPool
from pocketnas.train.augment import Augmentation
from pocketnas.train.network import weights_of
from pocketnas.train.ranks import ALONE, Ranks
from pocketnas.train.recipe import Recipe
from pocketnas.train.trainer import Training

RECIPE = Recipe(epochs=2, batch=12, learning_rate=0.05, augmentation=Augmentation(shift=0.1))


def images() -> Images:
    noise = np.random.default_rng(0)
    pixels = noise.integers(0, 256, (60, 8, 8, 3), dtype=np.uint8)
    return Images("noise", pixels, np.arange(60) % 3, tuple("abc"))


def plain_graph():
    """Without batch norm, whose statistics are of a rank's own share."""
    net = Builder((8, 8, 3))
    x = net.add("conv", Conv(6, (3, 3), bias=True), net.input)
    x = net.add("act", Activation("relu"), x)
    return net.graph(net.add("dense", Dense(3), net.add("pool", GlobalAvgPool(), x)))


def trained(ranks: Ranks = ALONE, parts: int = 1):
    data = images()
    training = Training(
        plain_graph(), data, np.arange(60), RECIPE, seed=3, parts=parts, ranks=ranks
    )
    network = training.run(RECIPE.epochs)
    return weights_of(network), training.loss


def follow(rank: int, size: int, meeting: Path) -> None:
    """The life of one rank; leaves what it has come to beside the meeting."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    weights, loss = trained(Ranks(rank, size))
    np.savez(meeting.with_name(f"rank{rank}.npz"), loss=loss, **weights)
    dist.destroy_process_group()


def test_ranks_are_one_training(tmp_path: Path) -> None:
    size = 3
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, str(rank), str(size), str(tmp_path / "meeting")],
            env={**os.environ, "GLOO_SOCKET_IFNAME": "lo"},
        )
        for rank in range(size)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0] * size
    found = [dict(np.load(tmp_path / f"rank{rank}.npz")) for rank in range(size)]
    expected, loss = trained(parts=size)
    for weights in found:
        assert weights.pop("loss") == pytest.approx(loss, rel=1e-5)
        for key, value in expected.items():
            np.testing.assert_allclose(weights[key], value, rtol=1e-4, atol=1e-6)
    assert all(np.array_equal(found[0][key], each[key]) for each in found for key in each)


def test_shares_are_the_whole_batch() -> None:
    batch = np.arange(12)
    for size in (1, 2, 3, 4):
        shares = [batch[Ranks(rank, size).share(12)] for rank in range(size)]
        assert np.array_equal(np.concatenate(shares), batch)


def test_one_alone_sends_nothing() -> None:
    value = torch.ones(3)
    ALONE.sum([value])
    assert value.tolist() == [1, 1, 1]


if __name__ == "__main__":
    follow(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
