"""Thin verbs; no business rule lives here."""

from billflow.cli.main import main

__all__ = ["main"]
