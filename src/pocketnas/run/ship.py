"""What a finished run leaves for people and programs: `best.json`, the picture, the page."""

import platform
from importlib.metadata import version
from typing import Any

from pocketnas.arch.architecture import Architecture
from pocketnas.arch.notation import from_lines
from pocketnas.data.feed import Feed
from pocketnas.data.images import Images, Split
from pocketnas.report.page import write_report
from pocketnas.report.plots import pareto_png
from pocketnas.report.summary import Summary
from pocketnas.run.folder import RunFolder, write_bytes, write_json
from pocketnas.search.limits import UNITS, Limits
from pocketnas.study.study import Study


def data_facts(images: Images, parts: Split) -> dict[str, Any]:
    """What the report says of the images, and what a program needs to feed the model."""
    return {
        "name": images.name,
        "classes": list(images.classes),
        "images": len(images),
        "train": len(parts.train),
        "validation": len(parts.validation),
        "test": len(parts.test),
        "skipped": list(images.skipped),
        "resolution": images.resolution,
        "channels": images.channels,
        "front_end": images.front_end,
    }


def versions() -> dict[str, str]:
    """Of what the figures depend on."""
    packages = ("pocketnas", "torch", "numpy", "ai-edge-litert")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def ship(folder: RunFolder, study: Study, summary: Summary) -> None:
    """Writes everything that lies beside `best.tflite`."""
    winner = summary.rows[0]
    write_bytes(folder.best_weights, folder.weights(winner.digest).read_bytes())
    write_json(folder.about, about(summary))
    render(folder, study, summary)


def render(folder: RunFolder, study: Study, summary: Summary | None) -> None:
    """Draws the picture and the page anew from what the study holds."""
    pareto_png(study, summary, folder.pareto)
    write_report(study, summary, folder.report)


def about(summary: Summary) -> dict[str, Any]:
    """The contents of `best.json`: all that a program needs to load and to rebuild the model."""
    winner = summary.rows[0]
    network: Architecture = from_lines(winner.lines)
    data, int8 = summary.data, summary.check.get("int8")
    fed = Feed(classes=tuple(data["classes"]), front_end=data.get("front_end"))
    return {
        "model": "best.tflite",
        **({"float_model": "best_float.tflite"} if int8 else {}),
        "weights": "best.safetensors",
        **fed.to_dict([data["resolution"], data["resolution"], data["channels"]], int8),
        "accuracy": winner.accuracy,
        "float_accuracy": winner.float_accuracy,
        "latency": winner.latency,
        "limits": [
            {
                "cost": limit.cost,
                "unit": UNITS[limit.cost],
                "most": limit.most,
                "hard": limit.is_hard,
                "value": winner.costs.get(limit.cost),
            }
            for limit in Limits.parse(summary.config.get("limits", ())).limits
        ],
        "madds": winner.madds,
        "parameters": winner.parameters,
        "check": summary.check,
        "digest": winner.digest,
        "block_strings": list(winner.lines),
        "architecture": network.to_dict(),
        "target_ms": summary.target_ms,
        "config": summary.config,
        "data": {key: value for key, value in data.items() if key != "classes"},
        "device": summary.device,
        "versions": summary.versions,
    }
