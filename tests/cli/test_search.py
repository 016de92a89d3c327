"""`pocketnas search` as a user runs it, on real files, with the smallest budget."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from cli.conftest import TINY, Cli
from pocketnas.arch import Architecture, from_lines
from pocketnas.graph import parameters
from pocketnas.run.stored import begun
from pocketnas.study.study import Study

PRODUCTS = {"best.json", "best.safetensors", "best.tflite", "pareto.png", "report.html", "study.db"}


@pytest.fixture(scope="module")
def finished(cli: Cli, photos: Path, tmp_path_factory: pytest.TempPathFactory):
    """A finished run over the photos: its folder and what it printed as JSON."""
    home = tmp_path_factory.mktemp("home")
    relative = os.path.relpath(photos, home)
    # An epoch is one step here: after a single one batch norm knows nothing and logits are huge.
    longer = (*TINY, "--final-epochs", "30")
    arguments = ("search", "--data", relative, "--resolution", "32", *longer, "--json")
    done = cli(*arguments, cwd=home, HOME=str(home), TMPDIR=str(home))
    assert done.returncode == 0, done.stderr
    folder = next((home / "runs").iterdir())
    return home, folder, json.loads(done.stdout), done.stderr


def test_leaves_everything_in_its_run_folder_and_nothing_elsewhere(finished) -> None:
    home, folder, result, _ = finished
    assert {path.name for path in folder.iterdir()} >= PRODUCTS
    assert result["model"] == str(folder / "best.tflite")
    assert [path.name for path in home.iterdir()] == ["runs"]
    assert [path.name for path in (home / "runs").iterdir()] == [folder.name]


def test_the_table_compares_the_found_network_with_both_rivals(finished) -> None:
    _, _, result, _ = finished
    assert [row["name"] for row in result["rows"]] == ["found", "mobilenet_v2", "mnasnet_a1"]
    for row in result["rows"]:
        network = from_lines(row["lines"])
        assert row["parameters"] == parameters(network.graph())
        assert row["digest"] == network.digest
        assert row["latency"]["low"] <= row["latency"]["milliseconds"] <= row["latency"]["high"]
        assert 0 <= row["accuracy"] <= 1
    assert result["trials"] == {"search": 2, "random": 2}
    assert result["target_ms"] == pytest.approx(result["reference_ms"])


def test_names_what_it_skipped(finished) -> None:
    _, _, result, log = finished
    assert len(result["data"]["skipped"]) == 1
    assert "red/broken.jpg" in result["data"]["skipped"][0]
    assert "skipped 1 files: red/broken.jpg" in log


def test_the_model_runs_as_best_json_says(finished, photos: Path) -> None:
    _, folder, result, _ = finished
    about = json.loads((folder / "best.json").read_text())
    assert about["classes"] == ["blue", "green", "red"]
    assert Architecture.from_dict(about["architecture"]).digest == about["digest"]
    interpreter = Interpreter(model_path=str(folder / "best.tflite"))
    interpreter.allocate_tensors()
    image = Image.open(photos / "red" / "00.png").crop((5, 0, 45, 40)).resize((32, 32))
    (mean,), (std,) = about["input"]["mean"], about["input"]["std"]
    given = (np.asarray(image, np.float32)[None] - mean) / std
    details = interpreter.get_input_details()[0]
    assert details["shape"].tolist() == about["input"]["shape"] == list(given.shape)
    interpreter.set_tensor(details["index"], given)
    interpreter.invoke()
    logits = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert logits.shape == (1, 3)
    assert np.isfinite(logits).all()
    assert result["check"]["largest_difference"] < 0.1  # the run itself is stricter
    assert result["check"]["agreement"] == 1.0


def test_says_in_plain_lines_how_far_it_is(finished) -> None:
    _, _, _, log = finished
    assert "trial 4: best reward" in log
    assert "Pareto set" in log
    assert "100%, 0:00 left" in log
    assert "\x1b" not in log


def test_report_draws_again(cli: Cli, finished) -> None:
    home, folder, _, _ = finished
    for name in ("report.html", "pareto.png"):
        (folder / name).unlink()
    done = cli("report", folder, cwd=home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(folder / "report.html")
    assert (folder / "report.html").stat().st_size > 10_000
    assert (folder / "pareto.png").stat().st_size > 10_000


def test_a_finished_run_can_be_given_more_trials_from_anywhere(
    cli: Cli, finished, tmp_path: Path
) -> None:
    _, folder, before, _ = finished
    more = ("--trials", "3", "--control", "2", "--json")
    done = cli("search", "--resume", folder, *more, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    after = json.loads(done.stdout)
    assert after["trials"] == {"search": 3, "random": 2}
    assert after["reference_ms"] == before["reference_ms"]
    assert after["rows"][1]["accuracy"] == before["rows"][1]["accuracy"]  # not trained again


def test_cells_are_searched_small_and_grown_in_the_end(
    cli: Cli, photos: Path, tmp_path: Path
) -> None:
    """NASNet's path (1707.07012, section 3), with limits, another reward and halving besides."""
    settings = ("--space", "nasnet", "--grow", "2@100", "--limit", "size<=2000", "--limit",
                "int8~0.1", "--reward", "absolute", "--searcher", "reinforce")  # fmt: skip
    shorter = ("--epochs", "3", "--halving", "--control", "0", "--out", "cells", "--json")
    done = cli(
        *("search", "--data", photos, "--resolution", "28", *TINY, *settings, *shorter),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "trials were spared 2 of 6 epochs of training" in done.stderr
    found = json.loads(done.stdout)["rows"][0]
    network = from_lines(found["lines"])
    assert found["digest"] == network.digest != found["searched"]
    assert [len(stage) for stage in network.stages] == [2, 3, 3]
    assert set(found["costs"]) == {"size", "int8"}
    with closing(Study(tmp_path / "cells" / "study.db", read_only=True)) as study:
        one, other = study.trials
        assert one.outcome.estimated != other.outcome.estimated
        assert one.outcome.costs["int8"] > 0
        best = next(trial for trial in study.trials if not trial.outcome.estimated)
        assert best.outcome.details["digest"] == found["searched"]
        searched = from_lines(best.outcome.details["lines"])
    assert {cell.cell for stage in network.stages for cell in stage} == {
        cell.cell for stage in searched.stages for cell in stage
    }


def test_a_warm_start_knows_the_trials_of_another_run(cli: Cli, finished, tmp_path: Path) -> None:
    _, folder, _, _ = finished
    data = json.loads((folder / "best.json").read_text())["config"]["data"]
    again = ("--data", data, "--resolution", "32", *TINY, "--warm-start", folder)
    further = ("--reward", "pareto", "--control", "0", "--out", "warm", "--json")
    done = cli("search", *again, *further, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{folder}: 5 trials are known already" in done.stderr or (
        f"{folder}: 4 trials are known already" in done.stderr
    )
    assert json.loads(done.stdout)["trials"] == {"search": 2, "random": 0}


def test_goes_on_after_sigkill(cli: Cli, photos: Path, tmp_path: Path) -> None:
    """Kills the whole program at random instants; what was recorded stays, and the end comes."""
    folder = tmp_path / "run"
    program = [sys.executable, "-c", "from pocketnas.cli.main import main; main()", "search"]
    begin = ["--data", str(photos), "--resolution", "32", *TINY, "--out", str(folder)]
    delay = random.Random(4)
    seen: list[tuple[object, ...]] = []
    for _ in range(3):
        arguments = ["--resume", str(folder)] if begun(folder) else begin
        running = subprocess.Popen(
            [*program, *arguments], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        time.sleep(delay.uniform(5, 14))
        running.send_signal(signal.SIGKILL)
        running.communicate()
        if (folder / "study.db").exists():
            now = _trials(folder / "study.db")
            assert now[: len(seen)] == seen
            seen = now
    done = cli("search", "--resume", folder, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert _trials(folder / "study.db")[: len(seen)] == seen
    assert json.loads(done.stdout)["trials"] == {"search": 2, "random": 2}
    assert _orphans(folder) == []


BAD = {
    ("--data", "nowhere"): ["nowhere", "no such"],
    ("--data", "empty"): ["empty"],
    ("--data", "one"): ["class"],
    ("--data", "few"): ["few"],
    ("--trials", "0"): ["--trials", "from 1", "got 0"],
    ("--target-ms", "-3"): ["--target-ms", "above 0", "-3"],
    ("--resolution", "4"): ["--resolution", "from 8", "4"],
    ("--adapt", "1.5"): ["--adapt", "between 0 and 1", "1.5"],
    ("--adapt", "0.7", "--int8"): ["--adapt", "float", "export --int8"],
    ("--adapt", "0.7", "--space", "nasnet"): ["--adapt", "cells", "nasnet"],
    ("--then", "scratch"): ["--then scratch", "--adapt"],
    ("--adapt", "0.7", "--then", "sleep"): ["--then", "finetune, scratch", "sleep"],
    ("--reward", "nice"): ["--reward", "soft, hard", "nice"],
    ("--reward", "pareto", "--searcher", "ppo"): ["pareto", "guided", "ppo"],
    ("--limit", "weight<=3"): ["weight<=3", "size"],
    ("--limit", "second<=3"): ["--second-device", "second<="],
    ("--grow", "big"): ["--grow", "2@96", "big"],
    ("--grow", "2@96", "--data", "mnist5k"): ["grown", "NASNet"],
    ("--warm-start", "empty", "--data", "mnist5k"): ["empty", "study.db"],
    ("--space", "hyperspace"): ["hyperspace", "mnasnet"],
    ("--device", "toaster"): ["--device", "host", "toaster"],
    ("--resume", "empty"): ["empty", "study.db"],
    ("--resume", "nowhere"): ["nowhere", "study.db"],
}


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_bad_input_gets_one_sentence(
    cli: Cli, photos: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one" / "cat").mkdir(parents=True)
    (tmp_path / "few" / "cat").mkdir(parents=True)
    (tmp_path / "few" / "dog").mkdir()
    picture = (photos / "red" / "00.png").read_bytes()
    for name in ("one/cat/a.png", "few/cat/a.png", "few/dog/a.png"):
        (tmp_path / name).write_bytes(picture)
    done = cli("search", *arguments, cwd=tmp_path)
    assert done.returncode == 1, done.stdout
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("pocketnas: ")
    for word in BAD[arguments]:
        assert word in sentence
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("runs/*"))


def test_a_new_run_never_overwrites_an_old_one(cli: Cli, finished) -> None:
    home, folder, _, _ = finished
    done = cli("search", "--out", folder, cwd=home)
    assert done.returncode == 1
    assert "holds a run already" in done.stderr


def test_settings_of_a_run_stay(cli: Cli, finished) -> None:
    home, folder, _, _ = finished
    done = cli("search", "--resume", folder, "--epochs", "9", cwd=home)
    assert done.returncode == 1
    assert "only --trials, --control and --check-proxy" in done.stderr


def _trials(path: Path) -> list[tuple[object, ...]]:
    with sqlite3.connect(path) as db:
        try:
            return db.execute("SELECT * FROM trials ORDER BY number").fetchall()
        except sqlite3.OperationalError:
            return []


def _orphans(folder: Path) -> list[str]:
    """Command lines of processes that still name the run folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and f"/{os.getpid()}/" not in str(process):
            found.append(line)
    return found


def test_ctrl_c_says_how_to_go_on(photos: Path, tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from pocketnas.cli.main import main; main()", "search"]
    folder = tmp_path / "run"
    arguments = ["--data", str(photos), "--resolution", "32", "--trials", "50", "--out", folder]
    running = subprocess.Popen(
        [*program, *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A background shell hands on SIGINT ignored, and Python would then never hear it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert running.stdout is not None
    try:
        for line in running.stdout:
            if "trained: accuracy" in line:
                break
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: the workers get it too
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 130
    assert said == f"pocketnas: stopped; go on with: pocketnas search --resume {folder}\n"
    assert _orphans(folder) == []


def test_what_ships_in_int8_is_measured_and_scored_in_int8(
    cli: Cli, photos: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ai_edge_quantizer")
    done = cli(
        *("search", "--data", photos, "--resolution", "32", *TINY, "--control", "0"),
        *("--final-epochs", "30", "--int8", "--out", "run", "--json"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    about = json.loads((tmp_path / "run" / "best.json").read_text())
    model = (tmp_path / "run" / "best.tflite").read_bytes()
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    for details, end in (
        (interpreter.get_input_details()[0], "input"),
        (interpreter.get_output_details()[0], "output"),
    ):
        assert details["dtype"] is np.int8
        assert about[end]["dtype"] == "int8"
        scale, zero_point = details["quantization"]
        assert about[end]["quantization"] == {"scale": scale, "zero_point": zero_point}
    result = json.loads(done.stdout)
    assert result["rows"][0]["accuracy"] == result["check"]["int8"]["accuracy"]
    assert result["rows"][0]["size_bytes"] == len(model)
    floats = (tmp_path / "run" / "best_float.tflite").read_bytes()
    assert len(floats) > len(model)
    assert "whole.clip(-128, 127)" in (tmp_path / "run" / "report.html").read_text()
