# SPDX-License-Identifier: MIT
"""The lattice by which a law's pole figures are drawn."""

import json
from dataclasses import replace

import pytest

from mlms_fenics.errors import InputError
from mlms_fenics.macroscale.records import record
from mlms_fenics.materials import CrystalLaw, magnesium, two_slip_crystal
from mlms_fenics.materials.library import METALS, crystal_from_text, metal
from mlms_fenics.unitcell.__main__ import main

ONE_SYSTEM = """
name: one system
lattice: hcp
c_over_a: 1.624
density: 1.738
elasticity: {shear_modulus: 17000, bulk_modulus: 35000}
slip:
  - name: basal a3
    systems: [{plane: [0, 0, 0, 1], direction: [-1, -1, 2, 0]}]
    rate: 1.0e-3
    n: 5
    tau_0: 10
  - name: pyramidal
    systems: [{plane: [1, 1, -2, 2], direction: [-1, -1, 2, 3]}]
    rate: 1.0e-3
    n: 5
    tau_0: 40
"""


@pytest.mark.parametrize("name", METALS)
def test_metals_tell_it_by_their_slip_directions(name) -> None:
    law = metal(name)
    assert law.lattice is None and "lattice" not in law.to_dict()
    hexagonal = "titanium" in name or "magnesium" in name
    assert law.symmetry == ("hexagonal" if hexagonal else "cubic")


def test_a_file_names_it_where_the_slip_directions_do_not() -> None:
    law = crystal_from_text(ONE_SYSTEM, "law")
    assert law.symmetry == law.lattice == "hexagonal"
    nameless = replace(law, lattice=None)
    assert nameless.symmetry is None
    again = CrystalLaw.from_dict(json.loads(json.dumps(law.to_dict())))
    assert again.symmetry == "hexagonal"
    # It changes no stress: equal laws, equal records, and dictionaries from before it was there.
    assert law == nameless and hash(law) == hash(nameless) and record(law) == record(nameless)
    old = magnesium().to_dict()
    assert "lattice" not in old and CrystalLaw.from_dict(old) == magnesium()
    assert two_slip_crystal().symmetry is None
    with pytest.raises(InputError, match="lattice is 'fcc', but must be cubic or hexagonal"):
        replace(law, lattice="fcc")


def test_pole_figures_are_drawn_by_the_name(tmp_path) -> None:
    (tmp_path / "law.yaml").write_text(ONE_SYSTEM)
    given = ["--law", str(tmp_path / "law.yaml"), "--grains", "2", "--steps", "2"]
    assert main([*given, "--strain", "0.0004", "--out", str(tmp_path / "a")]) == 0
    assert (tmp_path / "a_after.png").stat().st_size > 10_000
