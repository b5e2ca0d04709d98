-- The base as a traditional system keeps it, and its prices: `customers`, `subscriptions` and `usage` come by COPY.

-- step: tables
CREATE TABLE customers (
    account_id bigint, name text, street text, city text, postcode text, email text, region text
)

-- step: tables
CREATE TABLE subscriptions (subscription_id bigint, account_id bigint, plan text, start_date date)

-- step: tables
CREATE TABLE usage (usage_id bigint, subscription_id bigint, kwh numeric(12, 3), read_at timestamp)

-- step: tables
CREATE TABLE plans (
    plan text PRIMARY KEY, fee_name text, fee numeric(10, 2), energy_name text, unit text, tax_code text,
    tax_category text, tax_rate numeric(6, 4)
)

-- step: tables
CREATE TABLE tiers (
    plan text, tier_no int, above numeric(12, 3), up_to numeric(12, 3), unit_price numeric(10, 4),
    PRIMARY KEY (plan, tier_no)
)
