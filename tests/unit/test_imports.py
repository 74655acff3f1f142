# SPDX-License-Identifier: MIT
"""Who may import whom: most of the package works where there is no FEniCSx."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mlms_fenics

PACKAGE = Path(mlms_fenics.__file__).parent
WITHOUT_FENICSX = (
    "gpu",
    "kinematics",
    "materials",
    "microstructure",
    "unitcell",
    "data",
    "surrogate",
    "judge",
    "calibrate",
    "export",
    "benchmarks",
    "loop",
)
OTHERS = (
    "microstructure",
    "unitcell",
    "data",
    "surrogate",
    "judge",
    "calibrate",
    "export",
    "macroscale",
    "io",
    "geometry",
    "impact",
)

# One process imports what the package stands on; each part is then imported in a fork of its own,
# so that no part finds what another has imported.
IMPORT_ALL = """
import importlib, os, pkgutil, sys, traceback
for name in ("dolfinx", "gmsh", "petsc4py"):
    sys.modules[name] = None
import h5py, numba, scipy, torch, tqdm, yaml

def import_all(part):
    package = importlib.import_module("mlms_fenics." + part)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            print(module.name)

assert not any(name.split(".")[0] == "mlms_fenics" for name in sys.modules)
for part in sys.argv[1:]:
    print("part", part, flush=True)
    child = os.fork()
    if not child:
        try:
            import_all(part)
        except BaseException:
            traceback.print_exc(file=sys.stdout)
        else:
            print("done")
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.fixture(scope="module")
def imported() -> dict[str, list[str]]:
    """What the import of each part said, its last line "done" where it was imported whole."""
    command = [sys.executable, "-c", IMPORT_ALL, *WITHOUT_FENICSX]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    parts = re.split("^part ", done.stdout, flags=re.MULTILINE)[1:]
    return {part.split("\n", 1)[0]: part.splitlines()[1:] for part in parts}


def imported_by(subpackage: str) -> set[str]:
    """Subpackages of mlms_fenics that a subpackage imports, anywhere in its files."""
    names: set[str] = set()
    for path in (PACKAGE / subpackage).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(f"{node.module}.")
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    parts = (name.split(".") for name in names)
    return {part[1] for part in parts if part[0] == "mlms_fenics" and len(part) > 1}


@pytest.mark.parametrize("subpackage", WITHOUT_FENICSX)
def test_imports_without_fenicsx(subpackage, imported):
    said = imported[subpackage]
    assert said[-1:] == ["done"], "\n".join(said)
    assert len(said) >= 2


def test_kinematics_are_the_ground_floor():
    assert not imported_by("kinematics") & {"materials", *OTHERS}


def test_materials_import_none_of_the_others():
    assert not imported_by("materials") & set(OTHERS)


def test_learnt_laws_do_not_import_the_unit_cell():
    assert "unitcell" not in imported_by("surrogate")
    assert "data" in imported_by("surrogate")  # so the search does find what is imported


def circles(graph: dict[str, set[str]]) -> set[frozenset[str]]:
    """Sets of more than one node that all reach each other along the arrows of a graph."""

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        left = [start]
        while left:
            new = graph.get(left.pop(), set()) - found
            found |= new
            left += new
        return found

    reach = {node: reached(node) for node in graph}
    return {
        frozenset(other for other in reach[node] if node in reach[other])
        for node in graph
        if node in reach[node]
    }


def imports_by_file(subpackage: str) -> dict[str, set[str]]:
    """Modules of mlms_fenics that each module of a subpackage imports, for type checking too."""
    files = {
        ".".join(("mlms_fenics", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in (PACKAGE / subpackage).rglob("*.py")
    }
    files = {name.removesuffix(".__init__"): path for name, path in files.items()}
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        used: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                used |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                whole = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
                used |= {x if x in files else str(node.module) for x in whole.values()}
        graph[name] = used & files.keys()
    return graph


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == {frozenset({"b", "c"})}


@pytest.mark.parametrize("subpackage", (*WITHOUT_FENICSX, "macroscale", "io", "geometry", "impact"))
def test_no_circle_of_imports(subpackage):
    graph = imports_by_file(subpackage)
    assert len(graph) > 1
    assert circles(graph) == set()


def private_imports(source: str) -> set[str]:
    """Names with a leading underscore that a file imports from a module, in functions too."""
    return {
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.startswith("__")
    }


def test_private_imports_are_found():
    source = "from a.b import (\n    c,\n    _d,\n)\ndef f():\n    from e import _g, __h__\n"
    assert private_imports(source) == {"a.b._d", "e._g"}


def test_no_private_name_is_imported_across_files():
    found = {
        (str(path.relative_to(PACKAGE)), name)
        for path in PACKAGE.rglob("*.py")
        for name in private_imports(path.read_text())
    }
    # The module of what differs between dolfinx versions is private to the package, not to a file.
    assert {(file, name) for file, name in found if name != "mlms_fenics._compat"} == set()


def test_no_circle_of_imports_across_the_package():
    graph = imports_by_file(".")
    assert len(graph) > 200 and any(".macroscale." in name for name in graph)
    assert circles(graph) == set()
