# SPDX-License-Identifier: MIT
"""The gallery page: built from what is there, and in step with the repository's own."""

import re

import pytest
from demo_scripts import ROOT, load


@pytest.fixture(scope="module")
def main():
    return load("gallery").main


def test_page_of_what_is_there(main, tmp_path, capsys):
    (tmp_path / "results" / "studies").mkdir(parents=True)
    (tmp_path / "results" / "cost").mkdir()
    (tmp_path / "results" / "studies" / "fig4_anvil.png").write_bytes(b"a picture")
    (tmp_path / "results" / "cost" / "table.md").write_text(
        "| law | s |\n|---|---|\n| none | 1 |\n"
    )
    options = ["--results", str(tmp_path / "results"), "--docs", str(tmp_path / "docs")]
    assert main(options) == 0
    page = (tmp_path / "docs" / "gallery.md").read_text()
    assert "](gallery/studies_fig4_anvil.png)" in page and "| none | 1 |" in page
    assert "fig5" not in page and "Harvesting" not in page
    assert (tmp_path / "docs/gallery/studies_fig4_anvil.png").read_bytes() == b"a picture"
    assert "Harvesting" in capsys.readouterr().out


def test_nothing_to_show_and_pictures_too_large_are_told(main, tmp_path, capsys):
    options = ["--results", str(tmp_path / "results"), "--docs", str(tmp_path / "docs")]
    assert main(options) == 2
    assert "no results" in capsys.readouterr().err
    (tmp_path / "results" / "studies").mkdir(parents=True)
    (tmp_path / "results" / "studies" / "fig6_plate.png").write_bytes(b"0" * 300_001)
    assert main(options) == 2
    assert "300001 bytes" in capsys.readouterr().err


def test_the_repositorys_page_has_its_pictures_and_they_are_small():
    page = (ROOT / "docs" / "gallery.md").read_text()
    named = re.findall(r"\]\((gallery/[^)]+)\)", page)
    assert len(named) >= 5
    for name in named:
        assert 1000 < (ROOT / "docs" / name).stat().st_size <= 300_000, name
    there = {f"gallery/{path.name}" for path in (ROOT / "docs" / "gallery").iterdir()}
    assert there == set(named)
