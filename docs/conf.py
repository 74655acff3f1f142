# SPDX-License-Identifier: MIT
"""How Sphinx builds these pages: `docker/run sphinx-build -W docs results/site`."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

import mlms_fenics  # noqa: E402

project = "mlms_fenics"
author = "the mlms_fenics developers"
copyright = f"2026, {author}"  # Sphinx's name for it
version = release = mlms_fenics.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "docstrings",
    "flowcharts",
    "script_pages",
]
source_suffix = {".md": "markdown", ".py": "script"}
exclude_patterns = ["conf.py", "_extensions"]
nitpicky = False

html_theme = "furo"
html_title = f"mlms_fenics {release}"
html_static_path: list[str] = []
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}

myst_heading_anchors = 3  # pages link to each other's headings

autoclass_content = "both"  # a class, and how it is made
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
