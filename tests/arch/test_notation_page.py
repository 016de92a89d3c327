"""docs/notation.md: its examples are read, its tables complete, what it shows is printed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pocketnas.arch import from_lines, to_lines
from pocketnas.arch.blockstring import ACTS, GATES, KINDS, PADDING_WORDS, parse
from pocketnas.arch.wiring import OPERATIONS
from pocketnas.errors import ArchitectureError
from pocketnas.graph import parameters

PAGE = (Path(__file__).parents[2] / "docs" / "notation.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
NETWORKS = [text for language, text in BLOCKS if not language]
QUOTED = set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", PAGE, flags=re.S | re.M)))


@pytest.mark.parametrize("text", NETWORKS)
def test_networks_are_as_the_package_writes_them(text: str) -> None:
    found = from_lines(text.splitlines())
    assert to_lines(found) == text.splitlines()
    assert parameters(found.graph())


def test_published_networks_are_the_published_ones() -> None:
    """1807.11626, table 1 (3.9 M); torchvision's ResNet-50."""
    counts = [parameters(from_lines(text.splitlines()).graph()) for text in NETWORKS]
    assert {3_887_038, 25_557_032} <= set(counts)


def test_every_word_of_the_notation_is_explained() -> None:
    assert {*KINDS, *ACTS, *GATES, *PADDING_WORDS, *OPERATIONS} <= QUOTED
    letters = {match[1] for token in QUOTED if (match := re.fullmatch(r"([a-z]+)[\d.]+", token))}
    assert {"r", "k", "s", "c", "e", "x", "se", "sx", "sq", "b"} <= letters


def test_heads_and_images_in_the_table_are_read() -> None:
    image, stem, *stages, head = NETWORKS[0].splitlines()
    for line in QUOTED:
        match line.partition("_")[0], "_" in line:
            case "in", True:
                assert to_lines(from_lines([line, stem, head]))[0] == line
            case (("hd" | "ch"), True):
                assert to_lines(from_lines([image, stem, line]))[-1] == line
            case "ax", True:
                assert to_lines(from_lines([image, stem, *stages, head, line]))[-1] == line


def test_the_python_block_prints_what_follows_it() -> None:
    (code,) = (text for language, text in BLOCKS if language == "python")
    printed, refused = (text for language, text in BLOCKS if language == "text")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (printed, "")
    with pytest.raises(ArchitectureError) as error:
        parse("ir_r3_k5_c40")
    assert f"{error.value}\n" == refused
