# SPDX-License-Identifier: MIT
"""The generator's command and counters on any number of ranks; run by ../test_generate.py."""

import errno
import itertools
import os

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from mlms_fenics.data.counters import SharedCounters
from mlms_fenics.data.generate import main
from mlms_fenics.data.store import Store

comm = MPI.COMM_WORLD


def test_counter_gives_each_number_to_one_rank():
    counters = SharedCounters(comm, 2)
    mine = []
    while (turn := counters.add(0, 1)) < 1000:
        mine.append(turn)
    counters.add(1, len(mine))
    everything = sorted(itertools.chain(*comm.allgather(mine)))
    total = counters.read(1)
    counters.free()
    assert everything == list(range(1000))
    assert total == 1000


SMALL = ["--samples", "2", "--grains", "2", "--steps", "4"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--samples", "-4"], "--samples is -4"),
        (["--samples", "0"], "--samples is 0"),
        (["--samples", "many"], "invalid int"),
        (["--max-strain", "0"], "max_strain is 0"),
        (["--max-strain", "-0.1"], "max_strain is -0.1"),
        (["--max-strain", "7"], "max_strain is 7"),
        (["--max-volume", "2"], "max_volume is 2"),
        (["--steps", "0"], "steps is 0"),
        (["--horizon", "-1"], "--horizon is -1"),
        (["--tolerance", "0"], "--tolerance is 0"),
        (["--seed", "-1"], "--seed is -1"),
        (["--grains", "0"], "grains is 0"),
        (["--block", "0"], "--block is 0"),
        (["--device", "toaster"], "--device is 'toaster'"),
        (["--device", "cuda:99"], "--device cuda:99"),
        (["--exponent", "2"], "rate_exponent m = 2"),
        (["--law", "lead"], "--law is 'lead'"),
        (["--set", "basal.tau_0=-1"], "tau_0 = -1"),
        (["--set", "basal.colour=1"], "'colour' is none of"),
        (["--set", "lateral.tau_0=1"], "no family 'lateral'"),
        (["--set", "density=heavy"], "'heavy' is no number"),
        (["--protocol", "harvested"], "needs --paths"),
        (["--paths", "x.h5"], "--paths is for"),
        (["--protocol", "zigzag"], "invalid choice"),
        (["--orientations", "none.txt"], "cannot read 'none.txt'"),
        (["--orientations", "a", "--fibre", "0", "0", "1"], "exclude each other"),
        (["--law", "two-slip", "--fibre", "0", "0", "1"], "3D"),
        (["--fibre", "0", "0", "0"], "sample_axis"),
        (["--protocol", "paper", "--det-range", "0.9999999", "1.0000001"], "none of"),
        (["--direction", "1", "0"], "direction"),
        (["--frobnicate"], "unrecognized"),
    ],
)
def test_bad_input_ends_alike_on_all_ranks(folder, capfd, arguments, expected):
    out = folder / "never.h5"
    status = main(["taylor", *SMALL, *arguments, "--out", str(out)])
    assert status == 2
    message = capfd.readouterr().err
    if comm.rank == 0:
        assert message.startswith("error: ")
        assert message.count("\n") == 1
        assert expected in message
    else:
        assert message == ""
    comm.Barrier()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "target", ["no/such/folder/f.h5", "folder", "text.h5", "other.h5", "/proc/f.h5"]
)
def test_bad_output_ends_alike_on_all_ranks(folder, capfd, target):
    if comm.rank == 0:
        (folder / "folder").mkdir()
        (folder / "text.h5").write_text("not a data set")
        with h5py.File(folder / "other.h5", "w") as file:
            file["x"] = 1
    comm.Barrier()
    assert main(["taylor", *SMALL, "--out", str(folder / target)]) == 2
    message = capfd.readouterr().err
    assert message.count("error: ") == (1 if comm.rank == 0 else 0)
    if comm.rank == 0:
        assert target.strip("/").split("/")[0] in message
    assert (folder / "text.h5").read_text() == "not a data set"


