"""A table of a made-up device, whose truth is known."""

import json
from pathlib import Path

import pytest

from latency.made_up import MadeUp, alone_ms, graphs, latency, networks, of_graph, whole_ms
from pocketnas.errors import DeviceError, ModelError
from pocketnas.latency.calibrate import tabulate, time_networks, time_operators
from pocketnas.latency.check import Measured, check
from pocketnas.latency.lookup import Lookup
from pocketnas.latency.operators import Operator
from pocketnas.latency.table import LatencyTable, guessed
from pocketnas.tflite import write
from pocketnas.zoo.registry import entry


def measured(n: int, seed: int = 0) -> list[Measured]:
    found = [of_graph(graph) for graph in graphs(n, seed)]
    return [Measured(tuple(each), latency(whole_ms(each))) for each in found]


@pytest.fixture(scope="module")
def alone() -> dict[Operator, float]:
    return {each: alone_ms(each) for graph in graphs(60) for each in of_graph(graph)}


@pytest.fixture(scope="module")
def table(alone: dict[Operator, float]) -> LatencyTable:
    return tabulate(alone, measured(40), {"device": {"device": "made up"}})


def test_it_finds_the_truth(table: LatencyTable) -> None:
    """On networks that it has not seen, of operators that it has."""
    found = check(lambda network: table.total(network.operators), measured(60)[40:])
    assert found.networks == 20
    assert found.mean_error < 0.01
    assert found.within_5 == found.within_10 == 1
    assert found.spearman > 0.99
    assert found.noise == pytest.approx(0.01)


def test_the_sum_of_operators_alone_does_not(alone: dict[Operator, float]) -> None:
    found = check(lambda n: sum(map(alone_ms, n.operators)), measured(60)[40:])
    assert found.mean_error > 0.1
    assert found.bias < -0.1


def test_a_price_holds_for_its_operator(table: LatencyTable, alone: dict[Operator, float]) -> None:
    conv = max((each for each in alone if each.kind == "conv 1x1"), key=alone.__getitem__)
    wise = max((each for each in alone if each.kind == "depthwise"), key=alone.__getitem__)
    assert table.price(conv) / alone[conv] == pytest.approx(1.2, rel=0.1)
    assert table.price(wise) / alone[wise] == pytest.approx(1.5, rel=0.1)


def test_one_wrong_measurement_hardly_counts(alone: dict[Operator, float]) -> None:
    samples = measured(40)
    samples[7] = Measured(samples[7].operators, latency(3 * samples[7].latency.milliseconds))
    spoilt = tabulate(alone, samples, {})
    found = check(lambda network: spoilt.total(network.operators), measured(60)[40:])
    assert found.mean_error < 0.03


def test_unknown_operators_are_guessed_from_their_kin(
    table: LatencyTable, alone: dict[Operator, float]
) -> None:
    some = {each: time for i, (each, time) in enumerate(alone.items()) if i % 2}
    part = tabulate(some, measured(40), {})
    found = check(lambda network: part.total(network.operators), measured(60)[40:])
    assert found.mean_error < 0.1
    graph = graphs(41)[40]
    assert table.known(graph) > 0.99
    assert 0 < part.known(graph) < 0.9
    strange = entry("mobilenet_v3_small").architecture().graph()
    assert table.known(strange) < 0.5
    assert table(strange) > 0


def test_nothing_is_guessed_from_nothing() -> None:
    with pytest.raises(ModelError, match="no measured operator"):
        guessed(of_graph(graphs(1)[0])[0], {})


def test_too_few_networks_are_refused(alone: dict[Operator, float]) -> None:
    with pytest.raises(DeviceError, match=r"at least 8 measured networks, got 3"):
        tabulate(alone, measured(3), {})


def test_a_file_gives_it_back(table: LatencyTable, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps(table.to_dict()))
    again = LatencyTable.load(path)
    for graph in graphs(3, seed=5):
        assert again(graph) == table(graph)
        assert again.known(graph) == table.known(graph)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no JSON", "table.json"),
        ("[]", "this is none"),
        ('{"format": 2}', "reads format 1, got 2; calibrate again"),
        ('{"format": 1, "about": {}, "context": {}, "entries": []}', "this is none"),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "table.json"
    path.write_text(text)
    with pytest.raises(ModelError, match=words) as refusal:
        LatencyTable.load(path)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        LatencyTable.load(tmp_path / "none.json")


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_block_by_block_is_the_whole(table: LatencyTable, scale: float) -> None:
    lookup = Lookup(table, scale)
    for network in networks(10, seed=3):
        assert lookup(network) == pytest.approx(scale * table(network.graph()))
    for name in ("mobilenet_v3_small", "resnet18", "efficientnet_b0", "nasnet_a_mobile"):
        network = entry(name).architecture(resolution=64)
        assert lookup(network) == pytest.approx(scale * table(network.graph()))


def test_operators_are_timed_by_importance_until_time_is_up() -> None:
    device = MadeUp(lambda model: float(len(model)))
    found = time_operators(graphs(5), device, seconds=0.0, watch=lambda words: None)
    every = {each for graph in graphs(5) for each in of_graph(graph)}
    assert len(found) == 40 < len(every)
    heaviest = max(every, key=lambda each: max(each.madds, each.maps))
    assert heaviest in found
    found = time_operators(graphs(5), device, seconds=60.0, watch=lambda words: None)
    assert found.keys() == every


def test_an_operator_that_is_refused_is_left_out() -> None:
    models: list[bytes] = []
    device = MadeUp(lambda model: models.append(model) or 1.0)
    every = time_operators(graphs(1), device, seconds=60.0, watch=lambda words: None)
    device = MadeUp(lambda model: 1.0, bad={models[3]})
    some = time_operators(graphs(1), device, seconds=60.0, watch=lambda words: None)
    assert len(some) == len(every) - 1


def test_a_device_that_is_gone_ends_it() -> None:
    device = MadeUp(lambda model: 1.0, bad={write(graph) for graph in graphs(3)})
    with pytest.raises(DeviceError, match="is refused"):
        time_networks(graphs(3), device, seconds=60.0, watch=lambda words: None)


def test_networks_are_measured_in_order_until_there_are_enough() -> None:
    device = MadeUp(lambda model: float(len(model)))
    found = time_networks(graphs(20), device, seconds=0.0, watch=lambda words: None)
    assert 8 <= len(found) <= 10
    for network, graph in zip(found, graphs(20), strict=False):
        assert network.operators == tuple(of_graph(graph))
        assert network.latency.milliseconds == len(write(graph))
