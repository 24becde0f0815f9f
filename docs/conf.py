"""Sphinx's settings for the course's site. `make site` (docs/make_site.py) prepares the pages and calls Sphinx."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from make_site import mathjax, repository  # noqa: E402

PAGES = Path(os.environ["VAE_KERAS_SITE_PAGES"])  # set by make_site.py

project = "Faces from a variational autoencoder"
author = "the contributors"
html_title = "Faces from a VAE"
language = "en"

extensions = [
    "myst_nb",
    "sphinx_design",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "first_uses",
    "formulas",
    "pictures",
]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".rst": "restructuredtext"}
exclude_patterns = ["_*"]

nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "dollarmath", "html_image"]
myst_dmath_double_inline = True  # formulas of a line of their own in the midst of a paragraph
myst_heading_anchors = 4
# Notebooks begin some sections at a level of their own; the table of contents shows them all the same.
suppress_warnings = ["myst.header"]

add_module_names = False
maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = "sphinx_book_theme"
html_static_path = [str(Path(__file__).resolve().parent / "_static"), str(PAGES / "_vendor")]
templates_path = [str(Path(__file__).resolve().parent / "_templates")]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_domain_indices = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_navbar_depth": 1,
    "show_toc_level": 1,
    "toc_title": "On this page",
    "use_download_button": False,
    "use_fullscreen_button": False,
    "search_bar_text": "Search the course",
}
if repository():
    html_theme_options["repository_url"] = f"https://github.com/{repository()}"
    html_theme_options["use_repository_button"] = True

# MathJax draws formulas as SVG, of one file: fonts would not load from a folder on disk in every browser.
mathjax_path = f"mathjax/{mathjax().name}"
mathjax3_config = {"options": {"enableMenu": False}}
