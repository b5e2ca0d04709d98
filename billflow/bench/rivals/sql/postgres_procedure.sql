-- The bill run as the stored procedure of a traditional shop: a loop over customers, in it one over their subscriptions,
-- in it one over the tiers; a commit now and then, so that a run that dies need not begin again.

-- step: procedure
CREATE OR REPLACE PROCEDURE bill_run(first_day date, end_day date, first_account bigint, last_account bigint)
LANGUAGE plpgsql AS $$
DECLARE
    customer record;
    subscription record;
    tier record;
    bill bigint;
    line int;
    used numeric(15, 3);
    readings int;
    in_tier numeric(15, 3);
    billed int := 0;
BEGIN
    FOR customer IN
        SELECT account_id FROM customers WHERE account_id BETWEEN first_account AND last_account ORDER BY account_id
    LOOP
        bill := customer.account_id;
        line := 0;
        FOR subscription IN
            SELECT s.subscription_id, p.* FROM subscriptions s JOIN plans p ON p.plan = s.plan
            WHERE s.account_id = customer.account_id AND s.start_date < end_day ORDER BY s.subscription_id
        LOOP
            line := line + 1;
            INSERT INTO invoice_lines VALUES (
                bill, line, customer.account_id, subscription.subscription_id, subscription.plan, 'basic',
                subscription.fee_name, first_day, end_day, 1, NULL, subscription.fee, subscription.fee,
                subscription.tax_code, subscription.tax_category, subscription.tax_rate, 0
            );
            SELECT coalesce(sum(kwh), 0), count(*) INTO used, readings FROM usage
            WHERE subscription_id = subscription.subscription_id AND read_at >= first_day AND read_at < end_day;
            FOR tier IN SELECT * FROM tiers WHERE plan = subscription.plan ORDER BY tier_no LOOP
                EXIT WHEN used <= tier.above;
                in_tier := least(used, coalesce(tier.up_to, used)) - tier.above;
                CONTINUE WHEN tier.above > 0 AND round(in_tier * tier.unit_price, 2) = 0; -- no lines of nothing
                line := line + 1;
                INSERT INTO invoice_lines VALUES (
                    bill, line, customer.account_id, subscription.subscription_id, subscription.plan, 'energy',
                    subscription.energy_name || CASE
                        WHEN tier.up_to IS NULL THEN ', above ' || trim_scale(tier.above)
                        ELSE ', ' || trim_scale(tier.above) || ' to ' || trim_scale(tier.up_to)
                    END || ' ' || subscription.unit,
                    first_day, end_day, in_tier, subscription.unit, tier.unit_price,
                    round(in_tier * tier.unit_price, 2), subscription.tax_code, subscription.tax_category,
                    subscription.tax_rate, CASE WHEN tier.above = 0 THEN readings ELSE 0 END
                );
            END LOOP;
        END LOOP;
        INSERT INTO invoice_taxes
        SELECT bill, tax_category, tax_rate, sum(net), round(sum(net) * tax_rate, 2)
        FROM invoice_lines WHERE invoice_id = bill GROUP BY tax_category, tax_rate;
        INSERT INTO invoices
        SELECT bill, customer.account_id, first_day, end_day, end_day, end_day + 14, 'EUR',
            sum(base), sum(tax), sum(base) + sum(tax)
        FROM invoice_taxes WHERE invoice_id = bill HAVING count(*) > 0;
        billed := billed + 1;
        IF billed % 10000 = 0 THEN
            COMMIT;
        END IF;
    END LOOP;
END
$$
