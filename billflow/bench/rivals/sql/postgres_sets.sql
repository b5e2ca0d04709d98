-- The bill run as sets. PostgreSQL reads in parallel for a table that it makes, not for one that it adds to: so each
-- step makes a table, as a partition of the month would be made, and gives it its key.

-- step: usage summed
CREATE UNLOGGED TABLE used AS
SELECT s.account_id, s.subscription_id, s.plan, coalesce(u.kwh, 0)::numeric(15, 3) AS kwh,
    coalesce(u.readings, 0)::int AS readings
FROM subscriptions s
LEFT JOIN (
    SELECT subscription_id, sum(kwh) AS kwh, count(*) AS readings FROM usage
    WHERE read_at >= date '$period_start' AND read_at < date '$period_end' GROUP BY subscription_id
) u USING (subscription_id)
WHERE s.start_date < date '$period_end'

-- step: lines
CREATE TABLE invoice_lines AS
SELECT account_id AS invoice_id,
    row_number() OVER (PARTITION BY account_id ORDER BY subscription_id, part)::int AS line_no,
    account_id, subscription_id, plan, charge, description, date '$period_start' AS period_start,
    date '$period_end' AS period_end, quantity, unit, unit_price, round(quantity * unit_price, 2)::numeric(12, 2) AS net,
    tax_code, tax_category, tax_rate, usage_count
FROM (
    SELECT u.account_id, u.subscription_id, u.plan, 0 AS part, 'basic' AS charge, p.fee_name AS description,
        1::numeric(15, 3) AS quantity, NULL AS unit, p.fee::numeric(10, 4) AS unit_price, p.tax_code, p.tax_category,
        p.tax_rate, 0 AS usage_count
    FROM used u JOIN plans p USING (plan)
    UNION ALL
    SELECT u.account_id, u.subscription_id, u.plan, t.tier_no, 'energy',
        p.energy_name || CASE
            WHEN t.up_to IS NULL THEN ', above ' || trim_scale(t.above)
            ELSE ', ' || trim_scale(t.above) || ' to ' || trim_scale(t.up_to)
        END || ' ' || p.unit,
        least(u.kwh, coalesce(t.up_to, u.kwh)) - t.above, p.unit, t.unit_price, p.tax_code, p.tax_category,
        p.tax_rate, CASE WHEN t.above = 0 THEN u.readings ELSE 0 END
    FROM used u JOIN plans p USING (plan) JOIN tiers t ON t.plan = u.plan AND u.kwh > t.above
    WHERE t.above = 0 OR round((least(u.kwh, coalesce(t.up_to, u.kwh)) - t.above) * t.unit_price, 2) <> 0
) parts

-- step: lines
ALTER TABLE invoice_lines ADD PRIMARY KEY (invoice_id, line_no)

-- step: taxes
CREATE TABLE invoice_taxes AS
SELECT invoice_id, tax_category, tax_rate, sum(net)::numeric(12, 2) AS base,
    round(sum(net) * tax_rate, 2)::numeric(12, 2) AS tax
FROM invoice_lines GROUP BY invoice_id, tax_category, tax_rate

-- step: taxes
ALTER TABLE invoice_taxes ADD PRIMARY KEY (invoice_id, tax_category, tax_rate)

-- step: invoices
CREATE TABLE invoices AS
SELECT invoice_id, invoice_id AS account_id, date '$period_start' AS period_start, date '$period_end' AS period_end,
    date '$period_end' AS issue_date, date '$period_end' + 14 AS due_date, 'EUR'::char(3) AS currency,
    sum(base)::numeric(12, 2) AS net, sum(tax)::numeric(12, 2) AS tax, (sum(base) + sum(tax))::numeric(12, 2) AS total
FROM invoice_taxes GROUP BY invoice_id

-- step: invoices
ALTER TABLE invoices ADD PRIMARY KEY (invoice_id)
