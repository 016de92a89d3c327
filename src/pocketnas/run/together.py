"""A training on several devices: one process each, of which this one scores, logs and saves."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist

from pocketnas.data.images import Images, Split
from pocketnas.data.load import load_cached
from pocketnas.errors import PocketNASError, StudyError
from pocketnas.run.checkpoint import resumed
from pocketnas.run.start import Start
from pocketnas.run.train_config import TrainConfig
from pocketnas.train.ranks import ALONE, Ranks
from pocketnas.train.trainer import Training

_PATIENCE = timedelta(hours=12)  # the others wait while this process scores
_NOTICED_S = 5.0  # from a broken exchange to the end of the process behind it
_GRACE_S = 20.0  # for a broken exchange to be noticed by itself


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What every process needs to make the same training.

    Attributes:
        config: of the user.
        begun: the network.
        parts: of the images.
        images: the folder of the decoded images.
        checkpoint: the file to go on from, if it is there.
        precision: of the products.
    """

    config: TrainConfig
    begun: Start
    parts: Split
    images: Path
    checkpoint: Path
    precision: torch.dtype

    def training(self, images: Images, device: str, ranks: Ranks = ALONE) -> Training:
        """The training at its beginning, on all but the test images."""
        recipe = self.config.planned(flips=images.flips)
        architecture = self.begun.architecture
        return Training(
            architecture.graph(),
            images,
            np.sort(np.concatenate([self.parts.train, self.parts.validation])),
            recipe,
            seed=self.config.seed,
            device=device,
            weights=self.begun.weights,
            training_graph=architecture.graph(
                drop_path=recipe.drop_path, auxiliary=recipe.auxiliary > 0
            ),
            scale=self.begun.scale,
            precision=self.precision,
            parts=self.config.parts,
            ranks=ranks,
        )


@contextmanager
def together(job: Job, devices: Sequence[str]) -> Iterator[Ranks]:
    """Starts the processes of all devices but the first, which is this one's; ends them, too.

    Raises:
        StudyError: one of them has died; the checkpoint is there to go on from.
    """
    if len(devices) == 1:
        yield ALONE
        return
    meeting = job.checkpoint.with_name("meeting")
    meeting.unlink(missing_ok=True)
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    others = [
        spawn.Process(target=_follow, args=(job, devices, rank, meeting, theirs), daemon=True)
        for rank in range(1, len(devices))
    ]
    threads, ended = torch.get_num_threads(), threading.Event()
    try:
        for process in others:
            process.start()
        guard = threading.Thread(
            target=_guard, args=([each.sentinel for each in others], ended), daemon=True
        )
        guard.start()
        try:
            _join(devices, 0, meeting)
            yield Ranks(0, len(devices))
        except RuntimeError as error:
            alive = not wait([each.sentinel for each in others], _NOTICED_S)
            if alive or isinstance(error, PocketNASError):
                raise
            raise StudyError(
                f"a process of the training has died: {_reason(ours, error)}"
            ) from None
    finally:
        ended.set()
        for process in others:
            process.kill()
            process.join()
        with suppress(Exception):  # what is broken already need not be left in good order
            dist.destroy_process_group()
        torch.set_num_threads(threads)
        meeting.unlink(missing_ok=True)


def _follow(job: Job, devices: Sequence[str], rank: int, meeting: Path, told: Connection) -> None:
    """The life of another process: the same steps, and nothing else."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        images = load_cached(job.images)
        _join(devices, rank, meeting)
        training = job.training(images, devices[rank], Ranks(rank, len(devices)))
        resumed(training, job.checkpoint)
        training.run(job.config.planned(flips=images.flips).epochs)
        threading.Event().wait()  # leaving would look like dying
    except BaseException as error:
        with suppress(OSError):
            told.send(f"{devices[rank]}: {type(error).__name__}: {error}")
        os._exit(1)


def _join(devices: Sequence[str], rank: int, meeting: Path) -> None:
    """Meets the others, by a file and the loopback interface alone."""
    os.environ["GLOO_SOCKET_IFNAME"] = os.environ["NCCL_SOCKET_IFNAME"] = "lo"
    on_gpus = devices[rank].startswith("cuda")
    if on_gpus:
        torch.cuda.set_device(devices[rank])
    else:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // len(devices)))
    dist.init_process_group(
        "nccl" if on_gpus else "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=len(devices),
        timeout=_PATIENCE,
    )


def _reason(ours: Connection, error: Exception) -> str:
    """What the process that died has said last, or what was noticed of its end."""
    said: str = ours.recv() if ours.poll(1.0) else (str(error).splitlines() or [""])[0]
    return f"{said}; go on with --resume"


def _guard(sentinels: Sequence[int], ended: threading.Event) -> None:
    """Ends this process where one of the others is gone and a GPU's exchange waits for it."""
    wait(list(sentinels))
    if not ended.wait(_GRACE_S):
        os.write(2, b"pocketnas: a process of the training has died; go on with --resume\n")
        os._exit(1)


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        wait([parent.sentinel])
    os._exit(1)
