import ast
import io
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.tiny_models import conv_stack
from pocketnas.devices import host_worker
from pocketnas.devices.host_worker import read_frame, serve, write_frame

headers = st.dictionaries(
    st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers())
)
frames = st.tuples(headers, st.binary())


@settings(max_examples=50)
@given(st.lists(frames))
def test_frames_arrive_as_they_were_sent(sent: list[tuple[dict[str, Any], bytes]]) -> None:
    pipe = io.BytesIO()
    for header, payload in sent:
        write_frame(pipe, header, payload)
    pipe.seek(0)
    assert [read_frame(pipe) for _ in sent] == sent
    with pytest.raises(EOFError):
        read_frame(pipe)


@given(frames, st.data())
def test_a_frame_cut_short_is_an_end_of_file(
    frame: tuple[dict[str, Any], bytes], data: st.DataObject
) -> None:
    pipe = io.BytesIO()
    write_frame(pipe, *frame)
    whole = pipe.getvalue()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(EOFError):
        read_frame(io.BytesIO(whole[:cut]))


@pytest.mark.parametrize(
    ("request_header", "says"), [({"op": "windows"}, "start comes first"), ({}, "op")]
)
def test_a_request_out_of_turn_is_answered_with_an_error(
    request_header: dict[str, Any], says: str
) -> None:
    requests, answers = io.BytesIO(), io.BytesIO()
    write_frame(requests, request_header)
    requests.seek(0)
    serve(requests, answers)
    answers.seek(0)
    answer, payload = read_frame(answers)
    assert says in answer["error"]
    assert payload == b""


def test_a_copy_of_the_file_alone_serves(tmp_path: Path) -> None:
    """As it will over ssh, on a computer that has no pocketnas."""
    program = shutil.copy(host_worker.__file__, tmp_path / "worker.py")
    requests = io.BytesIO()
    write_frame(requests, {"op": "start", "threads": 1, "core": None})
    for net, warm_s in enumerate((0.001, 0.001, 0)):
        write_frame(
            requests, {"op": "load", "net": net, "warm_s": warm_s, "copies": 1 + net}, conv_stack(1)
        )
    write_frame(requests, {"op": "windows", "order": [0, 1, 0], "window_s": 0.001})
    write_frame(requests, {"op": "free"})
    write_frame(requests, {"op": "state"})
    write_frame(requests, {"op": "windows", "order": [0, 1], "window_s": 0.001})
    done = subprocess.run(
        [sys.executable, "-P", program],
        input=requests.getvalue(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    answers = io.BytesIO(done.stdout)
    facts, _ = read_frame(answers)
    assert facts["litert"]
    assert facts["threads"] == 1
    loaded = [read_frame(answers)[0] for _ in range(3)]
    assert all(answer["xnnpack_partitions"] == 1 and answer["left"] == [] for answer in loaded)
    assert 0 < loaded[0]["run_s"] < 1
    assert loaded[2]["run_s"] == 0
    windows, times = read_frame(answers)
    assert len(windows["counts"]) == 3
    runs = struct.unpack(f">{sum(windows['counts'])}q", times)
    assert min(runs) > 0
    assert read_frame(answers) == ({}, b"")
    state, _ = read_frame(answers)
    assert state["heat"].keys() == {"celsius", "throttled"}
    assert state["load"] >= 0
    assert read_frame(answers) == ({"error": "1"}, b"")  # freed
    assert answers.read() == b""


def test_a_board_says_how_hot_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are those of a Raspberry Pi's kernel."""
    monkeypatch.setattr(host_worker, "_SYS", tmp_path)
    assert host_worker.heat() == {"celsius": None, "throttled": None}

    def write(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"{text}\n")

    write("class/thermal/thermal_zone0/temp", "48312")
    write("class/thermal/thermal_zone1/temp", "61050")
    write("class/thermal/cooling_device0/type", "pwm-fan")
    write("class/thermal/cooling_device0/cur_state", "3")
    assert host_worker.heat() == {"celsius": 61.05, "throttled": None}
    write("class/thermal/cooling_device1/type", "cpufreq-cpu0")
    write("class/thermal/cooling_device1/cur_state", "0")
    assert host_worker.heat() == {"celsius": 61.05, "throttled": False}
    write("class/thermal/cooling_device1/cur_state", "2")
    assert host_worker.heat()["throttled"] is True
    write("class/thermal/cooling_device1/cur_state", "0")
    write("devices/platform/soc/soc:firmware/get_throttled", "50000")  # it was once
    assert host_worker.heat()["throttled"] is False
    write("devices/platform/soc/soc:firmware/get_throttled", "50005")  # and is again
    assert host_worker.heat()["throttled"] is True


def test_a_board_is_known_by_its_makers_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_worker, "_PROC", tmp_path)
    monkeypatch.setattr(host_worker, "_SYS", tmp_path)
    monkeypatch.setattr(host_worker, "_pin", lambda threads, core: None)  # this very process
    (tmp_path / "device-tree").mkdir()
    (tmp_path / "device-tree/model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nBogoMIPS\t: 108.00\n")
    facts = host_worker.Bench(1, None).facts()
    assert facts["board"] == facts["cpu"] == "Raspberry Pi 5 Model B Rev 1.0"


def test_the_file_imports_nothing_of_pocketnas() -> None:
    tree = ast.parse(Path(host_worker.__file__).read_text())
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    assert not [module for module in modules if "pocketnas" in (module or "pocketnas")]
