"""Configuration of Sphinx for the documentation. `make docs` builds it into docs/_build/html."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.templates import HtmlDjangoLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

project = "Genkan"
author = "the Genkan contributors"
project_copyright = "the Genkan contributors"
release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
nitpicky = True
# Types in signatures: a build without a network cannot look up those of other packages.
nitpick_ignore_regex = [(r"py:.*", r".*")]

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 4

# Docstrings have code between single backticks.
default_role = "code"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
maximum_signature_line_length = 90
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = "Genkan"
html_static_path = ["_static"]
html_css_files = ["genkan.css"]
html_logo = "../static/img/genkan.svg"
html_favicon = "../static/img/genkan.svg"
html_copy_source = False
html_show_sourcelink = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"


def setup(app: Sphinx) -> None:
    """Show HTML as templates, which it is on every page."""
    app.add_lexer("html", HtmlDjangoLexer)
