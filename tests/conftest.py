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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` runs two workers; what measures or times out keeps to one of them, in turn.

    Boards and phones do not: their tests wait more than they work, and must bear a busy computer.
    """
    for item in items:
        if item.path.parent.name in ALONE and not item.path.stem[5:].startswith(REMOTE):
            item.add_marker(pytest.mark.xdist_group("alone"))
