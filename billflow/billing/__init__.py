"""From usage to invoices. PURE: DataFrame → DataFrame and → Column; no I/O, no dagster, no Python UDF.

Every frame that has an account holds `system` and `account_id`, and is laid out by account_id: joins and groupings
name both first, so that nothing is shuffled.
"""
