"""The statements of `billflow.insights.older_bills`, in the order in which they run; no amount is ever a float."""

_FOLDED = r"lower(trim(regexp_replace(coalesce({0}, ''), '\s+', ' ', 'g')))"

OUR_LINES = f"""
CREATE TEMP TABLE our_lines AS
SELECT row_number() OVER () AS id, i.system, i.account_id, i.invoice_id AS bill, i.issue_date, i.currency, l.line_no,
       {_FOLDED.format("l.description")} AS description, l.description AS shown, l.quantity, l.unit_price,
       coalesce(l.gross, l.net)::DECIMAL(38,12) AS amount, l.tax_code, l.tax_rate
FROM invoices AS i JOIN invoice_lines AS l USING (invoice_id)
WHERE i.cycle = $cycle AND i.month = $month AND l.cycle = $cycle AND l.month = $month
"""
"""The lines of the run. An account's bill is all that was invoiced to it for the period."""

THEIR_BILLS = """
CREATE TEMP TABLE their_bills AS
WITH known AS (
  SELECT system, account_id FROM accounts WHERE cycle = $cycle
  UNION SELECT system, account_id FROM invoices WHERE cycle = $cycle AND month = $month
),
issued AS (
  SELECT system, account_id, bill_id, min(issue_date) AS issue_date,
         string_agg(DISTINCT currency, '+' ORDER BY currency) AS currency
  FROM bills SEMI JOIN known USING (system, account_id)
  GROUP BY ALL
)
SELECT *, row_number() OVER (
         PARTITION BY system, account_id ORDER BY abs(issue_date - $issued::DATE), issue_date, bill_id) = 1 AS compared
FROM issued
WHERE issue_date >= $first::DATE AND issue_date < $last::DATE
"""
"""Older bills of the period; of each account one is compared."""

THEIR_LINES = f"""
CREATE TEMP TABLE their_lines AS
SELECT row_number() OVER () AS id, b.system, b.account_id, b.bill_id AS bill, t.issue_date, t.currency, b.line_no,
       {_FOLDED.format("b.description")} AS description, b.description AS shown, b.quantity, b.unit_price, b.amount,
       lower(trim(b.tax)) AS tax
FROM bills AS b JOIN their_bills AS t USING (system, account_id, bill_id)
WHERE t.compared
"""

_PRICE_DIGITS = "length(rtrim(split_part(t.unit_price::VARCHAR, '.', 2), '0'))"
_PLACES = "[" + ", ".join(f"{'1' if not at else '0.' + '0' * (at - 1) + '1'}::DECIMAL(38,12)" for at in range(13)) + "]"

