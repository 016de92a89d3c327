"""Settings that contradict each other or say nothing get one sentence."""

from typing import Any

import pytest

from pocketnas.errors import SettingError
from pocketnas.run.config import RunConfig


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"reward": "harsh"}, "--reward must be one of soft, hard, absolute, pareto; got 'harsh'"),
        ({"searcher": "grid"}, "--searcher must be one of guided, ppo, reinforce, evolution,"),
        ({"weight": 0.07}, "--weight must be a number below 0, got 0.07"),
        ({"weight": float("nan")}, "--weight must be a number below 0, got nan"),
        ({"limits": ("size<500",)}, "limit 'size<500': must be a cost"),
        ({"limits": ("size<=500", "cores<=2")}, "limit 'cores<=2': the cost must be one of size,"),
        (
            {"reward": "pareto", "searcher": "ppo"},
            "--reward pareto needs --searcher guided, evolution or random; ppo learns from one",
        ),
    ],
)
def test_one_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingError) as caught:
        RunConfig(**settings)
    assert str(caught.value).startswith(sentence)


def test_settings_survive_json() -> None:
    config = RunConfig(
        reward="pareto", searcher="evolution", weight=-0.15, limits=("size<=500", "int8~2")
    )
    values = config.to_dict() | {"limits": ["size<=500", "int8~2"]}
    assert RunConfig.from_dict(values) == config
    assert RunConfig.from_dict({}) == RunConfig()
