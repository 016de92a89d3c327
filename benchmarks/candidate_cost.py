"""What does one more candidate cost, besides its training? Every claim with what this machine says.

    python benchmarks/candidate_cost.py [FOLDER] [--json] [--no-converter]

FOLDER is where the study is written, since a commit is as fast as its disk: by default a temporary
one in the current folder. The converter that ours is compared with needs the extra `converter`.
"""

import argparse
import importlib.util
import json
import logging
import os
import platform
import random
import tempfile
import warnings
from collections.abc import Callable
from contextlib import ExitStack, closing, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import torch
from ai_edge_litert.interpreter import Interpreter

from pocketnas.arch import to_lines
from pocketnas.search.pareto import pareto
from pocketnas.search.ppo import PPO
from pocketnas.search.searcher import RandomSearch, Result, Searcher
from pocketnas.spaces import Genotype, mnasnet_space
from pocketnas.study.storage import Storage
from pocketnas.study.study import Study
from pocketnas.study.trial import Outcome, Trial
from pocketnas.tflite.writer import write
from pocketnas.train.network import Network
from pocketnas.zoo import mnasnet_a1

BATCH = 20
LIMIT_S = 0.005  # of the commit of one trial
HOLDS = "holds"
SPACE = mnasnet_space()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; without a claim it is there for comparison."""

    what: str
    measured: str
    claim: str = ""
    verdict: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", help="a temporary one by default")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--no-converter", action="store_true", help="leave litert-torch out")
    args = parser.parse_args()
    torch.set_num_threads(1)  # the controller is small: a second thread only waits

    folder = args.folder or Path.cwd()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="candidate-cost-") as at:
        rows = [
            *model_cost(with_converter=not args.no_converter),
            *sampling(),
            *commits(Path(at)),
            resuming(Path(at)),
            *fronts(),
        ]
    if args.json:
        print(json.dumps({"machine": machine(), "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        print_table(rows)


# 1. From an architecture to a model that can be timed


def model_cost(*, with_converter: bool) -> list[Row]:
    """Graph, flatbuffer, interpreter, tensors: ours, then the converter's."""
    ours = [_seconds(lambda: _load(write(mnasnet_a1().graph()))) for _ in range(7)]
    name = "MnasNet-A1@224, Architecture to allocated interpreter"
    rows = [Row(name, f"{median(ours):.3f} s (worst of 7: {max(ours):.3f} s)")]
    if not with_converter:
        return [*rows, Row("the same through litert-torch", "left out")]
    if importlib.util.find_spec("litert_torch") is None:
        return [
            *rows,
            Row("the same through litert-torch", "not installed: pip install .[converter]"),
        ]
    theirs = _converter_seconds()
    ratio = theirs / median(ours)
    return [
        *rows,
        Row("the same through litert-torch, import not counted", f"{theirs:.2f} s"),
        Row("how many times as fast", f"{ratio:.0f}", "at least 60", _verdict(ratio >= 60)),
    ]


def _converter_seconds() -> float:
    logging.disable(logging.WARNING)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        chatter = stack.enter_context(Path(os.devnull).open("w"))
        stack.enter_context(redirect_stdout(chatter))
        stack.enter_context(redirect_stderr(chatter))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        import litert_torch

        def convert() -> None:
            network = Network(mnasnet_a1().graph()).eval()
            path = Path(folder, "model.tflite")
            litert_torch.convert(network, (torch.zeros(1, 3, 224, 224),)).export(str(path))
            _load(path.read_bytes())

        return _seconds(convert)


def _load(model: bytes) -> None:
    Interpreter(model_content=model, num_threads=1).allocate_tensors()


# 2. The controller


def sampling() -> list[Row]:
    """Genotypes a second, as `ask` gives them."""
    controller = PPO(SPACE.decisions)
    rows = []
    for n in (BATCH, 1000):
        controller.ask(n)
        rate = n / median(_seconds(partial(controller.ask, n)) for _ in range(15))
        name = f"controller samples a second, batches of {n:,}"
        rows.append(Row(name, f"{rate:,.0f}", "at least 1,000", _verdict(rate >= 1000)))
    return rows


# 3. Commits


def commits(folder: Path) -> list[Row]:
    """What recording takes, beside the least that this disk takes for as many bytes."""
    ppo = _told_ppo()
    state = ppo.state()
    trials = _trials(3000)
    batches = [trials[i : i + BATCH] for i in range(1000, 3000, BATCH)]
    known, one, small, many, large = (list[float]() for _ in range(5))
    with closing(Storage(folder / "commits.sqlite")) as storage:  # in turn: all see one weather
        for trial in trials[:1000]:
            known.append(_seconds(partial(_remember, storage, trial)))
            one.append(_seconds(partial(_record, storage, trial)))
            small.append(_seconds(partial(_bare, folder / "small", 3 * 4096)))
        for batch in batches:
            many.append(_seconds(partial(storage.record, batch, "ppo", state)))
            large.append(_seconds(partial(_bare, folder / "large", len(state))))
    packing = [_seconds(ppo.state) for _ in range(50)]
    size = f"{len(state) / 1e6:.1f} MB"
    return [
        _commit_row("commit of one remembered evaluation", known, small),
        _commit_row("commit of one trial", one, small),
        Row("  a bare write and fsync of 12 KiB on this disk", _spread(small)),
        Row(f"commit of {BATCH} trials with PPO's state, {size}", _spread(many)),
        Row(f"  a bare write and fsync of {size} on this disk", _spread(large)),
        Row("  packing PPO's state before", _spread(packing)),
    ]


