"""Bad catalogues, model by model and option by option: each is one error with file, path, what is wrong and a remedy."""

from datetime import date
from pathlib import Path

import pytest

from billflow.catalog import parse_catalog
from billflow.errors import SettingsError
from billflow_tests.catalog.loading_test import assert_one_mistake

BASE = """
metrics:
  kwh: {aggregate: sum}
  calls: {aggregate: count}
  peak: {aggregate: max}
  seen: {aggregate: unique, of: device}
calendars: {tou: {peak: {hours: 14-20}, rest: {}}}
taxes: {gst: {category: S, rate: "0.10"}}
"""

FLAT = "model: flat, tax: gst, amount: 1"
USED = "model: per_unit, metric: kwh, tax: gst, unit_price: 1"
OF_PEAK, OF_SEEN = USED.replace("kwh", "peak"), USED.replace("kwh", "seen")
PACKAGE = "model: package, metric: kwh, tax: gst"
SHARE = "model: percentage, metric: kwh, tax: gst, rate: '0.1'"
MATRIX = "model: matrix, metric: kwh, tax: gst, dimensions: [a, b]"
VOLUME = "model: volume, metric: kwh, tax: gst, tiers:"
SHARES = "model: graduated_percentage, metric: kwh, tax: gst, tiers:"


def prices(*listed: str) -> str:
    return f"prices: [{', '.join(f'{{when: {{{when}}}, unit_price: 1}}' for when in listed)}]"


