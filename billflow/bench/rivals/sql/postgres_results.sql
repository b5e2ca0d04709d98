-- Empty tables of bills, as the procedure fills them.

-- step: tables
CREATE TABLE invoices (
    invoice_id bigint PRIMARY KEY, account_id bigint, period_start date, period_end date, issue_date date,
    due_date date, currency char(3), net numeric(12, 2), tax numeric(12, 2), total numeric(12, 2)
)

-- step: tables
CREATE TABLE invoice_lines (
    invoice_id bigint, line_no int, account_id bigint, subscription_id bigint, plan text, charge text,
    description text, period_start date, period_end date, quantity numeric(15, 3), unit text,
    unit_price numeric(10, 4), net numeric(12, 2), tax_code text, tax_category text, tax_rate numeric(6, 4),
    usage_count int,
    PRIMARY KEY (invoice_id, line_no)
)

-- step: tables
CREATE TABLE invoice_taxes (
    invoice_id bigint, tax_category text, tax_rate numeric(6, 4), base numeric(12, 2), tax numeric(12, 2),
    PRIMARY KEY (invoice_id, tax_category, tax_rate)
)