def _commit_row(what: str, samples: list[float], bare: list[float]) -> Row:
    verdict = _verdict(_percentile(samples, 99) < LIMIT_S)
    if verdict != HOLDS and _percentile(bare, 99) >= LIMIT_S:
        verdict = "not on this disk, now: see the bare fsync"
    return Row(what, _spread(samples), f"p99 below {1000 * LIMIT_S:.0f} ms", verdict)


def _remember(storage: Storage, trial: Trial) -> None:
    storage.remember("latency", f"{trial.number:064}", trial.outcome.details["latency"])


def _record(storage: Storage, trial: Trial) -> None:
    storage.record([trial], "random", b'{"seed": 0, "told": 1000}')


def _bare(path: Path, size: int) -> None:
    with path.open("ab") as file:
        file.write(os.urandom(size))
        file.flush()
        os.fsync(file.fileno())


def _told_ppo() -> PPO:
    """With Adam's moments, which are two thirds of the state."""
    ppo = PPO(SPACE.decisions)
    ppo.tell([Result(genotype, 0.5) for genotype in ppo.ask(2)])
    return ppo


def _trials(n: int) -> list[Trial]:
    """Trials as a real search records them."""
    genotypes: list[Genotype] = RandomSearch(SPACE.decisions).ask(n)
    lines = to_lines(mnasnet_a1())
    latency = {"milliseconds": 3.21, "low": 3.2, "high": 3.22, "ratio": 0.83, "pairs": 41}
    return [
        Trial(
            number,
            "ppo",
            genotype,
            Outcome(
                random.random(),
                1 + random.random(),
                details={"digest": "0" * 64, "lines": lines, "madds": 1, "latency": latency},
            ),
            random.random(),
        )
        for number, genotype in enumerate(genotypes)
    ]


# 4. Resuming


def resuming(folder: Path) -> Row:
    """Opening a study of 10,000 trials and bringing a new PPO to where it was."""
    path, trials = folder / "resuming.sqlite", _trials(10_000)
    with closing(Study(path)) as study:
        study.join("ppo", SPACE, _told_ppo())
        study.record(trials, "ppo", _told_ppo())
    searcher: Searcher = PPO(SPACE.decisions)

    def resume() -> None:
        with closing(Study(path)) as study:
            study.join("ppo", SPACE, searcher)

    seconds = [_seconds(resume) for _ in range(5)]
    size = path.stat().st_size / 1e6
    measured = f"{median(seconds):.2f} s (worst of 5: {max(seconds):.2f} s; {size:.0f} MB)"
    return Row("resuming 10,000 trials", measured, "below 2 s", _verdict(max(seconds) < 2))


# 5. The Pareto set


def fronts() -> list[Row]:
    """Of random points, and of points that all belong to it."""
    draw = random.Random(0)
    scattered = [(draw.random(), draw.random()) for _ in range(10_000)]
    rows = []
    for what, points in (
        ("random", scattered),
        ("all on it", [(i / 1e4, float(i)) for i in range(10_000)]),
    ):
        accuracies, latencies = [a for a, _ in points], [b for _, b in points]
        seconds = median(_seconds(partial(pareto, accuracies, latencies)) for _ in range(9))
        name = f"Pareto set of 10,000 points, {what}"
        verdict = _verdict(seconds < 0.05)
        rows.append(Row(name, f"{1000 * seconds:.1f} ms", "below 50 ms", verdict))
    return rows


def machine() -> dict[str, Any]:
    """Where the numbers are from."""
    return {
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def print_table(rows: list[Row]) -> None:
    print("; ".join(f"{key} {value}" for key, value in machine().items()))
    columns = ("what", "measured", "claim")
    widths = [max(len(getattr(row, column)) for row in rows) for column in columns]
    for row in rows:
        cells = (row.what, row.measured, row.claim)
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        print(f"{line}  {row.verdict}".rstrip())


def _verdict(holds: bool) -> str:
    return HOLDS if holds else "DOES NOT HOLD HERE"


def _seconds(function: Callable[[], Any]) -> float:
    began = perf_counter()
    function()
    return perf_counter() - began


def _percentile(samples: list[float], percent: int) -> float:
    return quantiles(samples, n=100, method="inclusive")[percent - 1]


def _spread(samples: list[float]) -> str:
    p50, p99 = (1000 * _percentile(samples, percent) for percent in (50, 99))
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms"


if __name__ == "__main__":
    main()