CHARGES = [
    # Bounds
    (f"{FLAT}, minimum: 5, maximum: 4", "", "minimum 5 is above maximum 4"),
    (f"{FLAT}, minimum: '-1'", ".minimum", "greater than or equal to 0"),
    (f"{FLAT}, maximum: 5.5", ".maximum", 'write it as text: "5.5"'),
    (f"{FLAT}, when: advance, minimum: 1", "", "a charge in advance has no minimum"),
    (f"{FLAT}, when: advance, maximum: 1", "", "a charge in advance has no minimum"),
    (f"{FLAT}, when: later", ".when", "'later' is not known here"),
    (f"{FLAT}, proration: monthly", ".proration", "'monthly' is not known here"),
    # From events to a quantity
    (f"{FLAT}, included: 3", ".included", "unknown key 'included'"),
    (f"{USED}, included: '-1'", ".included", "greater than or equal to 0"),
    (f"{USED}, included: 1.5", ".included", 'write it as text: "1.5"'),
    (f"{USED}, increments: {{first: 30}}", ".increments.then", "the key 'then' is missing"),
    (f"{USED}, increments: {{first: 30, then: 0}}", ".increments.then", "greater than 0"),
    (f"{USED}, increments: {{first: '-1', then: 6}}", ".increments.first", "greater than or equal to 0"),
    (f"{OF_PEAK}, increments: {{first: 30, then: 6}}", ".increments", "the metric's aggregate is 'max'"),
    (f"{USED}, convert: {{divide_by: 0}}", ".convert.divide_by", "greater than 0"),
    (f"{USED}, convert: {{divide_by: 1.5}}", ".convert.divide_by", 'write it as text: "1.5"'),
    (f"{USED}, convert: {{divide_by: 3, round: even}}", ".convert.round", "'even' is not known here"),
    (f"{USED}, convert: {{round: up}}", ".convert.divide_by", "the key 'divide_by' is missing"),
    (f"{USED}, convert: {{divide_by: '1234567890123'}}", ".convert.divide_by", "more than 12 significant digits"),
    (f"{USED}, convert: {{divide_by: '12345678901.25'}}", ".convert.divide_by", "more than 12 significant digits"),
    # Pools
    (f"{FLAT}, pool: account", ".pool", "unknown key 'pool'"),
    (f"{USED}, pool: account", "", "a pool shares `included` units, and there are none"),
    (f"{USED}, pool: family, included: 1", ".pool", "'family' is not known here"),
    (f"{OF_PEAK}, pool: account, included: 1", "", "the metric's aggregate is 'max'"),
    (f"{OF_SEEN}, pool: account, included: 1", "", "the metric's aggregate is 'unique'"),
    (f"{SHARE}, pool: account, included: 1, event_minimum: 3", "", "cannot share a pool"),
    # Packages
    (f"{PACKAGE}, size: 0, price: 1", ".size", "greater than 0"),
    (f"{PACKAGE}, price: 1", ".size", "the key 'size' is missing"),
    (f"{PACKAGE}, size: 1, price: 0.1", ".price", 'write it as text: "0.1"'),
    # Percentages
    (SHARE.replace("0.1", "1.3"), ".rate", 'write 1.3 % as "0.013"'),
    (SHARE.replace("'0.1'", "0.1"), ".rate", 'write it as text: "0.1"'),
    (f"{SHARE}, free_events: '-1'", ".free_events", "greater than or equal to 0"),
    (f"{SHARE}, free_events: 1.5", ".free_events", "'1.5'"),
    (f"{SHARE}, event_minimum: '-3'", ".event_minimum", "greater than or equal to 0"),
    (f"{SHARE}, event_minimum: 3, event_maximum: 2", "", "event_minimum is above event_maximum"),
    (f"{SHARE.replace('kwh', 'calls')}, event_minimum: 3", "", "the metric's aggregate is 'count'"),
    (f"{SHARE}, event_minimum: 3, convert: {{divide_by: 3, round: up}}", ".convert.round", "`round` is of their sum"),
    # Tiers
    (f"{VOLUME} []", ".tiers", "at least 1 is needed"),
    (f"{VOLUME} [{{up_to: 5, unit_price: 1}}, {{up_to: 4, unit_price: 1}}, {{unit_price: 1}}]", ".tiers", "5, 4"),
    (f"{VOLUME} [{{up_to: 5, unit_price: 1}}]", ".tiers", "the last tier ends at 5"),
    (f"{VOLUME} [{{up_to: 5}}, {{unit_price: 1}}]", ".tiers[0]", "a tier without price"),
    (f"{VOLUME} [{{rate: '0.1'}}]", ".tiers[0].rate", "unknown key 'rate'"),
    (f"{SHARES} [{{up_to: 5, rate: 5}}, {{rate: 1}}]", ".tiers[0].rate", "the rate is a fraction"),
    (f"{SHARES} [{{up_to: 5}}, {{rate: 1}}]", ".tiers[0]", "a tier without price"),
    (f"{SHARES} [{{unit_price: 1}}]", ".tiers[0].unit_price", "unknown key 'unit_price'"),
    (f"{SHARES} [{{rate: 1}}, {{rate: 1}}]", ".tiers", "only the last tier may be open"),
    (f"{SHARES} [{{rate: 1}}, {{up_to: 10, rate: 1}}]", ".tiers", "only the last tier may be open"),
    # Matrices
    (f"{MATRIX}, prices: []", ".prices", "at least 1 is needed"),
    (f"{MATRIX}", ".prices", "the key 'prices' is missing"),
    (f"{MATRIX}, {prices('')}", ".prices[0].when", "at least 1"),
    (f"{MATRIX}, {prices('c: x')}", "", "prices[0].when names 'c', which dimensions do not"),
    (f"{MATRIX}, prices: [{{when: {{a: x}}, unit_price: 0.1}}]", ".prices[0].unit_price", '"0.1"'),
    (f"{MATRIX}, {prices('a: x')}, default: 0.1", ".default", '"0.1"'),
    (f"{MATRIX}, {prices('a: x', 'b: y')}", "", "two prices fit a x, b y equally well"),
    (f"{MATRIX}, {prices('a: [x, y]', 'a: y')}", "", "two prices fit a y equally well"),
    (f"{MATRIX.replace('a, b', 'a, a')}, {prices('a: x')}", ".dimensions", "a dimension is named twice"),
    (f"{MATRIX.replace('a, b', '')}, {prices('a: x')}", ".dimensions", "at least 1 is needed"),
    (f"{MATRIX.replace('a, b', 'tou')}, {prices('tou: noon')}", ".prices[0].when.tou", "unknown name in calendar"),
    (
        f"{MATRIX}, where: {{a: [x, y]}}, {prices('a: x', 'a: z')}",
        "",
        "prices[1] is for a z, which `where` leaves out",
    ),
    (f"{MATRIX.replace('kwh', 'seen')}, included: 2, {prices('a: x')}", "", "the metric's aggregate is 'unique'"),
]


