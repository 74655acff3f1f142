# SPDX-License-Identifier: MIT
"""Rebuild the gallery page from the results of the impact studies.

    python demos/studies/impact_studies.py --out results/studies
    python demos/studies/concurrent_multiscale.py --out results/concurrent
    python demos/studies/harvest.py --out results/harvest
    python demos/studies/cost_table.py --out results/cost
    python demos/studies/gallery.py

It copies the pictures to docs/gallery and writes docs/gallery.md; `--run` runs the four studies
before. What has not been run is left out.
"""

import argparse
import importlib.util
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlms_fenics.errors import SimulationError, require
from mlms_fenics.files import replacing
from mlms_fenics.io.command import Parser
from mlms_fenics.locking import Claim
from mlms_fenics.parallel import entry_point

HERE = Path(__file__).resolve().parent
LARGEST = 300_000  # bytes of a picture


@dataclass(frozen=True)
class Chapter:
    """A part of the page.

    Attributes:
        study: whose folder the pictures are in.
        title: heading.
        text: above the pictures.
        pictures: file and caption of each.
        tables: Markdown files of the study to include.
    """

    study: str
    title: str
    text: str
    pictures: Sequence[tuple[str, str]] = ()
    tables: Sequence[str] = field(default=())


STUDIES = {
    "studies": "impact_studies",
    "concurrent": "concurrent_multiscale",
    "harvest": "harvest",
    "cost": "cost_table",
}
CHAPTERS = (
    Chapter(
        "studies",
        "Taylor anvil",
        "A magnesium cylinder, 5 mm long and 1 mm in diameter, hits a rigid, frictionless wall at "
        "200 m/s: von Mises stress, deviatoric strain |FᵀF/(det F)^⅔ − I|/2 and volumetric strain "
        "on the axial section up to z = 3 mm, where the wave has not yet come. Layout of Liu et "
        "al. 2022, Figs. 4 and 5.",
        (
            ("fig4_anvil.png", "The anvil over time."),
            ("fig5_velocity.png", "Velocity of the impact."),
            ("fig5_diameter.png", "Diameter at fixed height."),
            ("anvil.gif", "The first microsecond."),
        ),
    ),
    Chapter(
        "studies",
        "Projectile on a plate",
        "A rigid, flat-ended cylinder of 2 mm diameter hits a plate 1 mm thick at 200 m/s from "
        "below (layout of Figs. 6 and 7). Thin plates leave the projectile under its centre once "
        "the wave from the free back has returned; the table of runs below tells when.",
        (
            ("fig6_plate.png", "The plate over time."),
            ("fig7_velocity.png", "Velocity of the projectile."),
            ("fig7_thickness.png", "Thickness of the plate."),
            ("plate.gif", "The first microsecond."),
        ),
    ),
    Chapter(
        "studies",
        "Convergence of the anvil",
        "With the mesh and with the time step, for the learnt law and for a polycrystal of few "
        "grains evaluated at every point; different grains, so different limits.",
        (("convergence.png", "Foot radius and internal energy after 1 µs."),),
    ),
    Chapter("studies", "All runs", "", (), ("runs.md",)),
    Chapter(
        "concurrent",
        "Concurrent multiscale as the truth",
        "The same problems with all 128 grains at every quadrature point, which is what the learnt "
        "law was taught; nothing is learnt there. 'Motion' is the displacement less that of free "
        "flight. Further laws are given by `--model NAME=FILE`: reduced-8 and reduced-16 are "
        "reduced polycrystals of so many grains (orientations and weights alone), grains are "
        "twelve learnt grains taught the data of one-microsecond, which is the learnt law of all "
        "that is shown here. ten-percent is a recurrent operator "
        "taught 10% walks alone, which the impact leaves far behind: there the trust field shows "
        "where the error is, by rank among all cells and among the deformed ones (last column). "
        "Of a law that is at home nearly everywhere, such as one-microsecond, it does not.",
        (
            ("anvil_learnt.png", "The learnt law against the concurrent run: the anvil."),
            ("plate_learnt.png", "The learnt law against the concurrent run: the plate."),
            ("anvil_reduced-16.png", "A reduced polycrystal of 16 grains."),
            ("anvil_ten-percent.png", "A law outside of its data: taught 10% walks alone."),
            ("anvil_johnson-cook-fitted.png", "Johnson-Cook, fitted to the same polycrystal."),
        ),
        ("table.md",),
    ),
    Chapter(
        "harvest",
        "Harvesting the impact's own paths",
        "Each round adds the strain paths of the impact itself to the data and trains further. "
        "What is harvested on one body does not teach another: name all that matter with "
        "`--problems`.",
        (("rounds.png", "Difference from the concurrent run against rounds."),),
        ("table.md",),
    ),
    Chapter("cost", "The price list", "Every law in the same impacts.", (), ("table.md",)),
)


