"""`best.json`: what a program reads beside `best.tflite`."""

import json

from pocketnas.arch.notation import to_lines
from pocketnas.report.summary import Row, Summary
from pocketnas.run.config import RunConfig
from pocketnas.run.ship import about
from pocketnas.zoo import mobilenet_v2


def summary(config: RunConfig, costs: dict[str, float]) -> Summary:
    network = mobilenet_v2(resolution=32, classes=2, width=0.25)
    row = Row(
        name="found",
        accuracy=0.9,
        validation=0.9,
        latency={"milliseconds": 0.3},
        madds=1,
        parameters=1,
        size_bytes=1,
        digest=network.digest,
        lines=tuple(to_lines(network)),
        costs=costs,
    )
    return Summary(
        rows=(row,),
        finalists=(),
        check={},
        target_ms=0.3,
        reference_ms=0.3,
        trials={},
        failed=0,
        seconds=1.0,
        data={"resolution": 32, "channels": 3, "classes": ["a", "b"]},
        config=config.to_dict(),
        device={},
        versions={},
    )


def test_the_limits_stand_beside_what_the_found_network_costs() -> None:
    config = RunConfig(limits=("size<=500", "int8~0.25"))
    found = about(summary(config, {"size": 412.0, "int8": 0.31}))["limits"]
    assert found == [
        {"cost": "size", "unit": "KiB", "most": 500.0, "hard": True, "value": 412.0},
        {"cost": "int8", "unit": "ms", "most": 0.25, "hard": False, "value": 0.31},
    ]


def test_a_summary_with_costs_survives_json() -> None:
    whole = summary(RunConfig(), {"size": 412.0})
    again = Summary.from_dict(json.loads(json.dumps(whole.to_dict())))
    assert again.rows == whole.rows
    older = whole.to_dict()
    del older["rows"][0]["costs"]
    assert Summary.from_dict(older).rows[0].costs == {}
