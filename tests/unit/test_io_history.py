# SPDX-License-Identifier: MIT
"""The history table: round trip, units, interruption, full disk."""

import csv
import math

import numpy as np
import pytest
from mpi4py import MPI

from mlms_fenics.errors import InputError, SimulationError
from mlms_fenics.io import History, read_history

COLUMNS = {"time": "us", "energy": "J", "balance": ""}


def table(path):
    history = History(MPI.COMM_SELF, path, COLUMNS)
    for k in range(3):
        history.append({"time": 0.1 * k, "energy": 1.0 / 3.0 * k, "balance": math.nan})
    history.check()
    return path


def test_round_trip_keeps_all_digits(tmp_path):
    columns = read_history(table(tmp_path / "new" / "h.csv"))
    assert list(columns) == list(COLUMNS)
    assert columns["time"].tolist() == [0.1 * k for k in range(3)]
    assert columns["energy"].tolist() == [1.0 / 3.0 * k for k in range(3)]
    assert np.isnan(columns["balance"]).all()


def test_header_states_units(tmp_path):
    with open(table(tmp_path / "h.csv"), newline="") as file:
        assert next(csv.reader(file)) == ["time [us]", "energy [J]", "balance"]


def test_rows_are_on_disk_at_once(tmp_path):
    history = History(MPI.COMM_SELF, tmp_path / "h.csv", {"time": "us"})
    for k in range(3):
        history.append({"time": k})
        assert read_history(tmp_path / "h.csv")["time"].tolist() == list(range(k + 1))


@pytest.mark.parametrize("tail", ["0.3,", "0.3,0.1,0.2"])
def test_cut_off_line_is_left_out(tmp_path, tail):
    path = table(tmp_path / "h.csv")
    with open(path, "a") as file:
        file.write(tail)
    assert len(read_history(path)["time"]) == 3


@pytest.mark.parametrize("line", ["0.3,1\n", "0.3,word,1\n"])
def test_damaged_line_is_named(tmp_path, line):
    path = table(tmp_path / "h.csv")
    with open(path, "a") as file:
        file.write(line)
    with pytest.raises(InputError, match="line 5"):
        read_history(path)


def test_no_table(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_history(tmp_path / "none.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputError, match="no header"):
        read_history(tmp_path / "empty.csv")


def test_wrong_columns(tmp_path):
    history = History(MPI.COMM_SELF, tmp_path / "h.csv", COLUMNS)
    with pytest.raises(InputError, match="balance"):
        history.append({"time": 0.0, "energy": 0.0})
    with pytest.raises(InputError, match="more"):
        history.append({"time": 0.0, "energy": 0.0, "balance": 0.0, "more": 1.0})


def test_full_disk_is_told_at_the_check(tmp_path):
    (tmp_path / "h.csv").symlink_to("/dev/full")
    with pytest.raises(SimulationError, match="No space left"):
        History(MPI.COMM_SELF, tmp_path / "h.csv", COLUMNS)
    (tmp_path / "h.csv").unlink()
    history = History(MPI.COMM_SELF, tmp_path / "h.csv", COLUMNS)
    (tmp_path / "h.csv").unlink()
    (tmp_path / "h.csv").symlink_to("/dev/full")
    history.append({"time": 0.0, "energy": 0.0, "balance": 0.0})
    with pytest.raises(SimulationError, match="No space left"):
        history.check()
