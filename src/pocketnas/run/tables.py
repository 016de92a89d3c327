"""Latency tables on disk: each under the name of its device and of what it was made for."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pocketnas.errors import StudyError
from pocketnas.latency.blocks import BlockTable
from pocketnas.latency.table import LatencyTable
from pocketnas.run.calibrating import Target
from pocketnas.run.folder import write_bytes

TABLES = Path("tables")
"""Where tables are kept and looked for: beside `runs`."""

_STAYS = (
    *("device", "board", "cpu", "model", "chip", "abi", "cores", "affinity", "governor"),
    *("threads", "litert", "benchmark_model_sha256"),
)


def fingerprint(facts: Mapping[str, Any], target: Target) -> str:
    """Names the file of a table: the device, the precision, what it was made for.

    The same for the same device and target, whatever the session: facts that come and go (its heat,
    its battery, the scale) do not count.
    """
    known = {key: facts.get(key) for key in _STAYS}
    size = (target.space, target.resolution, target.channels, target.width, target.depth)
    text = json.dumps([known, size, target.int8], sort_keys=True, default=str)
    name = re.sub(r"[^a-z0-9]+", "-", str(facts["device"]).lower()).strip("-")
    kind = "int8" if target.int8 else "float"
    space = re.sub(r"[^a-z0-9]+", "-", Path(target.space).name.lower()).strip("-")
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{name}-{space}-{target.resolution}-{kind}-{digest}"


def keep(table: LatencyTable, path: Path | None = None) -> Path:
    """Writes the table to `path`, by default into `TABLES` by its fingerprint; where it is.

    Raises:
        StudyError: it cannot be written.
    """
    target = Target(**table.about["target"])
    path = path or TABLES / f"{fingerprint(table.about['device'], target)}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"{path.parent}: cannot be made: {error.strerror}") from None
    write_bytes(path, json.dumps(table.to_dict(), indent=1).encode())
    return path


def kept(facts: Mapping[str, Any], target: Target) -> LatencyTable | None:
    """The table in `TABLES` for this device and target, if there is one.

    Raises:
        ModelError: it is there and cannot be read.
    """
    path = TABLES / f"{fingerprint(facts, target)}.json"
    return LatencyTable.load(path) if path.is_file() else None


def read(path: Path) -> LatencyTable | BlockTable:
    """The table in a file: one of ours, or a `.yaml` of blocks as ProxylessNAS's.

    Raises:
        ModelError: it cannot be read, or holds no table.
    """
    if path.suffix in (".yaml", ".yml"):
        return BlockTable.load(path)
    return LatencyTable.load(path)
