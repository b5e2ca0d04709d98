"""Answers from what the lake has: bills priced in memory, comparisons, and what the published tables mean for whoever
reads them (what is open, how long, which reminder is due, what leaked). Nothing is written in here.
"""

from billflow.insights.connection import connect

__all__ = ["connect"]
