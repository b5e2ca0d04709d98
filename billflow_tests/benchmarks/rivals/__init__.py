"""Spark's own reader of databases, to compare with."""
