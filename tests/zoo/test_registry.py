from dataclasses import replace
from math import isfinite

import pytest

from pocketnas import zoo
from pocketnas.arch import Architecture, from_lines, to_lines
from pocketnas.errors import ArchitectureError, PocketNASError, SettingError
from pocketnas.zoo.efficientnet import efficientnet
from pocketnas.zoo.efficientnetv2 import efficientnet_v2
from pocketnas.zoo.mobilenetv3 import mobilenet_v3_minimalistic
from pocketnas.zoo.nasnet import nasnet_a
from pocketnas.zoo.resnet import resnet

ENTRIES = zoo.entries()


def test_the_names() -> None:
    widths = {
        "mobilenet_v1": (0.75, 0.5, 0.25),
        "mobilenet_v2": (1.4, 1.3, 0.75, 0.5, 0.35),
        "mnasnet_a1": (1.4, 0.75, 0.5, 0.35),
        "mnasnet_b1": (1.4, 1.3, 0.75, 0.5),
        "mobilenet_v3_large": (1.25, 0.75, 0.5, 0.35),
        "mobilenet_v3_small": (1.25, 0.75, 0.5, 0.35),
    }
    expected = [
        *widths,
        *(f"{name}_{width}" for name, found in widths.items() for width in found),
        *("mnasnet_small", "mnasnet_d1", "mnasnet_d1_320"),
        *("mobilenet_v3_large_minimalistic", "mobilenet_v3_small_minimalistic"),
        *("nasnet_a_mobile", "nasnet_a_large", "nasnet_a_cifar"),
        *("proxylessnas_mobile", "singlepath_nas"),
        *(f"efficientnet_b{i}" for i in range(9)),
        "efficientnet_l2",
        *(f"efficientnet_lite{i}" for i in range(5)),
        *(f"efficientnet_{kind}_{size}" for kind in ("edgetpu", "v2") for size in "sml"),
        *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152, 200)),
    ]
    assert sorted(entry.name for entry in ENTRIES) == sorted(expected)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_network_is_an_architecture_like_any_other(entry: zoo.Entry) -> None:
    published = entry.architecture()
    assert published.resolution == entry.resolution
    architecture = entry.architecture(resolution=65, classes=7, channels=1)
    assert from_lines(to_lines(architecture)) == architecture
    assert Architecture.from_dict(architecture.to_dict()) == architecture
    graph = architecture.graph()
    assert graph.input.shape == (65, 65, 1)
    assert [graph.node(name).shape for name in graph.outputs] == [(1, 1, 7)]
    assert architecture == zoo.architecture(entry.name, resolution=65, classes=7, channels=1)
    elsewhere = replace(architecture, padding="symmetric", epsilon=1e-5)
    assert [node.name for node in elsewhere.graph().nodes] == [node.name for node in graph.nodes]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_published_figures_are_plausible_and_have_a_source(entry: zoo.Entry) -> None:
    published = entry.published
    assert published.source
    assert published.top1 is None or 45 < published.top1 < 90
    assert published.params is None or isinstance(published.params, int)
    assert published.madds is None or isinstance(published.madds, int)
    for device, milliseconds in published.latencies.items():
        assert device.startswith(("Pixel ", "Xeon "))
        assert isfinite(milliseconds)
        assert milliseconds > 0


def test_the_default_classes_are_those_of_the_published_network() -> None:
    heads = {name: zoo.architecture(name).head for name in ("resnet18", "nasnet_a_cifar")}
    assert [head.classes for head in heads.values()] == [1000, 10]  # type: ignore[attr-defined]


def test_families() -> None:
    families = list(dict.fromkeys(entry.family for entry in ENTRIES))
    assert families == [
        "mobilenet_v1",
        "mobilenet_v2",
        "nasnet",
        "mnasnet",
        "proxylessnas",
        "singlepath_nas",
        "mobilenet_v3",
        "efficientnet",
        "efficientnet_lite",
        "efficientnet_edgetpu",
        "efficientnet_v2",
        "resnet",
    ]
    parts = [zoo.entries(family) for family in families]
    assert [entry for part in parts for entry in part] == list(ENTRIES)