def test_other_settings_are_named_and_the_file_left_alone(folder, capfd):
    out = folder / "a.h5"
    assert main(["taylor", *SMALL, "--out", str(out)]) == 0
    before = comm.bcast(out.read_bytes() if comm.rank == 0 else None, root=0)
    changes = {
        "sampler.max_strain (0.1, not 0.2)": ["--max-strain", "0.2"],
        "seed (0, not 3)": ["--seed", "3"],
        "orientations (2 grains, not 5)": ["--grains", "5"],
        "orientations (other rotations)": ["--orientation-seed", "5"],
        "law.slip.0.tau_0": ["--set", "basal.tau_0=0.02"],
        "tolerance (0.0001, not 0.001)": ["--tolerance", "0.001"],
        "horizon (1.0, not 2.0)": ["--horizon", "2"],
    }
    for field, change in changes.items():
        capfd.readouterr()
        assert main(["taylor", *SMALL, *change, "--out", str(out)]) == 2
        if comm.rank == 0:
            message = capfd.readouterr().err
            assert field in message
            assert message.count(";") <= 1  # that field alone
    assert main(["taylor", *SMALL, "--out", str(out)]) == 0
    if comm.rank == 0:
        assert "all samples were there already" in capfd.readouterr().out
    comm.Barrier()
    assert out.read_bytes() == before
    comm.Barrier()


def test_a_rank_that_cannot_write_stops_all_and_what_is_finished_is_kept(
    folder, capfd, monkeypatch
):
    out, write = folder / "a.h5", Store.write_block
    options = ["--samples", "12", "--grains", "2", "--steps", "4", "--block", "1"]

    def full(store, block):
        if block.index[0] == 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(store, block)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write_block", full)
        assert main(["taylor", *options, "--out", str(out)]) == 3
    message = capfd.readouterr().err
    if comm.rank == 0:
        assert message.count("error: ") == 1
        assert "No space left" in message
        assert (folder / "a.h5.parts" / "000000000-000000000.h5").exists()
    comm.Barrier()
    assert not out.exists()
    assert main(["taylor", *options, "--out", str(out)]) == 0
    if comm.rank == 0:
        assert "samples are there already" in capfd.readouterr().err
        with h5py.File(out) as file:
            assert (file["status"][:] == 1).all()
    comm.Barrier()


@pytest.mark.parametrize(
    "cell", [["taylor"], ["fft", "--grid", "6", "--max-strain", "0.01", "--tolerance", "1e-3"]]
)
def test_help_and_dry_run_write_nothing(folder, capfd, cell):
    assert main([cell[0], "--help"]) == 0
    assert main([*cell, *SMALL, "--out", str(folder / "a.h5"), "--dry-run"]) == 0
    printed = capfd.readouterr().out
    if comm.rank == 0:
        assert "2 paths to compute" in printed
        assert "a path on one rank" in printed
    comm.Barrier()
    assert list(folder.iterdir()) == []


def test_harvested_paths_come_back_as_they_are(folder):
    paths = folder / "paths.h5"
    U = np.tile(np.eye(3), (3, 6, 1, 1))
    U[:, :, 0, 0] = 1.0 + 0.01 * np.arange(6) * np.arange(1, 4)[:, None]
    if comm.rank == 0:
        with h5py.File(paths, "w") as file:
            file["U"] = U
            file.attrs["horizon"] = 0.5
    comm.Barrier()
    out = folder / "a.h5"
    arguments = ["--protocol", "harvested", "--paths", str(paths), "--grains", "2"]
    assert main(["taylor", *arguments, "--out", str(out)]) == 0
    with h5py.File(out) as file:
        assert file.attrs["horizon"] == 0.5
        assert np.array_equal(file["U"][..., 0], U[..., 0, 0].astype(np.float32))
        assert (file["status"][:] == 1).all()
    comm.Barrier()
