"""Policies: the published tables, chance that comes from the draws alone, and names."""

from collections import Counter

import pytest
import torch
from torch import Tensor

from pocketnas.errors import DataError
from pocketnas.train import policies, policy_tables
from pocketnas.train.policies import OPERATIONS, AutoAugment, Policy, RandAugment, policy
from pocketnas.train.policy_tables import SubPolicy

NAMES = ("autoaugment", "autoaugment_cifar10", "randaugment", "randaugment:3:17.5")


def _pixels(count: int, channels: int = 3, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, channels, 12, 10), generator=draw).float()


def _draws(named: Policy, count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, named.draws, generator=torch.Generator().manual_seed(seed))


# Counted in timm's copy of the first and torchvision's of the second: steps by operation, the sum
# of all probabilities and of the levels that mean something.
@pytest.mark.parametrize(
    ("table", "steps", "probabilities", "levels"),
    [
        (
            policy_tables.IMAGENET,
            "autocontrast 2, color 9, equalize 12, invert 1, posterize 2, rotate 7, shear_x 2, "
            "shear_y 4, solarize 8, solarize_add 2, translate_y 1",
            29.8,
            167,
        ),
        (
            policy_tables.CIFAR10,
            "autocontrast 7, brightness 4, color 5, contrast 2, equalize 9, invert 3, "
            "posterize 1, rotate 1, sharpness 5, shear_y 2, solarize 4, translate_x 2, "
            "translate_y 5",
            26.5,
            187,
        ),
    ],
)
def test_the_published_tables(
    table: tuple[SubPolicy, ...], steps: str, probabilities: float, levels: int
) -> None:
    flat = [step for subpolicy in table for step in subpolicy]
    plain = ("autocontrast", "equalize", "invert")
    assert len(table) == 25
    counts = Counter(name for name, _, _ in flat)
    assert ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) == steps
    assert sum(share for _, share, _ in flat) == pytest.approx(probabilities)
    assert sum(level for name, _, level in flat if name not in plain) == levels
    assert counts.keys() <= set(OPERATIONS)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_an_image_does_not_depend_on_its_neighbours(name: str, channels: int) -> None:
    named = policy(name)
    pixels, draws = _pixels(60, channels), _draws(named, 60)
    before = pixels.clone()
    together = named(pixels, draws)
    assert torch.equal(pixels, before)
    assert torch.equal(together, named(pixels, draws))
    alone = [named(pixels[i : i + 1], draws[i : i + 1]) for i in range(60)]
    assert torch.equal(together, torch.cat(alone))
    assert torch.equal(together.flip(0), named(pixels.flip(0), draws.flip(0)))
    assert together.shape == pixels.shape
    assert 0 <= together.min() <= together.max() <= 255
    assert torch.equal(together, together.round())
    changed = (together != pixels).flatten(1).any(1)
    assert 30 <= changed.sum() <= 60


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_range_of_draws_is_taken(name: str) -> None:
    named = policy(name)
    for draw in (0.0, 1 - 2**-24):
        result = named(_pixels(2), torch.full((2, named.draws), draw))
        assert 0 <= result.min() <= result.max() <= 255


