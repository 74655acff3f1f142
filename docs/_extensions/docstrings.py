# SPDX-License-Identifier: MIT
"""The package's docstrings on the pages: Google's sections, and text that is not meant as markup.

In the docstrings `name` is code and *Shape* is stressed; bars, stars and underscores are
mathematics. Sphinx would take |F| for a substitution and x_ for a link.
"""

import re

from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config
from sphinx.ext.napoleon.docstring import GoogleDocstring

CONFIG = Config(napoleon_use_rtype=False, napoleon_use_ivar=True, napoleon_use_param=True)
_CODE = re.compile(r"``[^`]+``|`[^`]+`")
_STRESSED = re.compile(r"(?<![\w*])\*[A-Za-z][\w -]*\*(?![\w*])")


def plain(line: str) -> str:
    """A line with code as code, stressed words stressed, and all else as it is written."""
    if ":`" in line:
        return line  # a role, made by napoleon
    kept: list[str] = []

    def keep(match: re.Match) -> str:
        found = match.group()
        kept.append(f"``{found.strip('`')}``" if found.startswith("`") else found)
        return f"\0{len(kept) - 1}\0"

    hidden = _STRESSED.sub(keep, _CODE.sub(keep, line))
    hidden = re.sub(r"([\\*|])", r"\\\1", hidden)
    hidden = re.sub(r"(\w)_(?=\W|$)", r"\1\\_", hidden)
    return re.sub(r"\0(\d+)\0", lambda m: kept[int(m.group(1))], hidden)


def rewrite(app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]):
    """Sphinx's autodoc-process-docstring: the lines are changed in place."""
    lines[:] = [plain(line) for line in lines]
    # Of a property napoleon takes what is before a colon for its type.
    what = "method" if what == "property" else what
    lines[:] = GoogleDocstring(lines, CONFIG, app, what, name, item, options).lines()


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("autodoc-process-docstring", rewrite)
    return {"parallel_read_safe": True}
