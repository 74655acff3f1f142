# SPDX-License-Identifier: MIT
"""Runs that outlast all that their law was taught say so, and no others."""

import pytest

from mlms_fenics.impact.command import note_beyond_training
from mlms_fenics.io import Summary
from mlms_fenics.materials import NeoHookean
from mlms_fenics.surrogate import load_model


@pytest.mark.parametrize(
    ("model", "end_time", "said"),
    [
        ("one-microsecond", 1.0, None),
        ("one-microsecond", 3.0, "goes beyond the 1 us"),
        ("default", 3.0, None),
        ("default", 2000.0, "goes beyond the 1000 us"),
    ],
)
def test_the_longest_training_history_counts(model, end_time, said):
    summary = Summary()
    note_beyond_training(summary, "Result", load_model(model), end_time)
    assert (said or "") in summary.text() and ("beyond" in summary.text()) == bool(said)


def test_a_law_that_was_not_trained_goes_beyond_nothing():
    summary = Summary()
    law = NeoHookean(shear_modulus=1.0, bulk_modulus=2.0, density=1.0)
    note_beyond_training(summary, "Result", law, 1e9)
    assert "beyond" not in summary.text()
