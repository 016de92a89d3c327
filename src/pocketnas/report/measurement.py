"""How the latency was measured, and how the file was checked, in plain words with the numbers."""

from collections.abc import Mapping
from typing import Any

from pocketnas.report.figures import device_text, interval, milliseconds, percent, tiny


def latency_words(latency: Mapping[str, Any], device: Mapping[str, Any]) -> list[str]:
    """Paragraphs on one `Latency.to_dict()` and the device's facts; unknown parts are left out."""
    if "milliseconds" not in latency:
        return ["No latency has been measured yet."]
    return [text for text in (_turns(device), _ratio(latency), _clock(latency, device)) if text]


def setting_words(latency: Mapping[str, Any], device: Mapping[str, Any]) -> str:
    """The runtime, threads, cores: what the number holds for."""
    threads = latency.get("threads") or device.get("threads")
    parts = [f"LiteRT {device['litert']}" if device.get("litert") else "LiteRT"]
    if partitions := device.get("xnnpack_partitions"):
        pieces = "" if partitions == 1 else f" in {partitions} pieces"
        parts[0] += f" with XNNPACK{pieces}"
    parts.append("one image at a time (batch 1)")
    if threads:
        parts.append(f"{threads} thread{'' if threads == 1 else 's'}")
    if cores := device.get("affinity"):
        plural = "core" if len(cores) == 1 else "cores"
        of = f" (of {device['cores']}, the first is 0)" if device.get("cores") else ""
        parts.append(f"pinned to {plural} {', '.join(map(str, cores))}{of}")
    if device.get("governor"):
        parts.append(f"frequency governor {device['governor']}")
    name = device_text(str(device.get("cpu") or latency.get("device") or "the device"))
    return (
        f"{', '.join(parts)}; {name}. The interval says how well the time is known on this very"
        " machine; another device has times of its own."
    )


def check_words(check: Mapping[str, Any]) -> str:
    """The written file against the network that was trained."""
    if not check:
        return "The file was not checked against the trained network."
    images = check.get("images")
    on = f" on {images:,} images" if isinstance(images, int) else ""
    said = [f"The .tflite was run beside the trained PyTorch network{on}"]
    if isinstance(agreement := check.get("agreement"), int | float):
        same = "all" if agreement == 1 else percent(agreement, 2)
        said.append(f"both named the same class for {same} of them")
    if isinstance(difference := check.get("largest_difference"), int | float):
        said.append(f"their outputs differ by {tiny(difference)} at most")
    if isinstance(accuracy := check.get("accuracy"), int | float):
        said.append(f"the file's own accuracy is {percent(accuracy, 2)}")
    words = "; ".join(said) + "."
    if isinstance(int8 := check.get("int8"), Mapping):
        words = words.replace("The .tflite", "The float .tflite", 1) + (
            " The int8 file, which is the one that ships, names the network's class for"
            f" {percent(int8['agreement'], 2)} of them; its accuracy is"
            f" {percent(int8['accuracy'], 2)}."
        )
    return words


def _turns(device: Mapping[str, Any]) -> str:
    window = device.get("window_s")
    turns = f"in windows of {1000 * window:g}\u00a0ms" if window else "in short windows"
    return (
        f"The network took turns with a reference network, {turns} on the same cores: reference,"
        " candidate, reference, candidate. A computer's speed drifts from second to second, but"
        " neighbours feel it alike, so their ratio holds still where milliseconds do not."
    )


def _ratio(latency: Mapping[str, Any]) -> str:
    ratio, reference = latency.get("ratio"), latency.get("reference_ms")
    if not ratio or not reference:
        return ""
    value, low, high = interval(latency)
    pairs = f" over {latency['pairs']:,} pairs of windows" if latency.get("pairs") else ""
    runs = f" ({latency['runs']:,} runs)" if latency.get("runs") else ""
    return (
        f"Averaged{pairs}{runs}, it needs {ratio:.3f} times as long as the reference. Times the"
        f" reference's calm {milliseconds(reference)}, its speed when nothing disturbs it, fixed"
        f" once at the start, that is {milliseconds(value)}; its measurements, with their 95 %"
        f" confidence intervals, lie between {milliseconds(low)} and {milliseconds(high)}."
    )


def _clock(latency: Mapping[str, Any], device: Mapping[str, Any]) -> str:
    median, reference = latency.get("raw_median"), latency.get("reference_ms")
    if not median:
        return ""
    said = f"The bare stopwatch, without that correction: median {milliseconds(median)}"
    if latency.get("raw_p90"):
        said += f", one run in ten slower than {milliseconds(latency['raw_p90'])}"
    if isinstance(spread := latency.get("raw_spread"), int | float):
        said += (
            f", spread {percent(spread, 0)} of the median (from the 10th to the 90th percentile)"
        )
    meanwhile = latency.get("reference_raw_median")
    if not meanwhile or not reference:
        return said + "."
    slower = meanwhile / reference - 1
    state = (
        f"the machine was {percent(slower, 0)} slower than calm"
        if slower >= 0.005
        else "the machine was calm"
    )
    return f"{said}. The reference ran at {milliseconds(meanwhile)} meanwhile: {state}."
