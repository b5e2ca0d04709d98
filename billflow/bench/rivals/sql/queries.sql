-- Ten questions that a billing department asks, over the tables that billflow publishes; the text is the same for both.

-- step: revenue by month, plan and region
SELECT l.month, l.plan, a.segment, sum(l.net) AS net, count(*) AS lines
FROM invoice_lines l JOIN accounts a ON a.account_id = l.account_id
GROUP BY l.month, l.plan, a.segment

-- step: the twenty best customers of a year
SELECT account_id, sum(total) AS total FROM invoices WHERE month >= '2025-01'
GROUP BY account_id ORDER BY sum(total) DESC, CAST(account_id AS bigint) LIMIT 20

-- step: ageing of what fell due in a year
SELECT CASE
        WHEN due_date >= date '2026-01-01' THEN 'not due'
        WHEN due_date > date '2025-12-01' THEN 'up to 30 days'
        WHEN due_date > date '2025-11-01' THEN 'up to 60 days'
        WHEN due_date > date '2025-10-01' THEN 'up to 90 days'
        ELSE 'older'
    END AS age, count(*) AS invoices, sum(total) AS total
FROM invoices WHERE due_date >= date '2025-01-01' GROUP BY 1

-- step: usage percentiles by plan
SELECT plan, percentile_disc(0.5) WITHIN GROUP (ORDER BY kwh) AS half, percentile_disc(0.9) WITHIN GROUP (ORDER BY kwh)
    AS nine_in_ten, percentile_disc(0.99) WITHIN GROUP (ORDER BY kwh) AS ninety_nine_in_a_hundred
FROM (
    SELECT account_id, plan, month, sum(quantity) AS kwh FROM invoice_lines
    WHERE metric = 'energy_kwh' AND month >= '2025-01' GROUP BY account_id, plan, month
) used
GROUP BY plan

-- step: year over year
SELECT substr(month, 6, 2) AS month_of_year, sum(CASE WHEN month < '2025-01' THEN net ELSE 0 END) AS before,
    sum(CASE WHEN month >= '2025-01' THEN net ELSE 0 END) AS now,
    sum(CASE WHEN month >= '2025-01' THEN net ELSE -net END) AS more
FROM invoices GROUP BY substr(month, 6, 2)

-- step: the tax return of each quarter
SELECT substr(month, 1, 4) AS year, CASE
        WHEN substr(month, 6, 2) <= '03' THEN 1 WHEN substr(month, 6, 2) <= '06' THEN 2
        WHEN substr(month, 6, 2) <= '09' THEN 3 ELSE 4
    END AS quarter, tax_category, tax_rate, sum(base) AS base, sum(tax) AS tax
FROM invoice_taxes GROUP BY 1, 2, 3, 4

-- step: what each tier brings in
SELECT substr(month, 1, 4) AS year, plan, charge, unit_price, count(*) AS lines, sum(quantity) AS quantity,
    sum(net) AS net
FROM invoice_lines GROUP BY 1, 2, 3, 4

-- step: bills that rose by a fifth since last year
SELECT a.segment, now.month, count(*) AS bills, sum(now.total - before.total) AS more
FROM invoices now
JOIN invoices before ON before.account_id = now.account_id
    AND CAST(substr(before.month, 1, 4) AS int) + 1 = CAST(substr(now.month, 1, 4) AS int)
    AND substr(before.month, 6, 2) = substr(now.month, 6, 2)
JOIN accounts a ON a.account_id = now.account_id
WHERE now.month >= '2025-10' AND now.total > before.total * 1.2
GROUP BY a.segment, now.month

-- step: revenue by the month in which customers joined
SELECT first_bill.month AS joined, i.month, sum(i.net) AS net
FROM (SELECT account_id, min(month) AS month FROM invoices GROUP BY account_id) first_bill
JOIN invoices i ON i.account_id = first_bill.account_id
GROUP BY first_bill.month, i.month

-- step: all bills of one customer
SELECT month, line_no, description, quantity, unit_price, net FROM invoice_lines
WHERE account_id = '7' ORDER BY month, line_no
