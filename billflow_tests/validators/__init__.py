"""Validators of others, fetched by Maven: do e-invoices and PDFs keep the official rules?"""
