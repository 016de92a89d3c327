"""Further proposals than narrower layers: smaller kernels, no SE, fewer layers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.errors import SettingError
from pocketnas.graph.graph import Graph
from pocketnas.netadapt.adapt import Adapted, Predict, Proposal
from pocketnas.netadapt.widths import changed, placed

KINDS = ("kernel", "se", "layer")


def lighter(now: Adapted, goal: float, predict: Predict, kinds: Sequence[str]) -> list[Proposal]:
    """The changes of these kinds, one a block, that are fast enough.

    A kernel loses its outermost ring, squeeze-and-excite goes, a layer that a shortcut passes goes.

    Args:
        now: the present network.
        goal: milliseconds.
        predict: milliseconds of a network; only its ratio to that of the present one counts.
        kinds: some of `KINDS`.

    Raises:
        SettingError: a kind is unknown.
    """
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise SettingError(f"--also must be of {', '.join(KINDS)}; got {unknown[0]!r}")
    factor = now.milliseconds / predict(now.architecture)
    found = []
    for kind in kinds:
        for path, was, becomes, architecture in _MAKES[kind](now.architecture):
            time = factor * predict(architecture)
            if time <= goal:
                found.append(Proposal(f"{path}.{kind}", architecture, time, was, becomes))
    return found


def names(proposal: Proposal, graph: Graph) -> dict[str, str]:
    """Nodes of the smaller network's graph that the larger one calls otherwise: a layer is gone."""
    path, _, kind = proposal.name.rpartition(".")
    if kind != "layer":
        return {}
    stage, _, number = path.rpartition(".")
    found = {}
    for node in graph.nodes:
        if node.name.startswith(f"{stage}."):
            own, dot, rest = node.name[len(stage) + 1 :].partition(".")
            if int(own) >= int(number):
                found[node.name] = f"{stage}.{int(own) + 1}{dot}{rest}"
    return found


Made = Iterator[tuple[str, int, int, Architecture]]


def _kernels(architecture: Architecture) -> Made:
    for path, block in placed(architecture):
        kernel: int = getattr(block, "kernel", 0)
        if path.startswith("stages.") and kernel > 3:
            smaller = changed(architecture, {path: {"kernel": kernel - 2}})
            yield path, kernel, kernel - 2, smaller


def _gates(architecture: Architecture) -> Made:
    for path, block in placed(architecture):
        if hidden := getattr(block, "se", 0):
            yield path, hidden, 0, changed(architecture, {path: {"se": 0}})


def _layers(architecture: Architecture) -> Made:
    for i, stage in enumerate(architecture.stages):
        for j, block in enumerate(stage):
            if j and _passes(block, stage[j - 1]):
                kept = stage[:j] + stage[j + 1 :]
                stages = (*architecture.stages[:i], kept, *architecture.stages[i + 1 :])
                yield f"stages.{i}.{j}", len(stage), len(kept), replace(architecture, stages=stages)


def _passes(block: Any, before: Any) -> bool:
    """Whether a shortcut passes the block that changes nothing."""
    same = block.stride == 1 and block.filters == before.filters
    return same and getattr(block, "skip", "identity") == "identity"


_MAKES = {"kernel": _kernels, "se": _gates, "layer": _layers}
