from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from run import trials


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tiny images for `trials`, trained on by one thread: on several, small networks wait."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield trials.images(tmp_path_factory.mktemp("tiny"))
    torch.set_num_threads(threads)