@pytest.mark.parametrize(("charge", "path", "what"), CHARGES, ids=[charge for charge, *_ in CHARGES])
def test_a_mistake_in_a_charge(tmp_path: Path, charge: str, path: str, what: str) -> None:
    text = f"{BASE}plans: {{home: {{charges: {{c: {{{charge}}}}}}}}}"
    assert_one_mistake(tmp_path, text, f"plans.home.charges.c{path}", what)


C = "charges: {c: {model: flat, amount: 1, tax: none}}"
AHEAD = "charges: {c: {model: flat, amount: 1, tax: none, when: advance}}"
AT = "{category: S, rate: '0.1', country: AT}"

OTHERS = [
    ("metrics: {m: {aggregate: unique}}", "metrics.m", "`of` go together"),
    ("metrics: {m: {aggregate: sum, of: device}}", "metrics.m", "`of` go together"),
    ("metrics: {m: {aggregate: unique, of: ' '}}", "metrics.m.of", "names no dimension"),
    # Taxes
    ("taxes: {t: {category: AE, rate: '0.1'}}", "taxes.t", "category AE has no rate"),
    ("taxes: {t: {category: S, rate: '1.1'}}", "taxes.t.rate", 'write 10 % as "0.10"'),
    ("taxes: {t: {category: S, rate: '0.1', country: []}}", "taxes.t.country", "at least 1"),
    ("taxes: {t: {category: S, rate: '0.1', tax_id: maybe}}", "taxes.t.tax_id", "'maybe'"),
    ("taxes: {t: {category: S, rate: '0.1', region: X}}", "taxes.t.region", "unknown key 'region'"),
    (f"taxes: {{t: [{AT}, {AT.replace('AT', '[AT]')}]}}", "taxes.t", "two versions are valid from the beginning"),
    (
        f"taxes: {{t: [{AT.replace('AT', '[AT, DE], valid_from: 2020-01-01')}, {AT.replace('AT', '[DE, AT], valid_from: 2020-01-01')}]}}",
        "taxes.t",
        "two versions are valid from 2020-01-01",
    ),
    # Plans
    (f"plans: {{p: {{minimum: 5, maximum: 4, {C}}}}}", "plans.p", "minimum 5 is above maximum 4"),
    (f"plans: {{p: {{maximum: '-1', {C}}}}}", "plans.p.maximum", "greater than or equal to 0"),
    (f"plans: {{p: {{minimum: 5.5, {C}}}}}", "plans.p.minimum", '"5.5"'),
    (f"plans: {{p: {{minimum: 5, {AHEAD}}}}}", "plans.p", "has the charge 'c' in advance"),
    (f"plans: {{p: {{maximum: 5, {AHEAD}}}}}", "plans.p", "has the charge 'c' in advance"),
    (f"plans: {{p: {{currency: EURO, {C}}}}}", "plans.p.currency", "'EURO' is not a currency of ISO 4217"),
    (f"plans: {{p: {{prices_include_tax: perhaps, {C}}}}}", "plans.p.prices_include_tax", "'perhaps'"),
    *[
        (f"plans: {{p: {{{C.replace('c:', f'{code}:', 1)}}}}}", "plans.p.charges", f"the code {code!r} is that of lines")
        for code in ("plan_minimum", "plan_maximum", "invoice_discount", "invoice_minimum", "adjustment")
    ],
    # The whole bill
    ("invoice: {minimum: some}", "invoice.minimum.default", "'some': not a decimal number"),
    ("invoice: {minimum: [1]}", "invoice.minimum", "write an amount, or one by segment"),
    ("invoice: {minimum: 1.5}", "invoice.minimum.default", '"1.5"'),
    ("invoice: {minimum: '-1'}", "invoice.minimum.default", "greater than or equal to 0"),
    ("invoice: {minimum: {business: {least: 1}}}", "invoice.minimum.business", "not a decimal number"),
    ("invoice: {maximum: 1}", "invoice.maximum", "unknown key 'maximum'"),
    ("invoice: 5", "invoice", "5"),
    # Discounts
    ("discounts: {d: {percent: 5, amount: 1}}", "discounts.d", "either a percent or an amount"),
    ("discounts: {d: {name: nothing}}", "discounts.d", "either a percent or an amount"),
    ("discounts: {d: {amount: '-1'}}", "discounts.d.amount", "greater than 0"),
    ("discounts: {d: {amount: 1.5}}", "discounts.d.amount", '"1.5"'),
    ("discounts: {d: {percent: 5, periods: 0}}", "discounts.d.periods", "greater than or equal to 1"),
    (
        "discounts: {d: {percent: 5, valid_from: 2020-01-02, valid_to: 2020-01-02}}",
        "discounts.d",
        "valid_to is not after valid_from",
    ),
    (f"plans: {{p: {{{C}}}}}\ndiscounts: {{d: {{percent: 5, applies_to: [c, x]}}}}", "discounts.d.applies_to", "'x'"),
    (f"plans: {{p: {{{C}}}}}\ndiscounts: {{d: {{percent: 5, applies_to: [invoice]}}}}", "discounts.d.applies_to", "'invoice'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "what"), OTHERS, ids=[text for text, *_ in OTHERS])
def test_a_mistake_elsewhere(tmp_path: Path, text: str, path: str, what: str) -> None:
    assert_one_mistake(tmp_path, text, path, what)


@pytest.mark.parametrize(
    "charge",
    [
        f"{USED}, convert: {{divide_by: '123456789012'}}",
        f"{USED}, convert: {{divide_by: '0.000000000001'}}",
        f"{USED}, convert: {{divide_by: '10000000000000'}}",
        f"{MATRIX}, where: {{a: [x, y], c: z}}, {prices('a: x', 'a: [y, z], b: w')}",
    ],
)
def test_what_is_no_mistake(charge: str) -> None:
    assert parse_catalog({"a.yaml": f"{BASE}plans: {{home: {{charges: {{c: {{{charge}}}}}}}}}"}, where="c").plans


def test_customers_in_any_order_are_the_same_customers() -> None:
    """A newer version for [DE, AT] ends the one for [AT, DE]."""
    newer = AT.replace("AT", "[DE, AT], valid_from: 2020-01-01")
    catalog = parse_catalog({"a.yaml": f"taxes: {{t: [{AT.replace('AT', '[AT, DE]')}, {newer}]}}"}, where="c")
    assert [tax.valid_from for tax in catalog.taxes_on("t", date(2021, 1, 1))] == [date(2020, 1, 1)]


def test_two_mistakes_of_one_charge_are_told_at_once() -> None:
    charge = f"{MATRIX.replace('kwh', 'kwhh').replace('gst', 'vat')}, {prices('a: x')}"
    with pytest.raises(SettingsError) as caught:
        parse_catalog({"a.yaml": f"{BASE}plans: {{home: {{charges: {{c: {{{charge}}}}}}}}}"}, where="c")
    assert all(what in str(caught.value) for what in ("unknown metric 'kwhh'", "unknown tax 'vat'"))