DIFFERENCES = f"""
CREATE TEMP TABLE accounts_here AS
SELECT system, account_id, min(bill) AS bill, min(issue_date) AS issue_date, min(currency) AS currency,
       sum(amount) AS amount, count(*) AS lines
FROM our_lines GROUP BY system, account_id;

CREATE TEMP TABLE accounts_there AS
SELECT system, account_id, min(bill) AS bill, min(issue_date) AS issue_date, min(currency) AS currency,
       sum(amount) AS amount, count(*) AS lines
FROM their_lines GROUP BY system, account_id;

CREATE TEMP TABLE both_sides AS
SELECT system, account_id, o.bill AS our_bill, t.bill AS their_bill, o.issue_date AS our_date,
       t.issue_date AS their_date, o.currency, t.currency AS their_currency, o.amount AS our_amount,
       t.amount AS their_amount, o.lines AS our_lines, t.lines AS their_lines, o.currency = t.currency AS comparable
FROM accounts_here AS o JOIN accounts_there AS t USING (system, account_id);

-- A code that this run uses at one rate says what tax the other bill had.
CREATE TEMP TABLE tax_rates AS
SELECT lower(tax_code) AS tax, min(tax_rate) AS rate FROM our_lines GROUP BY 1 HAVING count(DISTINCT tax_rate) = 1;

-- Prices are printed with few digits: ours is the same when it is theirs once it has theirs (at least the currency's).
CREATE TEMP TABLE judged_pairs AS
SELECT *, CASE
  WHEN NOT same_quantity AND NOT same_price THEN 'quantity and price'
  WHEN NOT same_quantity THEN 'quantity'
  WHEN NOT same_price THEN 'price'
  WHEN difference = 0 THEN NULL
  WHEN abs(difference) <= unit THEN 'rounding'
  WHEN NOT equal_price THEN 'price'
  ELSE 'amount' END AS cause
FROM (SELECT o.system, o.account_id, o.bill AS our_bill, t.bill AS their_bill, o.line_no AS our_line,
       t.line_no AS their_line, o.shown AS description, o.currency,
       o.quantity AS our_quantity, t.quantity AS their_quantity,
       o.unit_price AS our_price, t.unit_price AS their_price, o.amount AS our_amount, t.amount AS their_amount,
       o.amount - t.amount AS difference, m.unit, o.quantity = t.quantity AS same_quantity,
       abs(o.unit_price - t.unit_price) + abs(o.unit_price - t.unit_price)
         <= {_PLACES}[greatest({_PRICE_DIGITS}, m.digits) + 1] AS same_price,
       o.unit_price = t.unit_price AS equal_price, o.tax_code, t.tax, o.tax_rate, r.rate AS their_rate,
       coalesce(t.tax = lower(o.tax_code) OR TRY_CAST(rtrim(t.tax, '% ') AS DECIMAL(18,12)) IN (
         o.tax_rate, (o.tax_rate * 100)::DECIMAL(18,12)), t.tax IS NULL) AS same_tax
FROM pairs AS p JOIN our_lines AS o ON o.id = p.our_id JOIN their_lines AS t ON t.id = p.their_id
JOIN minor_units AS m ON m.currency = o.currency LEFT JOIN tax_rates AS r ON r.tax = t.tax
WHERE o.currency = t.currency);

CREATE TEMP TABLE differences (
  cause VARCHAR, system VARCHAR, account_id VARCHAR, invoice_id VARCHAR, bill_id VARCHAR, our_line INTEGER,
  their_line INTEGER, description VARCHAR, our_quantity DECIMAL(38,12), their_quantity DECIMAL(38,12),
  our_price DECIMAL(38,12), their_price DECIMAL(38,12), our_amount DECIMAL(38,12), their_amount DECIMAL(38,12),
  difference DECIMAL(38,12), currency VARCHAR, tax_difference DECIMAL(38,12), note VARCHAR);

INSERT INTO differences
SELECT cause, system, account_id, our_bill, their_bill, our_line, their_line, description, our_quantity, their_quantity,
       our_price, their_price, our_amount, their_amount, difference, currency, NULL, NULL
FROM judged_pairs WHERE cause IS NOT NULL;

INSERT INTO differences BY NAME
SELECT 'tax' AS cause, system, account_id, our_bill AS invoice_id, their_bill AS bill_id, our_line, their_line,
       description, our_amount, their_amount, 0 AS difference, currency,
       (our_amount::DECIMAL(24,4) * (tax_rate - their_rate)::DECIMAL(14,8))::DECIMAL(38,12) AS tax_difference,
       concat('ours: ', tax_code, ', theirs: ', tax) AS note
FROM judged_pairs WHERE NOT same_tax;

INSERT INTO differences BY NAME
SELECT 'line only here' AS cause, o.system, o.account_id, o.bill AS invoice_id, b.their_bill AS bill_id,
       o.line_no AS our_line, o.shown AS description, o.quantity AS our_quantity, o.unit_price AS our_price,
       o.amount AS our_amount, o.amount AS difference, o.currency
FROM our_lines AS o JOIN both_sides AS b USING (system, account_id)
WHERE b.comparable AND o.id NOT IN (SELECT our_id FROM pairs);

INSERT INTO differences BY NAME
SELECT 'line only there' AS cause, t.system, t.account_id, b.our_bill AS invoice_id, t.bill AS bill_id,
       t.line_no AS their_line, t.shown AS description, t.quantity AS their_quantity, t.unit_price AS their_price,
       t.amount AS their_amount, -t.amount AS difference, t.currency
FROM their_lines AS t JOIN both_sides AS b USING (system, account_id)
WHERE b.comparable AND t.id NOT IN (SELECT their_id FROM pairs);

INSERT INTO differences BY NAME
SELECT 'date' AS cause, system, account_id, our_bill AS invoice_id, their_bill AS bill_id, 0 AS difference, currency,
       concat('ours: ', our_date, ', theirs: ', their_date) AS note
FROM both_sides WHERE our_date <> their_date;

INSERT INTO differences BY NAME
SELECT 'currency' AS cause, system, account_id, our_bill AS invoice_id, their_bill AS bill_id, our_amount, their_amount,
       currency, concat('ours: ', currency, ', theirs: ', their_currency) AS note
FROM both_sides WHERE NOT comparable;

INSERT INTO differences BY NAME
SELECT 'account only here' AS cause, system, account_id, bill AS invoice_id, amount AS our_amount, amount AS difference,
       currency
FROM accounts_here ANTI JOIN accounts_there USING (system, account_id);

INSERT INTO differences BY NAME
SELECT 'account only there' AS cause, t.system, t.account_id, t.bill AS bill_id, t.amount AS their_amount,
       -t.amount AS difference, t.currency, h.note
FROM accounts_there AS t ANTI JOIN accounts_here USING (system, account_id)
LEFT JOIN (SELECT system, account_id, concat('held here: ', min(reason)) AS note FROM held
           WHERE cycle = $cycle AND month = $month GROUP BY system, account_id) AS h USING (system, account_id);
"""
"""Table `differences`: one row a difference, with its cause."""

MATCHES = """
SELECT (SELECT count(*) FROM accounts_here FULL JOIN accounts_there USING (system, account_id)),
       (SELECT count(*) FROM both_sides WHERE comparable AND our_amount = their_amount),
       (SELECT count(*) FROM our_lines) + (SELECT count(*) FROM their_lines) - (SELECT count(*) FROM judged_pairs),
       (SELECT count(*) FROM judged_pairs WHERE cause IS NULL AND same_tax),
       (SELECT count(*) FROM their_bills WHERE NOT compared)
"""

CAUSES = """
SELECT cause, currency, count(*) AS differences, count(DISTINCT (system, account_id)) AS accounts,
       sum(difference) AS difference, sum(tax_difference) AS tax_difference
FROM differences GROUP BY cause, currency ORDER BY currency, abs(sum(difference)) DESC NULLS LAST, cause
"""
