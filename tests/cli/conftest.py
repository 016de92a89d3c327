import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Cli = Callable[..., subprocess.CompletedProcess[str]]

TINY = (
    *("--trials", "2", "--batch", "2", "--epochs", "1"),
    *("--final-epochs", "1", "--finalists", "1"),
)


@pytest.fixture(scope="session")
def cli() -> Cli:
    """Runs the installed program as a user does."""

    def run(*arguments: str | Path, cwd: Path, **environment: str):
        return subprocess.run(
            [sys.executable, "-c", "from pocketnas.cli.main import main; main()"]
            + [str(argument) for argument in arguments],
            cwd=cwd,
            env=os.environ | {"COLUMNS": "120"} | environment,
            capture_output=True,
            text=True,
            timeout=240,
        )

    return run


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of 20 images that differ in colour, and one file that is no image."""
    root = tmp_path_factory.mktemp("photos")
    noise = np.random.default_rng(0)
    for channel, name in enumerate(("red", "green", "blue")):
        (root / name).mkdir()
        for i in range(20):
            pixels = noise.integers(0, 90, (40, 50, 3), dtype=np.uint8)
            pixels[..., channel] += 140
            suffix = "jpg" if i % 2 else "png"
            Image.fromarray(pixels).save(root / name / f"{i:02}.{suffix}")
    (root / "red" / "broken.jpg").write_bytes(b"\xff\xd8 not a photo")
    return root
