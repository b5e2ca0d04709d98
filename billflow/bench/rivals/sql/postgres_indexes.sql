-- After the rows are there. The index of usage covers what a bill asks for, so that the table itself is not read.

-- step: indexes
ALTER TABLE customers ADD PRIMARY KEY (account_id)

-- step: indexes
ALTER TABLE subscriptions ADD PRIMARY KEY (subscription_id)

-- step: indexes
CREATE INDEX subscriptions_of_account ON subscriptions (account_id)

-- step: indexes
CREATE INDEX usage_of_subscription ON usage (subscription_id, read_at) INCLUDE (kwh)

-- step: statistics
VACUUM ANALYZE
