"""Mixed images carry labels in the shares in which they are mixed."""

import pytest
import torch

from pocketnas.train.augment import Augmentation
from pocketnas.train.mixing import mixed

LABELS = torch.tensor([0, 1, 2, 1])


def plain(side=16):
    """Each image shows its label everywhere."""
    return LABELS.float()[:, None, None, None].expand(4, 3, side, side).clone()


def test_without_alphas_nothing_changes():
    x, labels = mixed(plain(), LABELS, 3, Augmentation(), seed=0, step=0)
    assert torch.equal(x, plain())
    assert torch.equal(labels, LABELS)


@pytest.mark.parametrize("how", [Augmentation(mixup=1.0), Augmentation(cutmix=1.0)], ids=str)
def test_labels_are_in_the_shares_of_the_images(how):
    values = torch.arange(3.0)
    shares = []
    for step in range(40):
        x, labels = mixed(plain(), LABELS, 3, how, seed=3, step=step)
        assert labels.sum(1).tolist() == pytest.approx([1.0] * 4)
        assert torch.allclose(x.mean((1, 2, 3)), labels @ values, atol=1e-5)
        shares.append(labels[0, 0].item())
    assert min(shares) < 0.2
    assert max(shares) > 0.8


def test_cutmix_copies_a_box():
    x, _ = mixed(plain(), LABELS, 3, Augmentation(cutmix=1.0), seed=3, step=1)
    assert set(x[1].unique().tolist()) <= {0.0, 1.0}


def test_with_both_each_batch_gets_one():
    kinds = set()
    for step in range(30):
        x, _ = mixed(plain(), LABELS, 3, Augmentation(mixup=1.0, cutmix=1.0), seed=0, step=step)
        whole = len(x[2].unique()) == 1 and not x[2, 0, 0, 0].item().is_integer()
        kinds.add("mixup" if whole else "cutmix")
    assert kinds == {"mixup", "cutmix"}


def test_the_step_decides():
    how = Augmentation(mixup=0.4)
    first, again, other = (
        mixed(plain(), LABELS, 3, how, seed=1, step=step)[0] for step in (5, 5, 6)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