def _seen(named: Policy, draws: Tensor, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many images each operation was given."""
    seen: Counter[str] = Counter()
    operate = policies._operate

    def counted(name: str, pixels: Tensor, *others: Tensor) -> Tensor:
        assert seen[name] == 0, "one pass for each operation of a layer"
        seen[name] += len(pixels)
        return operate(name, pixels, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(policies, "_operate", counted)
    named(torch.zeros(len(draws), 1, 4, 4), draws)
    return seen


def test_randaugment_chooses_all_operations_equally(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = torch.full((1000, 4), 0.5)
    draws[:, 0] = torch.arange(1000) / 1000
    seen = _seen(RandAugment(1, 9), draws, monkeypatch)
    assert seen.keys() == set(OPERATIONS)
    assert set(seen.values()) <= {62, 63}


def test_a_step_is_taken_with_its_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    table = ((("invert", 0.3, 0), ("rotate", 0.0, 5)), (("equalize", 1.0, 0), ("color", 0.8, 1)))
    draws = torch.full((2000, 9), 0.5)
    draws[:, 0] = (torch.arange(2000) % 2) / 2
    draws[:, 1] = draws[:, 5] = torch.arange(2000) // 2 / 1000
    seen = _seen(AutoAugment(table), draws, monkeypatch)
    assert seen == {"invert": 300, "equalize": 1000, "color": 800}


@pytest.mark.parametrize(
    ("scale", "name", "wanted"),
    [
        (policies._RANDAUGMENT, "translate_x", [0, 90, -100, 280]),
        (policies._AUTOAUGMENT, "translate_y", [0, 225, -250, 700]),
        (policies._CIFAR, "translate_y", [0, 63, -70, 196]),
        (policies._RANDAUGMENT, "cutout", [0, 72, 80, 224]),
        (policies._RANDAUGMENT, "rotate", [0, 27, -30, 84]),
        (policies._RANDAUGMENT, "shear_x", [0, 0.27, -0.3, 0.84]),
        (policies._RANDAUGMENT, "posterize", [0, 3, 4, 8]),
        (policies._CIFAR, "posterize", [4, 1, 0, 0]),
        (policies._RANDAUGMENT, "solarize", [0, 230, 256, 716]),
        (policies._CIFAR, "solarize", [256, 26, 0, -460]),
        (policies._RANDAUGMENT, "solarize_add", [0, 99, 110, 308]),
        (policies._RANDAUGMENT, "sharpness", [0.1, 1.72, 1.9, 5.14]),
    ],
)
def test_levels_are_those_of_the_codes(
    scale: policies.Levels, name: str, wanted: list[float]
) -> None:
    levels, signs = torch.tensor([0.0, 9, 10, 28]), torch.tensor([1.0, 1, -1, 1])
    assert scale.strength(name, levels, signs, 224).tolist() == pytest.approx(wanted, abs=1e-3)


def test_distances_follow_the_side() -> None:
    at_32 = policies._RANDAUGMENT.strength("translate_x", torch.ones(1) * 10, torch.ones(1), 32)
    assert at_32.item() == pytest.approx(100 * 32 / 224)


def test_the_sign_is_the_second_draw() -> None:
    pixels = _pixels(1).expand(2, -1, -1, -1)
    draws = torch.full((2, 4), (OPERATIONS.index("translate_x") + 0.5) / 16)
    draws[:, 1] = torch.tensor([0.49, 0.5])
    left, right = RandAugment(1, 9)(pixels, draws)  # 9 / 10 * 100 / 224 of 10 pixels are 4.02
    assert torch.equal(left[..., :6], pixels[0, ..., 4:])
    assert torch.equal(right[..., 4:], pixels[0, ..., :6])
    assert (left[..., 6:] == 128).all()
    assert (right[..., :4] == 128).all()


def test_each_layer_has_its_own_draws() -> None:
    pixels = _pixels(1)
    draws = torch.full((1, 8), (OPERATIONS.index("translate_x") + 0.5) / 16)
    draws[0, 1], draws[0, 5] = 0.2, 0.7  # left, then right again
    there_and_back = RandAugment(2, 9)(pixels, draws)
    assert torch.equal(there_and_back[..., 4:], pixels[..., 4:])
    assert (there_and_back[..., :4] == 128).all()


def test_names() -> None:
    assert policy("randaugment") == policy("randaugment:2:9") == RandAugment(2, 9)
    assert policy("randaugment:1:27.5") == RandAugment(1, 27.5)
    assert policy("autoaugment") == AutoAugment(policy_tables.IMAGENET)
    assert policy("autoaugment_cifar10").draws == 9


@pytest.mark.parametrize(
    "name",
    [
        "",
        "fastaugment",
        "randaugment:2",
        "randaugment:2:x",
        "randaugment:2.5:9",
        "autoaugment:2:9",
        "randaugment:2:nan",
    ],
)
def test_a_wrong_name_says_which_there_are(name: str) -> None:
    with pytest.raises(DataError, match=r"autoaugment, .*randaugment:LAYERS:MAGNITUDE.* got "):
        policy(name)


@pytest.mark.parametrize("numbers", ["0:9", "11:9", "2:-1", "2:31"])
def test_a_wrong_number_says_its_range(numbers: str) -> None:
    with pytest.raises(DataError, match="1 to 10 layers and a magnitude from 0 to 30, got"):
        policy(f"randaugment:{numbers}")
