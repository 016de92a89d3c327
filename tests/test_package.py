"""What importing costs: the core is pure Python, and each library is loaded where it is used."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "ai_edge_litert", "safetensors", "matplotlib", "PIL", "rich", "typer")

# All but the two places that run a finished `.tflite`, and what stands above them.
EVERYTHING = """
import importlib, pkgutil, pocketnas
for module in pkgutil.walk_packages(pocketnas.__path__, "pocketnas."):
    package = module.name.split(".")[1]
    if package not in ("run", "cli") and module.name != "pocketnas.report.snippet":
        importlib.import_module(module.name)
"""


def loaded(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "name",
    [
        "pocketnas",
        "pocketnas.graph",
        "pocketnas.arch",
        "pocketnas.zoo",
        "pocketnas.spaces",
        "pocketnas.devices",
        "pocketnas.search.searcher",
        "pocketnas.study.study",
        "pocketnas.study.executor",
    ],
)
def test_the_core_is_pure_python(name: str) -> None:
    assert not loaded(f"import {name}") & set(HEAVY)


def test_importing_the_package_imports_nothing_of_it() -> None:
    found = {name for name in loaded("import pocketnas") if name.startswith("pocketnas.")}
    assert found == set()


def test_importing_loads_no_runtime_of_litert() -> None:
    """A device runs LiteRT in its worker process; the writer needs no more than the schema."""
    found = {name for name in loaded(EVERYTHING) if name.split(".")[0] == "ai_edge_litert"}
    assert found <= {"ai_edge_litert", "ai_edge_litert.schema_py_generated"}


def test_only_the_writer_needs_the_schema_of_litert() -> None:
    without = "import sys; sys.modules['ai_edge_litert'] = None\n"
    names = "pocketnas.devices.host_worker, pocketnas.train.network, pocketnas.search.ppo"
    assert "pocketnas.search.ppo" in loaded(f"{without}import {names}")
