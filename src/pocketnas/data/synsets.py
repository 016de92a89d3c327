"""The 1000 classes of ImageNet (ILSVRC 2012), in the order of the published networks' outputs."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path


@cache
def synsets() -> dict[str, str]:
    """WordNet's synset → its words, such as n01440764 → tench, Tinca tinca; in order."""
    lines = Path(__file__).with_name("synsets.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def named(wanted: Iterable[str], words: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The first word of each synset; with the synset where it is not unique: two are called crane.

    Args:
        wanted: synsets.
        words: of each, as in `synsets`, which is the default; without words it keeps its number.
    """
    words, wanted = synsets() if words is None else words, tuple(wanted)
    found = [words.get(synset, "").split(",")[0].strip() or synset for synset in wanted]
    return tuple(
        name if found.count(name) == 1 else f"{name} ({synset})"
        for name, synset in zip(found, wanted, strict=True)
    )
