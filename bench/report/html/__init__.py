"""The report as one page: `report.html`, which needs no other file and asks for none."""

from bench.report.html.claims import claims_of
from bench.report.html.page import write_html

__all__ = ["claims_of", "write_html"]
