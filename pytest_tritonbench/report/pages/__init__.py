"""Reports of records: one page of HTML, the same as Markdown, and tables as CSV."""

from .grid import Predictions
from .reading import Loaded, load
from .writing import Written, write_report

__all__ = ["Loaded", "Predictions", "Written", "load", "write_report"]
