# SPDX-License-Identifier: MIT
"""What the pages for readers name is there: files, modules, links."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = ("mlms_fenics", "demos", "tests", "meshes", "docs", "docker")


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def text(request) -> str:
    return request.param.read_text(encoding="utf-8")


def test_files_named_are_there(text):
    named = set(re.findall(rf"\b(?:{'|'.join(FOLDERS)})/[\w./-]*\w", text))
    # Files of the package are also named without its name.
    inside = {p.name for p in (ROOT / "mlms_fenics").iterdir() if p.is_dir()}
    short = set(re.findall(r"`(\w+/[\w/]+\.py)`", text))
    named |= {f"mlms_fenics/{name}" for name in short if name.split("/")[0] in inside}
    missing = sorted(name for name in named if not (ROOT / name).exists())
    assert not missing


def test_modules_named_are_there(text):
    named = set(re.findall(r"python3? -m (mlms_fenics[\w.]*\w)", text))
    assert all(importlib.util.find_spec(name) is not None for name in named), named


def test_links_lead_somewhere(request, text):
    page = request.node.callspec.params["text"]
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150
