"""billflow turns customers and usage, wherever they live, into exact invoices, compact PDFs and data for others."""

__version__ = "0.1.0"
