-- What billflow publishes, with the keys and indexes that a reporting database has; rows come by COPY.

-- step: tables
CREATE TABLE accounts (account_id bigint, name text, city text, postcode text, country text, segment text)

-- step: tables
CREATE TABLE invoices (
    invoice_id text, account_id bigint, cycle text, month text, period_start date, period_end date, issue_date date,
    due_date date, currency text, net numeric(14, 2), tax numeric(14, 2), total numeric(14, 2)
)

-- step: tables
CREATE TABLE invoice_lines (
    invoice_id text, line_no int, account_id bigint, subscription_id bigint, plan text, charge text, section text,
    description text, metric text, period_start date, period_end date, quantity numeric(15, 3), unit text,
    unit_price numeric(10, 4), net numeric(14, 2), tax_code text, tax_category text, tax_rate numeric(6, 4),
    usage_count bigint, cycle text, month text
)

-- step: tables
CREATE TABLE invoice_taxes (
    invoice_id text, tax_category text, tax_rate numeric(6, 4), base numeric(14, 2), tax numeric(14, 2), cycle text,
    month text, account_id bigint
)
