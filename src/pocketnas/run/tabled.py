"""A search by a latency table: which table, on the run's own scale, kept in the run's folder."""

import json
from collections.abc import Callable, Sequence
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.data.images import Images
from pocketnas.devices import Device
from pocketnas.errors import ArchitectureError
from pocketnas.latency.blocks import BlockTable
from pocketnas.latency.lookup import Lookup, Predict
from pocketnas.latency.table import LatencyTable
from pocketnas.report.figures import percent
from pocketnas.run.calibrating import Target, calibrate, draw
from pocketnas.run.config import RunConfig
from pocketnas.run.folder import RunFolder, write_bytes
from pocketnas.run.tables import TABLES, kept, read
from pocketnas.run.watch import Watch
from pocketnas.search.promise import Latencies
from pocketnas.spaces.space import Genotype, Space

TABLE = "table"
_LOOKED_AT = 50  # networks of the space, to see whether the table knows it
_PAUSE_S = 15.0
_FOREVER = 1e9  # milliseconds
_ENOUGH = 0.8  # of their latency measured; else the user is told


def predictor(
    config: RunConfig,
    images: Images,
    space: Space[Architecture],
    reference: Architecture,
    device: Device,
    folder: RunFolder,
    watch: Watch,
) -> Predict | None:
    """What tells a trial's latency without a measurement; None where the device measures it.

    The table is the run folder's own, which a resumed run goes on with; else the file that the user
    names; else the one in `tables` for this device and space; else it is made now, which takes
    some minutes. Its milliseconds are scaled so that the reference takes what it takes in this run.

    Raises:
        ModelError: the file holds no table, or none for this space.
        DeviceError: the device cannot measure.
    """
    if config.latency == "device":
        return None
    table = _table(config, images, device, folder, watch)
    drawn = draw(space, _LOOKED_AT, config.seed)
    if isinstance(table, BlockTable):
        sums: dict[str, float] = {}

        def predict(architecture: Architecture) -> float:
            if architecture.digest not in sums:
                sums[architecture.digest] = table(architecture.graph())
            return sums[architecture.digest]

        for architecture in drawn:
            predict(architecture)  # a block that is missing is said before the search begins
        watch.note("latencies of trials are those of a table of blocks, on its own scale")
        return predict
    known = sum(table.known(network.graph()) for network in drawn) / len(drawn)
    if known < _ENOUGH:
        watch.note(
            f"warning: the table has measured only {percent(known, 0)} of the latency of this"
            " space's networks; the rest is guessed from operators of the same kind"
        )
    scale = device.reference_ms / table(reference.graph())
    error = table.about.get("check", {}).get("mean_error")
    said = "" if error is None else f", off by {percent(error)} in the mean when it was made"
    watch.note(f"latencies of trials are those of a table{said}; the best are measured in the end")
    return Lookup(table, scale)


def _table(
    config: RunConfig, images: Images, device: Device, folder: RunFolder, watch: Watch
) -> LatencyTable | BlockTable:
    for path in (folder.path / f"table{suffix}" for suffix in (".json", ".yaml")):
        if path.is_file():
            return read(path)
    if config.latency != TABLE:
        source = Path(config.latency)
        given = read(source)
        suffix = ".json" if isinstance(given, LatencyTable) else ".yaml"
        write_bytes(folder.path / f"table{suffix}", source.read_bytes())
        return given
    target = Target(
        space=config.space,
        resolution=images.resolution,
        classes=len(images.classes),
        channels=images.channels,
        width=config.width,
        depth=config.depth,
        device=config.device,
        program=config.benchmark_model,
        threads=config.threads,
        int8=config.int8,
    )
    table = kept(device.facts(), target)
    if table is None:
        watch.note(
            f"there is no table for this device and space in {TABLES}; calibrating one now, which"
            " takes about two minutes on a computer (pocketnas calibrate makes one to keep)"
        )
        table = calibrate(target, watch=_now_and_then(watch))
    write_bytes(folder.path / "table.json", json.dumps(table.to_dict()).encode())
    return table


def _now_and_then(watch: Watch) -> Callable[[str], None]:
    """Notes no more than one text in `_PAUSE_S`: a log is to be read."""
    latest = -inf

    def told(text: str) -> None:
        nonlocal latest
        if monotonic() - latest >= _PAUSE_S:
            latest = monotonic()
            watch.note(text)

    return told


def latencies(predict: Predict, space: Space[Architecture]) -> Latencies:
    """The latencies of genotypes, for a searcher; what cannot be built takes forever."""

    def found(genotypes: Sequence[Genotype]) -> list[float]:
        return [of(genotype) for genotype in genotypes]

    def of(genotype: Genotype) -> float:
        try:
            return predict(space.decode(genotype))
        except ArchitectureError:
            return _FOREVER

    return found


def predicted(predict: Predict, architecture: Architecture) -> dict[str, Any]:
    """A trial's latency by a table, as plain values; it has no interval of its own."""
    return {"milliseconds": predict(architecture), "predicted": True}
