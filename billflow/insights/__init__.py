"""What the published tables mean for whoever reads them: what is open, how long, which reminder is due, what leaked."""

from billflow.insights.connection import connect

__all__ = ["connect"]
