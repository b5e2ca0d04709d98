"""Answers about bills, priced in memory from what the lake has; nothing is written in here."""
