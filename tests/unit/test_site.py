# SPDX-License-Identifier: MIT
"""The pages of docs/ as a site: it builds without a warning, and its links lead somewhere."""

import ast
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from mlms_fenics.materials import drive

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS / "_extensions"))

from docstrings import plain  # noqa: E402
from flowcharts import drawing, parse, rows_of  # noqa: E402
from script_pages import page_from_script  # noqa: E402


class Links(HTMLParser):
    """Where a page's links and pictures lead, and what on it can be led to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.anchors |= {str(given["id"])} if "id" in given else set()
        wanted = given.get(
            {"a": "href", "img": "src", "link": "href", "script": "src"}.get(tag, "")
        )
        self.targets |= {wanted} if wanted else set()


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The built pages; any warning is an error."""
    out = tmp_path_factory.mktemp("site") / "html"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", str(DOCS), str(out)]
    done = subprocess.run(
        [*command, "-d", str(out.parent / "trees")], capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
def test_links_of_the_built_pages_lead_somewhere(site):
    pages = {path: Links(path) for path in site.rglob("*.html")}
    assert len(pages) > 25
    wrong = []
    for path, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or not (parts.path or parts.fragment):
                continue
            there = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            found = there.exists() and (
                not parts.fragment or there not in pages or parts.fragment in pages[there].anchors
            )
            wrong += [] if found else [f"{path.relative_to(site)}: {target}"]
    assert not wrong


@pytest.mark.slow
def test_interface_pages_have_the_docstrings(site):
    text = (site / "api" / "macroscale.html").read_text(encoding="utf-8")
    assert 'id="mlms_fenics.macroscale.ExplicitSolver"' in text
    assert "linear and quadratic coefficient of the bulk viscosity" in text
    # Sections of the docstrings are sections, and code is code.
    assert "Args:" not in text and "Raises:" not in text
    assert "`" not in re.sub(r"<[^>]*>", "", text.split('<article role="main"')[1])


@pytest.mark.slow
def test_scripts_and_charts_are_on_the_pages(site):
    text = (site / "tutorials" / "own_law.html").read_text(encoding="utf-8")
    assert "<h2>The mesh" in text and "highlight-python" in text and "# %%" not in text
    chart = (site / "architecture.html").read_text(encoding="utf-8")
    assert '<svg class="flowchart"' in chart and "flowchart BT" not in chart


def test_a_script_becomes_a_page():
    source = '# licence\n"""# Title\n\nWords.\n"""\n\nx = 1\n\n# %% ## Part\n#\n# More *words*.\n\n'
    assert page_from_script(source + "# why\ny = 2\n") == (
        "# Title\n\nWords.\n\n```python\nx = 1\n```\n\n## Part\n\nMore *words*.\n\n"
        "```python\n# why\ny = 2\n```\n"
    )
    with pytest.raises(ValueError, match="docstring"):
        page_from_script("x = 1\n")


def test_charts_are_drawn_with_arrows_upwards():
    text = 'flowchart BT\n  subgraph g["Some"]\n    a["One<br/>first"]\n  end\n  b["Two & more"]\n'
    boxes, arrows, groups = parse(text + "  b --> a\n")
    assert boxes == {"a": ["One", "first"], "b": ["Two & more"]}
    assert arrows == [("b", "a")] and groups == {"a": "Some"}
    assert rows_of(boxes, arrows) == [["a"], ["b"]]
    many = [("b", "a"), ("c", "b"), ("c", "d")]
    assert rows_of({name: [name] for name in "abcd"}, many) == [["a"], ["b", "d"], ["c"]]
    drawn = drawing(text + "  b --> a\n")
    assert "Two &amp; more" in drawn and drawn.count("<path") == 2  # the arrow and its head
    with pytest.raises(ValueError, match="no box: c"):
        parse(text + "  c --> a\n")
    with pytest.raises(ValueError, match="circle"):
        rows_of(boxes, [("a", "b"), ("b", "a")])
    with pytest.raises(ValueError, match="not understood"):
        parse("  a -.-> b\n")


def test_docstrings_are_no_markup_but_code_and_stress():
    assert plain("|F| of `F_in`, *Shape* `(n,)`") == r"\|F\| of ``F_in``, *Shape* ``(n,)``"
    assert plain("x_ and c*d*e") == r"x\_ and c\*d\*e"


@pytest.mark.parametrize("page", sorted((DOCS / "guide").glob("*.md")), ids=lambda p: p.stem)
def test_code_on_the_guides_is_python(page):
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        ast.parse(block)


def test_the_guides_law_is_a_law():
    text = (DOCS / "guide" / "own_law.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    (code,) = (block for block in blocks if "class Foam(" in block)
    names: dict = {}
    exec(code, names)
    law = names["Foam"](shear=1.0, bulk=2.0, density=0.5)
    turn = torch.from_numpy(Rotation.from_rotvec([0.3, -0.5, 0.8]).as_matrix())
    F = torch.eye(3, dtype=torch.float64).repeat(1, 3, 1, 1)
    F[0, 1] += torch.tensor(np.random.default_rng(0).normal(scale=0.1, size=(3, 3)))
    F[0, 2] = torch.diag(torch.tensor([1.3, 0.9, 1.1], dtype=torch.float64))
    time = torch.tensor([0.0, 1.0, 2.0])
    sigma, turned = drive(law, F, time), drive(law, turn @ F, time)
    # No stress without stretch, whatever the rotation; the same stress, turned.
    torch.testing.assert_close(turned, turn @ sigma @ turn.mT, atol=1e-14, rtol=1e-12)
    still = turn.expand(1, 2, 3, 3)
    assert drive(law, still, time[:2]).abs().max() < 1e-14
    # F = diag(1.3, 0.9, 1.1): J = 1.287, and damage is 1 - exp(-(J - 1)).
    J, b = 1.287, np.array([1.3, 0.9, 1.1]) ** 2
    exact = (J ** (-5 / 3) * (b - b.mean()) + 2.0 * (J - 1.0)) * np.exp(-(J - 1.0))
    np.testing.assert_allclose(sigma[0, 2].diagonal().numpy(), exact, rtol=1e-12)
