"""Accounts of several systems → customers."""
