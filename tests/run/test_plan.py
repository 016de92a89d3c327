"""What settings and images fix: the skeleton, the rivals, the settings' own limits."""

import numpy as np
import pytest

from pocketnas.errors import SettingError, StudyError
from pocketnas.graph import madds, parameters
from pocketnas.run.config import RunConfig
from pocketnas.run.plan import plan
from pocketnas.train.images import Images
from pocketnas.zoo import mnasnet_a1, mobilenet_v2


def images(side: int, channels: int = 3, classes: int = 10) -> Images:
    pixels = np.zeros((classes, side, side, channels), np.uint8)
    return Images("none", pixels, np.arange(classes), tuple(map(str, range(classes))))


def test_from_96_pixels_the_rivals_are_the_published_networks() -> None:
    planned = plan(RunConfig(), images(224, classes=1000), 10_000)
    assert planned.reference == mobilenet_v2()
    assert planned.rivals["mnasnet_a1"] == mnasnet_a1()
    assert plan(RunConfig(), images(96), 10_000).reference == mobilenet_v2(
        resolution=96, classes=10
    )


def test_small_images_get_small_networks_of_the_same_blocks() -> None:
    planned = plan(RunConfig(), images(28, channels=1), 3500)
    graph = planned.reference.graph()
    assert graph.input.shape == (28, 28, 1)
    assert parameters(graph) < 150_000
    assert 0.3e6 < madds(graph) < 2e6
    assert planned.space.size == 432**7
    network = planned.space.decode((0,) * 42)
    assert network.channels == 1
    assert len(network.stages) == 7
    last = [node.shape for node in network.graph().nodes if node.name.startswith("stages.6")][-1]
    assert last[:2] == (2, 2)


def test_every_filter_option_of_a_small_space_differs() -> None:
    space = plan(RunConfig(), images(28, channels=1), 3500).space
    names = [decision.name for decision in space.decisions]
    for block in range(7):
        widths = set()
        for option in range(3):
            genotype = [0] * 42
            genotype[names.index(f"block{block}.filters")] = option
            widths.add(space.decode(tuple(genotype)).stages[block][-1].filters)
        assert len(widths) == 3


def test_width_and_depth_can_be_given() -> None:
    config = RunConfig(width=0.5, depth=1.0)
    small = plan(config, images(28), 3500).reference
    assert [len(stage) for stage in small.stages] == [1, 2, 3, 4, 3, 3, 1]
    assert small.stages[6][0].filters == 160


def test_few_images_get_more_epochs() -> None:
    mnist5k, few, many = (plan(RunConfig(), images(28), n) for n in (3500, 200, 10**6))
    assert (mnist5k.proxy.epochs, mnist5k.final.epochs) == (3, 8)
    assert (few.proxy.epochs, few.final.epochs) == (52, 138)
    assert (many.proxy.epochs, many.final.epochs) == (3, 8)
    assert plan(RunConfig(epochs=1, final_epochs=2), images(28), 200).proxy.epochs == 1


def test_only_photos_are_mirrored() -> None:
    assert not plan(RunConfig(), images(28), 100).proxy.flip
    assert plan(RunConfig(data="photos"), images(28), 100).final.flip
    assert not plan(RunConfig(data="photos", flip=False), images(28), 100).final.flip


def test_control_is_as_large_as_the_search_unless_told_otherwise() -> None:
    assert RunConfig(trials=7).controls == 7
    assert RunConfig(trials=7, control=0).controls == 0
    assert RunConfig(trials=7, searcher="random").controls == 0


def test_settings_survive_json() -> None:
    config = RunConfig(data="x.zip", target_ms=8.0, flip=False)
    assert RunConfig.from_dict(config.to_dict()) == config
    with pytest.raises(StudyError, match="'colour' unknown"):
        RunConfig.from_dict({"colour": "red"})


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"trials": 0}, "--trials must be a whole number from 1, got 0"),
        ({"control": -1}, "--control must be a whole number from 0, got -1"),
        ({"final_epochs": 0}, "--final-epochs must be a whole number from 1, got 0"),
        ({"workers": 0}, "--workers must be a whole number from 1, got 0"),
        ({"width": 0.0}, "--width must be a number above 0, got 0.0"),
        ({"target_ms": float("nan")}, "--target-ms must be a number above 0, got nan"),
        (
            {"searcher": "luck"},
            "--searcher must be one of ppo, guided, evolution, random; got 'luck'",
        ),
    ],
)
def test_out_of_range_says_what_is_allowed(setting: dict[str, object], words: str) -> None:
    with pytest.raises(SettingError) as error:
        RunConfig(**setting)  # type: ignore[arg-type]
    assert str(error.value) == words
