"""The documentation site: Markdown pages, and pages that are made from docstrings, the catalogue and results."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # for site_pages

project = "Hologram"
author = "The Hologram founders"
copyright = author
extensions = ["myst_parser"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Hologram"
html_show_sphinx = False
html_show_copyright = False
exclude_patterns = ["site_pages"]
nitpicky = True


def setup(app):
    """Write the pages that are made before Sphinx looks for pages."""
    from site_pages import measured, reference

    app.connect("builder-inited", lambda app: reference.write(Path(app.srcdir) / "made"))
    app.connect("builder-inited", lambda app: measured.write(Path(app.srcdir) / "made"))
