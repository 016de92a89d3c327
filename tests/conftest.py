import pytest
from hypothesis import HealthCheck, settings

# Other programs share the machine: how long an example takes says nothing about the code.
settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("busy")


ALONE = ("cli", "devices", "run", "study")
REMOTE = ("adb", "android", "benchmark", "connection", "environment", "phone", "protocol",
          "simulated", "ssh")  # fmt: skip
FREE = ("cli/test_adapt", "cli/test_board", "cli/test_main", "cli/test_together", "cli/test_train",
        "run/test_adapting", "run/test_config", "run/test_folder", "run/test_ship")  # fmt: skip


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` runs two workers; what measures or times out keeps to one of them, in turn.

    Boards and phones do not: their tests wait more than they work, and must bear a busy computer.
    Nor do those of `FREE`, which ask little of the clock.
    """
    for item in items:
        folder, file = item.path.parent.name, item.path.stem
        bears = file[5:].startswith(REMOTE) or f"{folder}/{file}" in FREE
        if folder in ALONE and not bears:
            item.add_marker(pytest.mark.xdist_group("alone"))
