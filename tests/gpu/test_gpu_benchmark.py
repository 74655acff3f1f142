# SPDX-License-Identifier: MIT
"""The benchmark's checks and its bookkeeping, on the CPU in place of a GPU and on a GPU."""

import json

import pytest
import torch

from mlms_fenics.benchmarks.__main__ import main
from mlms_fenics.benchmarks.gpu import command


@pytest.mark.slow
@pytest.mark.parametrize("device", [
    "cpu",
    pytest.param("cuda", marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that torch sees"),
    ]),
])  # fmt: skip
def test_it_checks_and_measures_and_goes_on(device, tmp_path, capsys, monkeypatch):
    order = ["gpu", "--device", device, "--quick", "--out", str(tmp_path)]
    assert main([*order, "--parts", "copies"]) == 0
    assert list(json.loads((tmp_path / "gpu.json").read_text())["parts"]) == ["copies"]
    monkeypatch.setitem(command.PARTS, "copies", lambda place: pytest.fail("done before"))
    assert main(order) == 0
    parts = json.loads((tmp_path / "gpu.json").read_text())["parts"]
    assert list(parts) == list(command.PARTS)
    for part in parts.values():
        assert part["checks"] and all(value <= limit for _, value, limit in part["checks"])
        assert part["figures"] and all(value > 0.0 for _, value, _ in part["figures"])
    text = capsys.readouterr().out
    assert text.splitlines()[-1] in (tmp_path / "gpu.md").read_text()
    assert "| stress of J2 |" in text and "grain-substeps/s" in text


def test_a_difference_is_told_after_all_is_written(tmp_path, capsys, monkeypatch):
    def differs(place, found):
        found.check("stress of something", float("nan"), 1e-10)

    monkeypatch.setattr(command, "PARTS", {"differs": differs})
    order = ["gpu", "--device", "cpu", "--quick", "--out", str(tmp_path)]
    assert main(order) != 0
    assert "stress of something: nan, allowed 1e-10" in capsys.readouterr().err
    assert "differs" in json.loads((tmp_path / "gpu.json").read_text())["parts"]


def test_what_a_part_found_until_it_was_stopped_is_kept(tmp_path, capsys, monkeypatch):
    def stopped(place, found):
        found.figure("speed of something", 3.0, "points/s")
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "PARTS", {"stopped": stopped})
    with pytest.raises(KeyboardInterrupt):
        command.run("cpu", True, tmp_path)
    (part,) = json.loads((tmp_path / "gpu.json").read_text())["parts"].values()
    assert part["figures"] == [["speed of something", 3.0, "points/s"]] and not part["done"]

    def done(place, found):
        found.figure("speed of something", 4.0, "points/s")

    monkeypatch.setattr(command, "PARTS", {"stopped": done})
    lines: list[str] = []
    assert "4" in command.run("cpu", True, tmp_path, follow=lines.append)[-1]
    assert lines == ["stopped: speed of something: 4 points/s"]
    capsys.readouterr()


def test_a_part_that_takes_long_is_stopped_and_the_next_one_begun(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(command.time, "monotonic", lambda: clock[0])

    def part(place, found):
        for k in range(5):
            clock[0] += 60.0
            found.figure(f"figure {k}", 1.0, "s")

    monkeypatch.setattr(command, "PARTS", dict.fromkeys(("one", "two", "three", "four"), part))
    lines = command.run("cpu", True, tmp_path, minutes=6.0)
    parts = json.loads((tmp_path / "gpu.json").read_text())["parts"]
    # 90 s for each of them, of which the second figure is beyond, and 360 s for all.
    assert {name: len(found["figures"]) for name, found in parts.items()} == {
        "one": 2, "two": 2, "three": 2
    }  # fmt: skip
    assert (
        clock[0] == 360.0
        and "## three (120 s, stopped: the same command again takes all of it)" in lines
    )
    command.run("cpu", True, tmp_path, minutes=6.0)  # 300 s for the first one, and 60 are left
    parts = json.loads((tmp_path / "gpu.json").read_text())["parts"]
    assert [len(parts[name]["figures"]) for name in parts] == [5, 2, 2]
    assert parts["one"]["done"] and not parts["two"]["done"]


def test_what_is_not_there_is_refused(tmp_path, capsys):
    order = ["gpu", "--device", "cpu", "--quick", "--out", str(tmp_path)]
    assert main([*order, "--parts", "abacus"]) == 2
    assert "part 'abacus' is none of copies" in capsys.readouterr().err
