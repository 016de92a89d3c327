"""Are the counts exact? Accel-NASBench's 200 counted networks, and every network of the zoo.

    python benchmarks/exact_counts.py [--data ../shared/data] [--json]

Exits with 1 if a count is off. The zoo needs no data; where the folder is absent, that is said.
"""

import argparse
import csv
import json
import sys
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from pocketnas import zoo
from pocketnas.arch import Architecture
from pocketnas.arch.scaling import build
from pocketnas.graph import Graph, madds, parameters
from pocketnas.graph.ops import BatchNorm, GlobalAvgPool, Multiply, Op

FILTERS, STRIDES = (16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 2, 1, 2, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    file = args.data / "anb_exact_counts_200.csv"
    counted = accel_nasbench(file) if file.is_file() else None
    rows = [zoo_row(entry) for entry in zoo.entries()]
    if args.json:
        print(json.dumps({"accel_nasbench": counted, "zoo": rows}, indent=2))
    else:
        if counted is None:
            print(f"{file} is not there: the networks of Accel-NASBench were not counted")
        else:
            print(
                f"Accel-NASBench: {counted['parameters_equal']} of {counted['rows']} parameters"
                f" and {counted['macs_equal']} of {counted['rows']} thop MACs equal"
            )
        show(rows)
    wrong = [row["name"] for row in rows if not row["agrees"]]
    if wrong or (counted and counted["rows"] != counted["both_equal"]):
        print(f"off: {', '.join(wrong) or 'Accel-NASBench'}", file=sys.stderr)
        sys.exit(1)


def accel_nasbench(file: Path) -> dict[str, int]:
    """How many rows of the file our counts equal to the last digit."""
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    equal = []
    for row in rows:
        graph = accel_nasbench_network(row).graph()
        equal.append(
            (
                parameters(graph) == round(float(row["params_m"]) * 1e6),
                thop_macs(graph) == round(float(row["macs_thop_m"]) * 1e6),
            )
        )
    return {
        "rows": len(rows),
        "parameters_equal": sum(params for params, _ in equal),
        "macs_equal": sum(macs for _, macs in equal),
        "both_equal": sum(map(all, equal)),
    }


def accel_nasbench_network(row: Mapping[str, str]) -> Architecture:
    """The network of one row: seven stages of e, k, l(ayers) and se."""
    lines = []
    for i, (filters, stride) in enumerate(zip(FILTERS, STRIDES, strict=True)):
        e, k, layers, se = (row[f"block{i}_{field}"] for field in ("e", "k", "l", "se"))
        kind = "ds" if e == "1" else "ir"
        expansion = "" if e == "1" else f"_e{e}"
        squeeze = "_se0.25" if se == "1" else ""
        lines.append(f"{kind}_r{layers}_k{k}_s{stride}{expansion}_c{filters}{squeeze}")
    return build(lines, resolution=224, classes=1000)


def thop_macs(graph: Graph) -> int:
    """As thop counts: four more for each output of a batch norm, and the additions of pools."""
    pools = [node for node in graph.nodes if isinstance(node.op, GlobalAvgPool)]
    pooled = sum(prod(node.input_shapes[0]) + node.shape[2] for node in pools)
    return madds(graph) + pooled + 4 * outputs(graph, BatchNorm)


def zoo_row(entry: zoo.Entry) -> dict[str, Any]:
    """One network's counts beside the published ones."""
    graph = entry.architecture().graph()
    published = entry.published
    params, counted = parameters(graph), round(madds(graph) + authors_extra(entry.name, graph))
    # What was printed in millions with one digit behind the point may be off by that digit.
    slack = 100_000 if (published.params or 0) % 10_000 == 0 else 0
    rounding = max(0.01 * (published.madds or 0), 1_000_000)
    return {
        "name": entry.name,
        "resolution": entry.resolution,
        "params": params,
        "published_params": published.params,
        "madds": madds(graph),
        "madds_as_published": counted,
        "published_madds": published.madds,
        "agrees": (published.params is None or abs(params - published.params) <= slack)
        and (published.madds is None or abs(counted - published.madds) <= rounding),
        "source": published.source,
    }


def authors_extra(name: str, graph: Graph) -> float:
    """What two tables count besides multiply-adds; how they count is our guess, that it fits seen.

    The table of MnasNet-A1's multipliers: half a multiply-add for each bias that batch norm adds,
    one for each value that SE pools and scales. EfficientNet-Lite's: three for each output of a
    batch norm.
    """
    if name.startswith("mnasnet_a1_"):
        return outputs(graph, BatchNorm) / 2 + outputs(graph, Multiply)
    if name.startswith("efficientnet_lite"):
        return 3 * outputs(graph, BatchNorm)
    return 0


def outputs(graph: Graph, kind: type[Op]) -> int:
    """How many values all ops of one kind give."""
    return sum(prod(node.shape) for node in graph.nodes if isinstance(node.op, kind))


def show(rows: list[dict[str, Any]]) -> None:
    print(f"{'network':32} {'parameters':>11} {'published':>11} {'M MAdds':>10} {'published':>10}")
    for row in rows:
        millions = f"{row['published_madds'] / 1e6:.1f}" if row["published_madds"] else "-"
        params = f"{row['published_params']:,}" if row["published_params"] else "-"
        other = row["madds_as_published"]
        difference = f"{other / row['published_madds'] - 1:+.2%}" if row["published_madds"] else ""
        print(
            f"{row['name']:32} {row['params']:>11,} {params:>11} {row['madds'] / 1e6:>10.1f}"
            f" {millions:>10} {difference:>7} {'' if row['agrees'] else 'off'}"
            + (f"as its authors count: {other / 1e6:.1f} M" if other != row["madds"] else "")
        )
    print(
        f"{sum(row['agrees'] for row in rows)} of {len(rows)} agree: exact parameters equal,"
        " rounded ones within 0.1 M, MAdds within 1 % or 1 M; - is not published"
    )


if __name__ == "__main__":
    main()
