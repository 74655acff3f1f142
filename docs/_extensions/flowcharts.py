# SPDX-License-Identifier: MIT
"""Mermaid flow charts of the pages as drawings: boxes in rows, arrows upwards.

GitHub draws `mermaid` blocks itself; Sphinx would need a program or a script from the network. Only
what these pages use is understood: subgraphs, `name["label"]`, `name --> name`.
"""

import re
from html import escape
from math import inf
from statistics import fmean

from docutils import nodes
from sphinx.application import Sphinx

_BOX = re.compile(r'^\s*(\w+)\["([^"]*)"\]\s*$')
_ARROW = re.compile(r"^\s*(\w+)\s*-->\s*(\w+)\s*$")
_GROUP = re.compile(r'^\s*subgraph\s+(\w+)(?:\["([^"]*)"\])?\s*$')
_OTHER = re.compile(r"^\s*(flowchart BT|end)?\s*$")
WIDTH, HEIGHT, GAP_X, GAP_Y, LETTER = 190, 62, 24, 54, 6.1


def parse(text: str) -> tuple[dict[str, list[str]], list[tuple[str, str]], dict[str, str]]:
    """Boxes (name to lines of text), arrows, and the group's label of each box.

    Raises:
        ValueError: a line is none of what is understood here.
    """
    boxes: dict[str, list[str]] = {}
    arrows: list[tuple[str, str]] = []
    groups: dict[str, str] = {}
    group = ""
    for line in text.splitlines():
        if match := _BOX.match(line):
            boxes[match[1]] = match[2].split("<br/>")
            if group:
                groups[match[1]] = group
        elif match := _GROUP.match(line):
            group = match[2] or match[1]
        elif match := _ARROW.match(line):
            arrows.append((match[1], match[2]))
        elif not _OTHER.match(line):
            raise ValueError(f"not understood in a flow chart: {line!r}")
        elif line.strip() == "end":
            group = ""
    unknown = {name for arrow in arrows for name in arrow} - set(boxes)
    if unknown:
        raise ValueError(f"arrows of a flow chart name no box: {', '.join(sorted(unknown))}")
    return boxes, arrows, groups


def rows_of(boxes: dict[str, list[str]], arrows: list[tuple[str, str]]) -> list[list[str]]:
    """Boxes by row from the top down; an arrow leads to a higher row.

    Raises:
        ValueError: the arrows go round in a circle.
    """
    row = dict.fromkeys(boxes, 0)
    for _ in boxes:
        changed = False
        for tail, head in arrows:
            if row[tail] <= row[head]:
                row[tail], changed = row[head] + 1, True
        if not changed:
            break
    else:
        raise ValueError("the arrows of a flow chart go round in a circle")
    for name in set(boxes) - {tail for tail, _ in arrows}:
        # What points nowhere stands next to what points to it.
        row[name] = min((row[tail] - 1 for tail, head in arrows if head == name), default=0)
    return [[b for b in boxes if row[b] == k] for k in range(max(row.values(), default=0) + 1)]


def places(rows: list[list[str]], arrows: list[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """Left upper corner of each box; a row's boxes are in the order of those they point to."""
    width = max(len(row) for row in rows) * (WIDTH + GAP_X) + GAP_X
    place: dict[str, tuple[float, float]] = {}
    for k, row in enumerate(rows):
        heads = {name: [place[b][0] for a, b in arrows if a == name] for name in row}
        middle = {name: fmean(at) if at else inf for name, at in heads.items()}
        ordered = sorted(row, key=middle.__getitem__)
        free = (width - len(row) * WIDTH) / (len(row) + 1)
        for i, name in enumerate(ordered):
            place[name] = (free + i * (WIDTH + free), k * (HEIGHT + GAP_Y) + 8)
    return place


def drawing(text: str) -> str:
    """The chart as SVG in the page's own colours."""
    boxes, arrows, groups = parse(text)
    place = places(rows_of(boxes, arrows), arrows)
    width = max(x for x, _ in place.values()) + WIDTH + GAP_X
    height = max(y for _, y in place.values()) + HEIGHT + GAP_Y // 2
    kinds = list(dict.fromkeys(groups.values()))
    below = height + 20 * len(kinds)
    parts = [
        f'<svg class="flowchart" role="img" viewBox="0 0 {width:.0f} {below:.0f}" '
        'xmlns="http://www.w3.org/2000/svg" fill="none" stroke="currentColor" '
        'style="width:100%;height:auto;font-size:12px">',
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="currentColor"/></marker>'
        "</defs>",
    ]
    for tail, head in arrows:
        (x0, y0), (x1, y1) = place[tail], place[head]
        a, b = x0 + WIDTH / 2, x1 + WIDTH / 2
        # Arrows bend between the rows, so that they cross few boxes.
        low, high = y0, y1 + HEIGHT
        path = f"M{a:.0f} {low:.0f}C{a:.0f} {low - GAP_Y:.0f} {b:.0f} {high + GAP_Y:.0f} "
        path += f"{b:.0f} {high:.0f}"
        parts.append(f'<path d="{path}" stroke-opacity="0.55" marker-end="url(#head)"/>')
    for name, lines in boxes.items():
        parts += _box(place[name], lines, kinds.index(groups[name]) if name in groups else -1)
    for k, kind in enumerate(kinds):
        y = height + 20 * k + 8
        parts.append(f'<rect x="8" y="{y:.0f}" width="22" height="12" {_style(k)}/>')
        parts.append(
            f'<text x="38" y="{y + 10:.0f}" stroke="none" fill="currentColor">{escape(kind)}</text>'
        )
    return "".join([*parts, "</svg>"])


def _style(kind: int) -> str:
    return 'stroke-dasharray="5 3"' if kind == 1 else 'stroke-width="1.5"'


def _box(at: tuple[float, float], lines: list[str], kind: int) -> list[str]:
    x, y = at
    # Long texts are broken, and the paper's colour is behind them.
    shown: list[str] = []
    for line in lines:
        words, part = line.split(), ""
        for word in words:
            if part and len(part) + 1 + len(word) > WIDTH / LETTER:
                shown.append(part)
                part = word
            else:
                part = f"{part} {word}".strip()
        shown.append(part)
    parts = [
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="5" '
        f'fill="var(--color-background-primary, white)" {_style(kind)}/>'
    ]
    for i, part in enumerate(shown):
        bold = ' font-weight="bold"' if i == 0 else ""
        line = y + HEIGHT / 2 + 15 * (i - (len(shown) - 1) / 2) + 4
        parts.append(
            f'<text x="{x + WIDTH / 2:.0f}" y="{line:.0f}" text-anchor="middle" stroke="none" '
            f'fill="currentColor"{bold}>{escape(part)}</text>'
        )
    return parts


def replace(app: Sphinx, document: nodes.document) -> None:
    """Sphinx's doctree-read: blocks in `mermaid` become drawings."""
    for block in list(document.findall(nodes.literal_block)):
        if block.get("language") == "mermaid":
            block.replace_self(nodes.raw("", drawing(block.astext()), format="html"))


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("doctree-read", replace)
    return {"parallel_read_safe": True}
