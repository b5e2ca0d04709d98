"""What editors check with agrees with what loading takes: shipped examples pass, mistakes do not."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from billflow.examples import write_energy_small, write_telecom
from billflow.strict_yaml import FloatText, parse_yaml
from billflow.yaml_schemas import Page, schema_of
from billflow_tests.catalog import loading_test
from billflow_tests.settings_test import CONTRACT_EXAMPLE

VALIDATORS = {page: Draft202012Validator(schema_of(page)) for page in ("billflow.yaml", "catalog")}


def as_json(value: Any) -> Any:
    """YAML as an editor hands it to a schema: dates are texts, floats are numbers."""
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    if isinstance(value, FloatText):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def mistakes(page: Page, text: str) -> list[str]:
    errors = VALIDATORS[page].iter_errors(as_json(parse_yaml(text, where="x")))
    return [f"{error.json_path}: {error.message}" for error in errors]


@pytest.mark.parametrize("page", VALIDATORS)
def test_they_are_schemas_of_draft_2020_12(page: Page) -> None:
    schema = schema_of(page)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("projects")
    write_telecom(folder / "telecom", customers=3)
    write_energy_small(folder / "energy")
    return [folder / "telecom", folder / "energy"]


def test_generated_projects_keep_the_schemas_that_they_name(projects: list[Path]) -> None:
    for project in projects:
        pages = [project / "billflow.yaml", *sorted((project / "catalog").glob("*.yaml"))]
        assert len(pages) > 1
        for page in pages:
            first = page.read_text().splitlines()[0]
            named = page.parent / first.removeprefix("# yaml-language-server: $schema=")
            kind: Page = "billflow.yaml" if page.name == "billflow.yaml" else "catalog"
            assert json.loads(named.read_text()) == schema_of(kind)
            assert mistakes(kind, page.read_text()) == []


SHIPPED = Path(__file__).parents[1] / "billflow" / "examples" / "projects"

FILLED = {"$fixed": "4.80", "$calendar": "    peak: {hours: 14-20}", "$charges": ""}
"""What is YAML once it is filled in."""


@pytest.mark.parametrize("page", sorted(SHIPPED.glob("**/*.yaml")), ids=lambda page: str(page.relative_to(SHIPPED)))
def test_shipped_examples(page: Path) -> None:
    kind: Page = "billflow.yaml" if page.name == "billflow.yaml" else "catalog"
    text = page.read_text()
    for name, value in FILLED.items():
        text = text.replace(name, value)
    assert mistakes(kind, text) == []


EVERY_MODEL = """
metrics: {m: {aggregate: sum}, d: {aggregate: unique, of: device}}
taxes: {z: {category: Z}, vat: [{category: S, rate: "0.2", valid_from: 2020-01-01, country: [AT, DE]}, {category: AE, tax_id: true, country: FR}]}
invoice: {minimum: {default: "5", business: 0}}
discounts: {a: {amount: 3, applies_to: invoice}, b: {percent: "5", periods: 3, applies_to: [rent]}, c: {percent: 1, applies_to: rent}}
calendars: {t: {night: {hours: 22-6}, noon: {hours: [11:30-13], days: [Mon, tue - fri], holidays: AT-9}, rest: {}}}
plans:
  p:
    minimum: "5"
    prices_include_tax: true
    valid_from: 2020-01-01
    charges:
      rent: {model: flat, amount: "-29.90", per: month, when: arrears, proration: daily, tax: vat, valid_to: null}
      calls: {model: per_unit, metric: m, where: {kind: [a, true], zone: 5}, increments: {first: 30, then: 6}, convert: {divide_by: 60}, unit_price: "0.006", tax: none}
      energy: {model: graduated, metric: m, tiers: [{up_to: 200, unit_price: "0.31", flat_fee: "2"}, {unit_price: "0.35"}], tax: vat}
      api: {model: volume, metric: m, tiers: [{flat_fee: 1}], included: 50, minimum: "5.00", maximum: "900.00", pool: account, tax: vat}
      sms: {model: package, metric: m, size: 100, price: "4.00", tax: vat}
      pay: {model: percentage, metric: m, rate: "0.013", fixed_fee: "2", free_events: 2, event_minimum: "1.75", event_maximum: "12", tax: vat}
      ref: {model: graduated_percentage, metric: m, tiers: [{up_to: 10, rate: "0.01", flat_fee: "200"}, {rate: "0.02"}], tax: vat}
      roam: {model: matrix, metric: m, dimensions: [country], prices: [{when: {country: FR}, unit_price: "0.02"}], default: "0.15", tax: vat}
