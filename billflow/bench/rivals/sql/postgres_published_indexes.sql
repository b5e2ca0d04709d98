-- step: indexes
ALTER TABLE accounts ADD PRIMARY KEY (account_id)

-- step: indexes
ALTER TABLE invoices ADD PRIMARY KEY (invoice_id)

-- step: indexes
CREATE INDEX invoices_of_account ON invoices (account_id, month)

-- step: indexes
CREATE INDEX invoices_of_month ON invoices (month) INCLUDE (account_id, net, total)

-- step: indexes
CREATE INDEX invoices_due ON invoices (due_date)

-- step: indexes
CREATE INDEX lines_of_account ON invoice_lines (account_id, month)

-- step: indexes
CREATE INDEX lines_of_month ON invoice_lines USING brin (month)

-- step: indexes
CREATE INDEX taxes_of_invoice ON invoice_taxes (invoice_id)

-- step: statistics
VACUUM ANALYZE
