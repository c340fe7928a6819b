"""Sphinx: MyST pages, and two made from the code (reference.py); no network."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))

project = "archbench"
extensions = ["myst_parser", "reference"]
html_theme = "furo"
exclude_patterns = ["_build", "examples"]
myst_heading_anchors = 3