def test_an_unknown_family_names_the_nearest_and_all() -> None:
    message = (
        r"no family is called 'resnets', did you mean resnet.*; there are mobilenet_v1, .*, resnet$"
    )
    with pytest.raises(SettingError, match=message):
        zoo.entries("resnets")


def test_any_width_multiplier_of_a_family_that_has_them() -> None:
    entry = zoo.entry("mobilenet_v2_0.9")
    assert entry.name == "mobilenet_v2_0.9"
    assert entry.family == "mobilenet_v2"
    assert entry.published == zoo.Published()
    assert entry.architecture() == zoo.mobilenet_v2(width=0.9)
    assert zoo.architecture("mobilenet_v3_small_2", resolution=32).resolution == 32


def test_a_listed_width_is_listed_however_it_is_written() -> None:
    assert zoo.entry("mnasnet_a1_0.50") is zoo.entry("mnasnet_a1_0.5")
    assert zoo.entry("mobilenet_v2_1.0") is zoo.entry("mobilenet_v2")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mobilnet_v2", r"no network is called 'mobilnet_v2', did you mean mobilenet_v2 or "),
        ("resnet51", r"no network is called 'resnet51', did you mean resnet50? or "),
        ("MobileNet-V2", r"no network is called 'MobileNet-V2', did you mean mobilenet_v2 or "),
        ("efficientnet_b9", r"no network is called 'efficientnet_b9', did you mean efficient"),
        ("efficientnet_b0_0.5", r"no network is called 'efficientnet_b0_0.5', did you mean "),
        ("mobilenet_v2_wide", r"no network is called 'mobilenet_v2_wide', did you mean mobilenet"),
        ("mobilenet_v2_-1", r"no network is called 'mobilenet_v2_-1', did you mean mobilenet_v2"),
        ("mobilenet_v2_1e9", r"no network is called 'mobilenet_v2_1e9', did you mean mobilenet"),
        ("qqq", r"no network is called 'qqq'; `pocketnas zoo` lists all$"),
        ("", r"no network is called ''; `pocketnas zoo` lists all$"),
    ],
)
def test_an_unknown_name_gets_one_sentence_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        zoo.entry(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("mobilenet_v2_0", {}, r"width must be a number above 0, got 0\.0"),
        ("resnet50", {"resolution": 0}, "resolution must be a whole number from 1, got 0"),
        ("mnasnet_a1", {"resolution": -3}, "resolution must be a whole number from 1, got -3"),
        ("efficientnet_b0", {"resolution": 0}, "resolution must be a whole number from 1, got 0"),
        ("efficientnet_v2_s", {"resolution": 0}, "resolution must be a whole number from 1, got 0"),
        ("mnasnet_a1", {"classes": 0}, "classes must be a whole number from 1, got 0"),
        ("nasnet_a_mobile", {"channels": 0}, "channels must be a whole number from 1, got 0"),
    ],
)
def test_wrong_sizes_get_one_sentence(name: str, arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ArchitectureError, match=message):
        zoo.architecture(name, **arguments)  # type: ignore[arg-type]


def test_a_map_that_nasnets_stem_does_not_fit_is_named() -> None:
    with pytest.raises(ArchitectureError, match=r"stem\.conv\.conv: a window of 3 does not fit"):
        zoo.architecture("nasnet_a_mobile", resolution=2).graph()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: efficientnet("b9"), "no member is called 'b9'; there are b0, b1, .*, b8, l2"),
        (lambda: efficientnet_v2("xl"), "no member is called 'xl'; there are s, m, l"),
        (lambda: mobilenet_v3_minimalistic("xs"), "no member is called 'xs'; there are large"),
        (lambda: resnet(19), "there is no ResNet of depth 19; there are 18, 34, 50, 101, 152"),
        (lambda: nasnet_a(4, 1000), "penultimate must be a multiple of 24, got 1000"),
        (lambda: nasnet_a(0, 1056), "cells must be a whole number from 1, got 0"),
    ],
)
def test_members_that_are_not_there(wrong: object, message: str) -> None:
    with pytest.raises(PocketNASError, match=message):
        wrong()  # type: ignore[operator]