"""

OF_ENVIRONMENT = """
taxes: {vat: {category: "${env:CATEGORY}", rate: "${env:RATE}", valid_from: "${env:SINCE}"}}
plans: {p: {currency: "${env:CURRENCY}", charges: {c: {model: flat, amount: "${env:PRICE}", per: "${env:PER}", tax: vat}}}}
discounts: {d: {percent: "1${env:MORE}", periods: "${env:PERIODS}"}}
"""


@pytest.mark.parametrize("text", ["", loading_test.CONTRACT_EXAMPLE, EVERY_MODEL, OF_ENVIRONMENT])
def test_catalogues(text: str) -> None:
    assert mistakes("catalog", text) == []


OF_DATABASE = """sources:
  - name: crm
    kind: sql
    url: sqlite:///crm.db
    tables: {{customers: {{table: c, watermark: {}, columns: {{account_id: id, name: name}}}}}}
"""


@pytest.mark.parametrize(
    "change",
    [
        ("", ""),
        ("name: Acme Energy Ltd", 'name: "${env:SELLER}"'),
        ("grace_days: 2", 'grace_days: "${env:GRACE}"'),
        ('quarantine_limit: "0.05"', "quarantine_limit: 0"),
        ("spark: {", 'spark: {spark.executor.memory: 4g, "spark.executor.cores": 4, '),
        ("payment_terms_days: 14", 'dunning: [{level: 1, after_days: 7, name: First, fee: "2.50", minimum: 5}]'),
        ('postcode: "2000"', "postcode: 2000"),
        (
            "where: general_supply_kwh is not null",
            "register: {meter: meter_no, rollover: 100000, estimated: kind = 'E'}",
        ),
        ("where: general_supply_kwh is not null", "changes: {order: changed_at, deleted: op = 'd', key: id}"),
        ("sources:\n", OF_DATABASE.format("at")),
        ("sources:\n", OF_DATABASE.format("{column: at, key: id}")),
        ("sources:\n", OF_DATABASE.format("{column: no, key: [id, line], overlap: 1000}")),
        ("sources:\n", OF_DATABASE.format('{column: at, key: id, overlap: "15 minutes"}')),
    ],
)
def test_settings(change: tuple[str, str]) -> None:
    assert change[0] in CONTRACT_EXAMPLE
    assert mistakes("billflow.yaml", CONTRACT_EXAMPLE.replace(*change, 1)) == []


SETTINGS_MISTAKES = [
    ("project: acme-energy\n", "", "$: 'project' is a required property"),
    ("grace_days: 2", "grace_days: two", "$.grace_days"),
    ("grace_days: 2", "grace_days: -1", "$.grace_days: -1 is less"),
    ("grace_days: 2", "grace_day: 2", "'grace_day' was unexpected"),
    ("grace_days: 2", "folder: x", "'folder' was unexpected"),
    ('quarantine_limit: "0.05"', "quarantine_limit: 0.05", "$.quarantine_limit: 0.05 is not of type"),
    ('quarantine_limit: "0.05"', 'quarantine_limit: "-0.05"', "$.quarantine_limit"),
    ('quarantine_limit: "0.05"', "quarantine_limit: 2", "$.quarantine_limit: 2 is greater"),
    ("{day: 1}", "{day: 32}", "$.cycles.c01.day: 32 is greater"),
    ("cycles: {c01: {day: 1}, c15: {day: 15}}", "cycles: {}", "$.cycles"),
    ("seller: {name: Acme Energy Ltd, ", "seller: {", "$.seller: 'name' is a required property"),
    ("spark: {", "spark: {executor.memory: 4g, ", "$.spark"),
    ("kind: files", "kind: ftp", "$.sources[0].kind"),
    ("format: parquet", "format: xml", "$.sources[0].format"),
    ("name: meters", "name: the meters", "$.sources[0].name"),
    ("customers: {path", "customer: {path", "$.sources[0].tables"),
    ("account_id: id, name: full_name", "account_id: id", "'name' is a required property"),
    ("account_id: id, name: full_name", "account_id: id, name: n, surname: s", "'surname' was unexpected"),
    ("            event_time: reading_datetime\n", "", "'event_time' is a required property"),
    ("path: customers.csv, ", "", "'path' is a required property"),
    ("where: general_supply_kwh is not null", "changes: {deleted: gone}", "$.sources[0].tables.usage[0].changes"),
    ("where: general_supply_kwh is not null", "register: {rollover: 100}", "$.sources[0].tables.usage[0].register"),
    ("sources:\n", OF_DATABASE.format("{column: at}"), "$.sources[0].tables.customers"),
    ("sources:\n", OF_DATABASE.format("{column: at, key: []}"), "$.sources[0].tables.customers"),
    ("grace_days: 2", "dunning: [{level: 1, name: First}]", "'after_days' is a required property"),
    ("grace_days: 2", "dunning: [{level: 1, after_days: 7, name: First, fee: 2.5}]", "$.dunning[0].fee"),
]


@pytest.mark.parametrize(("old", "new", "told"), SETTINGS_MISTAKES)
def test_a_mistake_in_the_settings(old: str, new: str, told: str) -> None:
    assert old in CONTRACT_EXAMPLE
    assert told in "\n".join(mistakes("billflow.yaml", CONTRACT_EXAMPLE.replace(old, new, 1)))


CATALOG_MISTAKES = [
    ("metrcs: {}", "'metrcs' was unexpected"),
    ("metrics: {m: {aggregate: avg}}", "$.metrics.m.aggregate"),
    ("metrics: {m: {aggregate: unique}}", "'of' is a required property"),
    ("metrics: {m: {aggregate: sum, of: device}}", "$.metrics.m"),
    ("taxes: {t: {category: S}}", "$.taxes.t"),
    ("taxes: {t: {category: S, rate: 0.1}}", "$.taxes.t"),
    ("taxes: {t: []}", "$.taxes.t"),
    ("calendars: {t: {peak: {hours: [], days: mon}}}", "$.calendars.t.peak"),
    ("calendars: {t: {peak: {days: monday}}}", "$.calendars.t.peak"),
    ("calendars: {t: {peak: {months: [jan, 2]}}}", "$.calendars.t.peak"),
    ("discounts: {d: {percent: 5, amount: 1}}", "$.discounts.d"),
    ("discounts: {d: {name: nothing}}", "$.discounts.d"),
    ("discounts: {d: {percent: 0}}", "$.discounts.d.percent"),
    ("discounts: {d: {percent: 101}}", "$.discounts.d.percent"),
    ("discounts: {d: {percent: 5, applies_to: []}}", "$.discounts.d.applies_to"),
    ("invoice: {minimum: [1]}", "$.invoice.minimum"),
    ("invoice: {minimum: '-1'}", "$.invoice.minimum"),
    ("invoice: {maximum: 1}", "'maximum' was unexpected"),
    ("plans: {p: {charges: {}}}", "$.plans.p"),
    ("plans: {p: {name: x}}", "$.plans.p"),
]

CHARGE_MISTAKES = [
    ("{amount: 1, tax: none}", "'model' is a required property"),
    ("{model: falt, amount: 1, tax: none}", "'falt' is not one of"),
    ("{model: flat, amount: 1}", "'tax' is a required property"),
    ("{model: flat, amount: 1.5, tax: none}", "1.5 is not of type"),
    ("{model: flat, amount: '1,5', tax: none}", "'1,5' does not match"),
    ("{model: flat, amount: 1, tax: none, per: week}", "'week'"),
    ("{model: flat, amount: 1, tax: none, metric: m}", "'metric' was unexpected"),
    ("{model: flat, amount: 1, tax: none, valid_from: soon}", "'soon'"),
    ("{model: flat, amount: 1, tax: none, minimum: '-1'}", "'-1'"),
    ("{model: per_unit, unit_price: 1, tax: none}", "'metric' is a required property"),
    ("{model: per_unit, metric: m, unit_price: 1, tax: none, where: {kind: []}}", "[]"),
    ("{model: graduated, metric: m, tiers: [], tax: none}", "[]"),
    ("{model: volume, metric: m, tiers: [{up_to: 5}, {unit_price: 1}], tax: none}", "{'up_to': 5}"),
    ("{model: package, metric: m, size: 0, price: 1, tax: none}", "0 is less than or equal"),
    ("{model: percentage, metric: m, rate: '0.1', free_events: -1, tax: none}", "-1 is less"),
    ("{model: graduated_percentage, metric: m, tiers: [{unit_price: 1}], tax: none}", "'unit_price' was unexpected"),
    ("{model: matrix, metric: m, dimensions: [], prices: [{when: {a: b}, unit_price: 1}], tax: none}", "[]"),
    ("{model: matrix, metric: m, dimensions: [a], prices: [{when: {}, unit_price: 1}], tax: none}", "{}"),
    ("{model: per_unit, metric: m, unit_price: 1, tax: none, convert: {divide_by: 0}}", "0"),
    ("{model: per_unit, metric: m, unit_price: 1, tax: none, pool: family}", "'family'"),
]


@pytest.mark.parametrize(("text", "told"), CATALOG_MISTAKES)
def test_a_mistake_in_a_catalogue(text: str, told: str) -> None:
    assert told in "\n".join(mistakes("catalog", text))


@pytest.mark.parametrize(("charge", "told"), CHARGE_MISTAKES)
def test_a_mistake_in_a_charge(charge: str, told: str) -> None:
    """Told of the model that is meant, and of no other."""
    found = mistakes("catalog", f"plans: {{p: {{charges: {{c: {charge}}}}}}}")
    assert told in "\n".join(found)
    assert all(one.startswith("$.plans.p.charges.c") for one in found)


def test_keys_are_described() -> None:
    """By the text below an attribute, its own class's or that of one it is made from."""
    definitions = schema_of("catalog")["$defs"]
    assert definitions["FlatCharge"]["properties"]["when"]["description"].startswith("`advance` on month M's bill")
    assert definitions["FlatCharge"]["properties"]["valid_to"]["description"].startswith("First day on which")
    assert definitions["FlatCharge"]["description"].startswith("An amount per period")
    mapping = schema_of("billflow.yaml")["$defs"]["FileMapping"]["properties"]
    assert mapping["register"]["description"].startswith("Of `usage`: `quantity` is what a meter shows")