def options_from(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(0, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    new = parser.add_argument
    new("--results", type=Path, default=Path("results"), help="folder of the studies' folders")
    new("--docs", type=Path, default=HERE.parents[1] / "docs", help="where the page is written")
    new("--run", action="store_true", help="run (or go on with) all studies first")
    return parser.parse_args(argv)


def run_studies(results: Path) -> None:
    for name, demo in STUDIES.items():
        spec = importlib.util.spec_from_file_location(demo, HERE / f"{demo}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        status = module.main(["--out", str(results / name)])
        if status != 0:
            raise SimulationError(f"demos/studies/{demo}.py ended with status {status}")


def chapter_text(chapter: Chapter, results: Path, docs: Path) -> list[str]:
    """Lines of a chapter, with its pictures copied; none where there is nothing to show."""
    folder = results / chapter.study
    lines: list[str] = []
    for name, caption in chapter.pictures:
        source = folder / name
        if not source.exists():
            continue
        size = source.stat().st_size
        require(size <= LARGEST, f"{source} has {size} bytes, more than {LARGEST}: draw it smaller")
        target = docs / "gallery" / f"{chapter.study}_{name}"
        with replacing(target) as beside:
            shutil.copyfile(source, beside)
        lines += [f"![{caption}](gallery/{target.name})", "", f"*{caption}*", ""]
    for name in chapter.tables:
        table = folder / name
        if table.exists():
            lines += [table.read_text(encoding="utf-8").strip(), ""]
    if not lines:
        return []
    text = [chapter.text, ""] if chapter.text else []
    made = f"`python demos/studies/{STUDIES[chapter.study]}.py`"
    return [f"## {chapter.title}", "", *text, *lines, f"Made by {made}.", ""]


def build(options: argparse.Namespace) -> None:
    """Run the studies, if asked to, and write the page."""
    if options.run:
        run_studies(options.results)
    chapters = [chapter_text(chapter, options.results, options.docs) for chapter in CHAPTERS]
    require(
        any(chapters),
        f"--results {options.results}: no results of the studies are there; --run makes them",
    )
    rebuilt = "Rebuilt by `python demos/studies/gallery.py` from the studies' results."
    head = ["# Gallery", "", rebuilt, ""]
    text = "\n".join([*head, *(line for lines in chapters for line in lines)])
    with replacing(options.docs / "gallery.md") as beside:
        beside.write_text(text.rstrip() + "\n", encoding="utf-8")
    missing = [c.title for c, lines in zip(CHAPTERS, chapters, strict=True) if not lines]
    print(f"{options.docs / 'gallery.md'} written")
    if missing:
        print(f"left out, since not run: {', '.join(missing)}")


@entry_point
def main(argv: Sequence[str] | None = None) -> None:
    options = options_from(argv)
    with Claim(options.docs / "gallery"):
        build(options)


if __name__ == "__main__":
    sys.exit(main())
