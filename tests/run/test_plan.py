"""What settings and images fix: the skeleton, the rivals, the settings' own limits."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pocketnas.data.images import Images
from pocketnas.errors import SettingError, SpaceError, StudyError
from pocketnas.graph import madds, parameters
from pocketnas.run.config import RunConfig
from pocketnas.run.plan import plan
from pocketnas.spaces import (
    SPACES,
    mobilenetv3_space,
    nasnet_space,
    proxylessnas_space,
    singlepath_space,
)
from pocketnas.spaces.layerwise import PROXYLESSNAS_GENOTYPE, SINGLEPATH_GENOTYPE
from pocketnas.spaces.mobilenetv3 import MOBILENET_V3_LARGE_GENOTYPE
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


@pytest.mark.parametrize(
    ("name", "space", "genotype"),
    [
        ("proxylessnas", proxylessnas_space, PROXYLESSNAS_GENOTYPE),
        ("singlepath", singlepath_space, SINGLEPATH_GENOTYPE),
        ("mobilenetv3", mobilenetv3_space, MOBILENET_V3_LARGE_GENOTYPE),
    ],
)
def test_from_96_pixels_every_space_is_the_papers(name, space, genotype) -> None:
    planned = plan(RunConfig(space=name), images(224, classes=1000), 10_000).space
    assert planned.decisions == space().decisions
    assert planned.decode(genotype) == space().decode(genotype)


def test_nasnets_cells_are_searched_at_an_eighth_of_a_large_image() -> None:
    planned = plan(RunConfig(space="nasnet"), images(96), 10_000).space
    paper = nasnet_space(resolution=96, stem_cells=True)
    assert planned.decisions == paper.decisions
    assert planned.decode((0,) * 50) == paper.decode((0,) * 50)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize(("side", "channels"), [(8, 1), (28, 1), (32, 3), (64, 3), (96, 3)])
def test_every_space_fits_the_images_and_costs_about_what_the_reference_does(
    name: str, side: int, channels: int
) -> None:
    planned = plan(RunConfig(space=name), images(side, channels), 3500)
    assert planned.space.name == name
    draw = random.Random(0)
    costs = []
    for _ in range(5):
        genotype = tuple(draw.randrange(len(d.options)) for d in planned.space.decisions)
        graph = planned.space.decode(genotype).graph()
        assert graph.input.shape == (side, side, channels)
        assert graph.nodes[-1].shape == (1, 1, 10)
        last = [node.shape for node in graph.nodes if node.name.startswith("stages.")][-1]
        assert last[0] >= 2
        costs.append(madds(graph) / madds(planned.reference.graph()))
    assert 0.25 < sorted(costs)[2] < 8


def test_a_users_own_space_gets_the_images(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from pocketnas.arch.scaling import build\n"
        "def small(choose, *, resolution, classes, channels):\n"
        "    line = f'ds_c{choose(\"filters\", (8, 16))}'\n"
        "    size = dict(resolution=resolution, classes=classes, channels=channels)\n"
        "    return build([line], **size)\n"
    )
    planned = plan(RunConfig(space=f"{file}:small"), images(28, channels=1), 3500)
    network = planned.space.decode((1,))
    assert (network.resolution, network.channels, network.head.classes) == (28, 1, 10)
    assert network.stages[0][0].filters == 16
    assert planned.rivals == plan(RunConfig(), images(28, channels=1), 3500).rivals
    with pytest.raises(SpaceError, match=r"mine\.py: has no function 'large'; there are: small"):
        plan(RunConfig(space=f"{file}:large"), images(28, channels=1), 3500)


def test_width_and_depth_can_be_given() -> None:
    config = RunConfig(width=0.5, depth=1.0)
    small = plan(config, images(28), 3500).reference
    assert [len(stage) for stage in small.stages] == [1, 2, 3, 4, 3, 3, 1]
    assert small.stages[6][0].filters == 160
    space = plan(RunConfig(space="mobilenetv3", width=0.5, depth=1.0), images(28), 3500).space
    options = {decision.name: decision.options for decision in space.decisions}
    assert "stage1.layer3.kernel" in options
    assert options["features.filters"] == (128, 160, 192, 256, 320, 384, 512)


def test_few_images_get_more_epochs() -> None:
    mnist5k, few, many = (plan(RunConfig(), images(28), n) for n in (3500, 200, 10**6))
    assert (mnist5k.proxy.epochs, mnist5k.final.epochs) == (3, 8)
    assert (few.proxy.epochs, few.final.epochs) == (52, 138)
    assert (many.proxy.epochs, many.final.epochs) == (3, 8)
    assert plan(RunConfig(epochs=1, final_epochs=2), images(28), 200).proxy.epochs == 1


def test_only_photos_are_mirrored() -> None:
    digits = replace(images(28), flips=False)
    assert not plan(RunConfig(), digits, 100).proxy.augmentation.flip
    assert plan(RunConfig(flip=True), digits, 100).proxy.augmentation.flip
    assert plan(RunConfig(), images(28), 100).final.augmentation.flip
    assert not plan(RunConfig(flip=False), images(28), 100).final.augmentation.flip


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
            "--searcher must be one of guided, ppo, reinforce, evolution, random; got 'luck'",
        ),
    ],
)
def test_out_of_range_says_what_is_allowed(setting: dict[str, object], words: str) -> None:
    with pytest.raises(SettingError) as error:
        RunConfig(**setting)  # type: ignore[arg-type]
    assert str(error.value) == words
