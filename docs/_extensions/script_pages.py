# SPDX-License-Identifier: MIT
"""Pages out of Python scripts: the module's docstring and comments of `# %%` cells are the text.

A script of docs/tutorials is run as it is, and is a page as well: its docstring opens the page, a
comment block that begins with `# %%` is text in Markdown, all else is shown as code.
"""

import ast

from myst_parser.parsers.sphinx_ import MystParser
from sphinx.application import Sphinx

CELL = "# %%"


def page_from_script(source: str) -> str:
    """The page, in Markdown, of a script.

    Raises:
        ValueError: the script has no docstring.
    """
    module = ast.parse(source)
    text = ast.get_docstring(module)
    if text is None:
        raise ValueError("a script that is a page begins with a docstring")
    lines = source.splitlines()[module.body[0].end_lineno :]
    parts = [text]
    code: list[str] = []

    def end_code() -> None:
        shown = "\n".join(code).strip("\n")
        if shown:
            parts.append(f"```python\n{shown}\n```")
        code.clear()

    position = 0
    while position < len(lines):
        if lines[position].startswith(CELL):
            end_code()
            prose = [lines[position].removeprefix(CELL).strip()]
            position += 1
            while position < len(lines) and lines[position].startswith("#"):
                prose.append(lines[position].removeprefix("#").removeprefix(" "))
                position += 1
            parts.append("\n".join(prose).strip())
        else:
            code.append(lines[position])
            position += 1
    end_code()
    return "\n\n".join(part for part in parts if part) + "\n"


class ScriptParser(MystParser):
    """Markdown, taken out of a script."""

    supported = ("script",)

    def parse(self, inputstring: str, document: object) -> None:
        super().parse(page_from_script(inputstring), document)


def setup(app: Sphinx) -> dict[str, object]:
    app.add_source_parser(ScriptParser)
    return {"parallel_read_safe": True}
