"""The process that runs the networks of a simulated phone, for its stand-in of `benchmark_model`.

A request is a line of JSON on stdin: `graph`, the path of a `.tflite`; `threads`; and how often to
run it, `warmup_runs` and `warmup_s`, then `runs` and `min_s`. The answer is a line on stdout:
`init_ns`, `partitions` and the nanoseconds of all runs, `warmup` and `timed`; or an `error`.
"""

import gc
import json
import os
import signal
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from pocketnas.devices.host_worker import Net


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Load a network and time it, like one run of `benchmark_model`."""
    model = Path(request["graph"]).read_bytes()
    begin = perf_counter_ns()
    net = Net(model, request["threads"])
    init_ns = perf_counter_ns() - begin
    return {
        "init_ns": init_ns,
        "partitions": net.partitions,
        "warmup": _runs(net, request["warmup_runs"], request["warmup_s"]),
        "timed": _runs(net, request["runs"], request["min_s"]),
    }


def _runs(net: Net, least: int, seconds: float) -> list[int]:
    """At least so many runs and for at least so long, by the runs' own times.

    Not by the clock: what other programs take of this computer is no time on the phone.
    """
    runs: list[int] = []
    while len(runs) < least or sum(runs) < seconds * 1e9:
        runs += net.timed(1)
    return runs


def main() -> None:
    """Serve until stdin closes; what libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asker's to handle
    import ai_edge_litert.interpreter  # noqa: F401  (now: loading a network should not wait for it)

    gc.disable()  # a collection during a run would be timed with it
    for line in sys.stdin:
        try:
            answer = run(json.loads(line))
        except Exception as error:  # whatever LiteRT raises is a line for the asker
            answer = {"error": " ".join(str(error).split()) or type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
