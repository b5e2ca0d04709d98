-- The bill run as sets in DuckDB, over its own tables, to Parquet files.

-- step: lines
CREATE TEMP TABLE invoice_lines AS
WITH used AS (
    SELECT s.account_id, s.subscription_id, s.plan, coalesce(u.kwh, 0)::decimal(15, 3) AS kwh,
        coalesce(u.readings, 0)::int AS readings
    FROM subscriptions s
    LEFT JOIN (
        SELECT subscription_id, sum(kwh) AS kwh, count(*) AS readings FROM usage
        WHERE read_at >= date '$period_start' AND read_at < date '$period_end' GROUP BY subscription_id
    ) u USING (subscription_id)
    WHERE s.start_date < date '$period_end'
), parts AS (
    SELECT u.account_id, u.subscription_id, u.plan, 0 AS part, 'basic' AS charge, p.fee_name AS description,
        1::decimal(15, 3) AS quantity, NULL::varchar AS unit, p.fee::decimal(10, 4) AS unit_price, p.tax_code,
        p.tax_category, p.tax_rate, 0 AS usage_count
    FROM used u JOIN plans p USING (plan)
    UNION ALL
    SELECT u.account_id, u.subscription_id, u.plan, t.tier_no, 'energy',
        p.energy_name || CASE
            WHEN t.up_to IS NULL THEN ', above ' || t.above::int
            ELSE ', ' || t.above::int || ' to ' || t.up_to::int
        END || ' ' || p.unit,
        least(u.kwh, coalesce(t.up_to, u.kwh)) - t.above, p.unit, t.unit_price, p.tax_code, p.tax_category,
        p.tax_rate, CASE WHEN t.above = 0 THEN u.readings ELSE 0 END
    FROM used u JOIN plans p USING (plan) JOIN tiers t ON t.plan = u.plan AND u.kwh > t.above
    WHERE t.above = 0 OR round((least(u.kwh, coalesce(t.up_to, u.kwh)) - t.above) * t.unit_price, 2) <> 0
)
SELECT account_id AS invoice_id,
    row_number() OVER (PARTITION BY account_id ORDER BY subscription_id, part)::int AS line_no,
    account_id, subscription_id, plan, charge, description, date '$period_start' AS period_start,
    date '$period_end' AS period_end, quantity, unit, unit_price, round(quantity * unit_price, 2)::decimal(12, 2) AS net,
    tax_code, tax_category, tax_rate, usage_count
FROM parts

-- step: taxes
CREATE TEMP TABLE invoice_taxes AS
SELECT invoice_id, tax_category, tax_rate, sum(net)::decimal(12, 2) AS base,
    round(sum(net) * tax_rate, 2)::decimal(12, 2) AS tax
FROM invoice_lines GROUP BY invoice_id, tax_category, tax_rate

-- step: invoices
CREATE TEMP TABLE invoices AS
SELECT invoice_id, invoice_id AS account_id, date '$period_start' AS period_start, date '$period_end' AS period_end,
    date '$period_end' AS issue_date, date '$period_end' + 14 AS due_date, 'EUR' AS currency,
    sum(base)::decimal(12, 2) AS net, sum(tax)::decimal(12, 2) AS tax, (sum(base) + sum(tax))::decimal(12, 2) AS total
FROM invoice_taxes GROUP BY invoice_id

-- step: lines
COPY invoice_lines TO '$folder/invoice_lines.parquet' (FORMAT parquet, COMPRESSION zstd)

-- step: taxes
COPY invoice_taxes TO '$folder/invoice_taxes.parquet' (FORMAT parquet, COMPRESSION zstd)

-- step: invoices
COPY invoices TO '$folder/invoices.parquet' (FORMAT parquet, COMPRESSION zstd)
