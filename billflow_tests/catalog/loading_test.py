"""catalog/*.yaml: the contract's example loads; each mistake is one error naming file, path, value and remedy."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from billflow.catalog import (
    Catalog,
    FlatCharge,
    GraduatedCharge,
    PerUnitCharge,
    catalog_texts,
    load_catalog,
    parse_catalog,
)
from billflow.errors import SettingsError

CONTRACT_EXAMPLE = """
metrics:
  energy_kwh: {aggregate: sum, unit: kWh}
  demand_kw: {aggregate: max, unit: kW}
calendars:                        # give each event a dimension (named like the calendar) by local wall time
  tou:                            # a name has a window or a list of them; the first name that matches wins
    peak: [{days: mon-fri, hours: 14-20, months: may-oct}, {days: [mon, tue], hours: [8-12, 18-21], months: [jan, nov-dec]}]
    offpeak: {}                   # hours are [from, to); days and months are inclusive; a key left out means all
taxes:
  gst: {category: S, rate: "0.10"}
plans:
  home-tou:
    name: Home time of use
    valid_from: 2011-01-01        # several versions of one plan: a list
    currency: AUD                 # default: the project's; an account in another currency than its plan is parked
    charges:
      supply: {model: flat, amount: "1.20", per: day, tax: gst, section: Supply}
      peak: {metric: energy_kwh, where: {tou: peak}, model: graduated, tiers: [{up_to: 200, unit_price: "0.31"}, {unit_price: "0.35"}], tax: gst, section: Energy}
      offpeak: {metric: energy_kwh, where: {tou: offpeak}, model: per_unit, unit_price: "0.19", tax: gst, section: Energy}
      demand: {metric: demand_kw, model: per_unit, unit_price: "6.26", tax: gst}
discounts:
  loyalty: {percent: "5", applies_to: [peak]}
"""  # as the contract writes it

BASE = """
metrics: {kwh: {aggregate: sum}}
calendars: {tou: {peak: {hours: 14-20}, rest: {}}}
taxes: {gst: {category: S, rate: "0.10"}}
"""


def loaded(folder: Path, *texts: str) -> Catalog:
    for number, text in enumerate(texts):
        (folder / f"{number}.yaml").write_text(text, encoding="utf-8")
    return load_catalog(folder)


def plan(charge: str) -> str:
    return f"{BASE}plans: {{home: {{charges: {{c: {charge}}}}}}}"


def version(valid_from: str, valid_to: str = "null", amount: int = 1) -> str:
    charges = f"{{c: {{model: flat, amount: {amount}, tax: none}}}}"
    return f"{{valid_from: {valid_from}, valid_to: {valid_to}, charges: {charges}}}"


def versions(*listed: str) -> str:
    return f"plans: {{home: [{', '.join(listed)}]}}"


def test_the_example_of_the_contract_loads(tmp_path: Path) -> None:
    catalog = loaded(tmp_path, CONTRACT_EXAMPLE)
    assert {name: metric.aggregate for name, metric in catalog.metrics.items()} == {
        "energy_kwh": "sum",
        "demand_kw": "max",
    }
    assert list(catalog.calendars["tou"]) == ["peak", "offpeak"]
    [home] = catalog.plan_versions("home-tou")
    assert [type(charge) for charge in home.charges.values()] == [
        FlatCharge,
        GraduatedCharge,
        PerUnitCharge,
        PerUnitCharge,
    ]
    assert home.charges["peak"].where == {"tou": ("peak",)}
    assert catalog.discounts["loyalty"].percent == Decimal(5)
    assert catalog.discounts["loyalty"].applies_to == ("peak",)
    assert catalog.tax_on("gst", date(2013, 1, 1)).rate == Decimal("0.10")


def test_a_catalogue_may_be_several_files(tmp_path: Path) -> None:
    sections = CONTRACT_EXAMPLE.split("taxes:")
    (tmp_path / "b.yml").write_text(sections[0])
    (tmp_path / "a.yaml").write_text("taxes:" + sections[1])
    (tmp_path / "notes.txt").write_text("not: [yaml")
    split = load_catalog(tmp_path)
    whole = tmp_path / "whole"
    whole.mkdir()
    assert split == loaded(whole, CONTRACT_EXAMPLE)


def test_plans_of_several_files_are_put_together(tmp_path: Path) -> None:
    first = "plans: {a: {charges: {c: {model: flat, amount: 1, tax: none}}}}"
    assert set(loaded(tmp_path, first, first.replace("a:", "b:", 1), "").plans) == {"a", "b"}


@pytest.mark.parametrize("section", ["metrics", "calendars", "taxes", "plans", "discounts"])
def test_a_name_in_two_files_is_a_mistake(tmp_path: Path, section: str) -> None:
    entry = {
        "metrics": "{aggregate: sum}",
        "calendars": "{peak: {}}",
        "taxes": '{category: S, rate: "0.1"}',
        "plans": "{charges: {c: {model: flat, amount: 1, tax: none}}}",
        "discounts": '{percent: "5"}',
    }[section]
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, f"{section}: {{x: {entry}}}", f"{section}: {{x: {entry}}}")
    assert caught.value.where == f"{tmp_path / '1.yaml'}: {section}.x"
    assert str(tmp_path / "0.yaml") in caught.value.what


def test_there_is_no_catalogue(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no catalogue") as caught:
        load_catalog(tmp_path / "catalog")
    assert caught.value.where == str(tmp_path / "catalog")


def test_a_catalogue_may_name_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICE_OF_SUPPLY", "1.25")
    catalog = loaded(tmp_path, plan('{model: flat, amount: "${env:PRICE_OF_SUPPLY}", tax: gst}'))
    assert catalog.plan_versions("home")[0].charges["c"].amount == Decimal("1.25")


FLAT = "model: flat, tax: gst"
USED = "model: per_unit, metric: kwh, tax: gst, unit_price: '1'"
TIERED = "model: graduated, metric: kwh, tax: gst, tiers:"

CHARGE_MISTAKES = [
    (f"{{{FLAT}, amount: 1.5}}", ".amount", 'write it as text: "1.5"'),
    (f"{{{FLAT}, amount: 1e3}}", ".amount", "rounding dust"),
    (f"{{{FLAT}, amount: '1,5'}}", ".amount", "'1,5': not a decimal number"),
    (f"{{{FLAT}, amount: null}}", ".amount", "not a decimal number"),
    (f"{{{FLAT}}}", ".amount", "the key 'amount' is missing"),
    (f"{{{FLAT}, amount: 1, per: week}}", ".per", "'week' is not known here"),
    (f"{{{FLAT}, amount: 1, metric: kwh}}", ".metric", "unknown key 'metric' (value 'kwh')"),
    (f"{{{FLAT}, amount: 1, valid_from: 2012-01-02, valid_to: 2012-01-02}}", "", "valid_to is not after valid_from"),
    (f"{{{FLAT}, amount: 1, valid_from: soon}}", ".valid_from", "'soon'"),
    ("{model: flat, amount: 1}", ".tax", "the key 'tax' is missing"),
    ("{model: flat, amount: 1, tax: vat}", ".tax", "unknown tax 'vat'"),
    ("{model: falt, amount: 1, tax: gst}", ".model", "model 'falt' is not known"),
    ("{amount: 1, tax: gst}", "", "the key 'model' is missing"),
    (f"{{{USED.replace('kwh', 'kwhh')}}}", ".metric", "unknown metric 'kwhh'"),
    (f"{{{USED.replace('metric: kwh, ', '')}}}", ".metric", "the key 'metric' is missing"),
    (f"{{{USED}, where: {{tou: peek}}}}", ".where.tou", "unknown name in calendar 'tou' 'peek'"),
    (f"{{{USED}, where: {{tou: [peak, x]}}}}", ".where.tou", "'x'"),
    (f"{{{USED}, where: [tou]}}", ".where", "['tou']"),
    (f"{{{USED}, where: {{kind: []}}}}", ".where", "kind"),
    (f"{{{USED}, where: {{kind: null}}}}", ".where", "kind"),
    (f"{{{USED}, where: {{kind: {{a: b}}}}}}", ".where", "kind"),
    (f"{{{TIERED} []}}", ".tiers", "at least 1"),
    (f"{{{TIERED} [{{up_to: 10, unit_price: 1}}]}}", ".tiers", "the last tier ends at 10"),
    (f"{{{TIERED} [{{up_to: 9, unit_price: 1}}, {{up_to: 5, unit_price: 1}}, {{unit_price: 1}}]}}", ".tiers", "9, 5"),
    (f"{{{TIERED} [{{up_to: 9, unit_price: 1}}, {{up_to: 9, unit_price: 1}}, {{unit_price: 1}}]}}", ".tiers", "9, 9"),
    (f"{{{TIERED} [{{unit_price: 1}}, {{unit_price: 1}}]}}", ".tiers", "only the last tier may be open"),
    (f"{{{TIERED} [{{up_to: 0, unit_price: 1}}, {{unit_price: 1}}]}}", ".tiers", "out of order"),
    (f"{{{TIERED} [{{up_to: 9, unit_price: 1}}, {{}}]}}", ".tiers[1]", "a tier without price"),
    (f"{{{TIERED} [{{up_to: 9, unit_price: 0.3}}, {{unit_price: 1}}]}}", ".tiers[0].unit_price", '"0.3"'),
    (f"{{{TIERED} [{{unit_price: 0.3}}]}}", ".tiers[0].unit_price", '"0.3"'),
    (f"{{{TIERED} [{{up_to: 9, price: 1}}, {{unit_price: 1}}]}}", ".tiers[0].price", "unknown key 'price'"),
]


@pytest.mark.parametrize(("charge", "path", "what"), CHARGE_MISTAKES, ids=[charge for charge, *_ in CHARGE_MISTAKES])
def test_a_mistake_in_a_charge(tmp_path: Path, charge: str, path: str, what: str) -> None:
    assert_one_mistake(tmp_path, plan(charge), f"plans.home.charges.c{path}", what)


WINDOW_MISTAKES = [
    ("{hours: 6-25}", ".hours", "'6-25'"),
    ("{hours: 6-6}", ".hours", "empty range of hours"),
    ("{hours: 14}", ".hours", "empty range of hours"),
    ("{hours: 6:60-7}", ".hours", "'6:60-7'"),
    ("{hours: '14-'}", ".hours", "'14-'"),
    ("{hours: []}", ".hours", "[]"),
    ("{days: monday}", ".days", "'monday' is not one of mon"),
    ("{days: mon-wed-fri}", ".days", "'wed-fri'"),
    ("{days: mon-}", ".days", "mon-"),
    ("{days: []}", ".days", "[]"),
    ("{days: null}", ".days", "'none' is not one of mon"),
    ("{months: 1-3}", ".months", "'1' is not one of jan"),
    ("{months: [jan, janvier]}", ".months", "'janvier'"),
    ("{holidays: XX}", ".holidays", "'XX': no holidays are known"),
    ("{holidays: AU-XX}", ".holidays", "'AU-XX': no holidays are known"),
    ("{hour: 1-2}", ".hour", "unknown key 'hour' (value '1-2')"),
    ("[{hours: 1-2}, {day: mon}]", "[1].day", "unknown key 'day'"),
    ("[]", "", "[]"),
    ("always", "", "'always'"),
]


@pytest.mark.parametrize(("window", "path", "what"), WINDOW_MISTAKES, ids=[window for window, *_ in WINDOW_MISTAKES])
def test_a_mistake_in_a_calendar(tmp_path: Path, window: str, path: str, what: str) -> None:
    assert_one_mistake(tmp_path, f"calendars: {{tou: {{peak: {window}}}}}", f"calendars.tou.peak{path}", what)


OTHER_MISTAKES = [
    ("metrcs: {}", "metrcs", "unknown key 'metrcs'"),
    ("metrics: {kwh: {aggregate: avg}}", "metrics.kwh.aggregate", "'avg' is not known here"),
    ("metrics: {kwh: {}}", "metrics.kwh.aggregate", "the key 'aggregate' is missing"),
    ("metrics: [kwh]", "metrics", "['kwh']"),
    ("taxes: {gst: {category: S}}", "taxes.gst.rate", "the key 'rate' is missing"),
    ("taxes: {gst: {category: S, rate: 0.10}}", "taxes.gst.rate", 'write it as text: "0.10"'),
    ("taxes: {gst: {category: S, rate: '-0.1'}}", "taxes.gst.rate", "-0.1"),
    ("taxes: {gst: {category: Q, rate: '0.1'}}", "taxes.gst.category", "'Q' is not known here"),
    ("taxes: {none: {category: S, rate: '0.1'}}", "taxes", "'none' means that there is no tax"),
    ("taxes: {gst: []}", "taxes.gst", "[]"),
    ("taxes: {gst: [{category: S, rate: '0.1'}, {category: S, rate: '0.2'}]}", "taxes.gst", "two versions"),
    ("plans: {home: {charges: {}}}", "plans.home.charges", "at least 1"),
    ("plans: {home: []}", "plans.home", "[]"),
    (f"plans: {{home: {version('2012-01-01', '2011-01-01')}}}", "plans.home", "valid_to is not after valid_from"),
    (
        "plans: {home: {currency: AUDD, charges: {c: {model: flat, amount: 1, tax: none}}}}",
        "plans.home.currency",
        "'AUDD' is not a currency of ISO 4217",
    ),
    (
        "plans: {home: {charge: {}, charges: {c: {model: flat, amount: 1, tax: none}}}}",
        "plans.home.charge",
        "unknown key",
    ),
    (versions(version("2011-01-01", "2012-01-02"), version("2012-01-01")), "plans.home", "two versions overlap"),
    (versions(version("2012-01-01"), version("2011-01-01", "2013-01-01")), "plans.home", "two versions overlap"),
    (versions(version("2011-01-01"), version("2011-01-01", amount=2)), "plans.home", "two versions overlap"),
    ("discounts: {d: {percent: '101'}}", "discounts.d.percent", "101"),
    ("discounts: {d: {percent: '0'}}", "discounts.d.percent", "0"),
    ("discounts: {d: {percent: '5', applies_to: [peek]}}", "discounts.d.applies_to", "unknown charge 'peek'"),
    ("discounts: {d: {percent: '5', applies_to: []}}", "discounts.d.applies_to", "at least 1"),
    ("discounts: {d: {percent: '5', applies_to: peek}}", "discounts.d.applies_to", "'peek'"),
]


@pytest.mark.parametrize(("text", "path", "what"), OTHER_MISTAKES, ids=[text for text, *_ in OTHER_MISTAKES])
def test_a_mistake_elsewhere(tmp_path: Path, text: str, path: str, what: str) -> None:
    assert_one_mistake(tmp_path, text, path, what)


def assert_one_mistake(folder: Path, text: str, path: str, what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, text)
    error = caught.value
    assert error.where == f"{folder / '0.yaml'}: {path}"
    assert what in f"{error.what} {error.remedy}"
    assert error.remedy
    assert "\n" not in error.what


def test_a_mistake_names_the_file_it_is_in(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, BASE, "plans: {home: {charges: {c: {model: per_unit, metric: x, unit_price: 1, tax: gst}}}}")
    assert caught.value.where == f"{tmp_path / '1.yaml'}: plans.home.charges.c.metric"
    assert caught.value.remedy.endswith("write one of: kwh")


def test_references_may_lead_to_another_file(tmp_path: Path) -> None:
    loaded(tmp_path, plan(f"{{{USED}, where: {{tou: peak}}}}").replace(BASE, ""), BASE)


def test_all_unknown_references_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, plan("{model: per_unit, metric: x, unit_price: 1, tax: y}"))
    assert all(part in str(caught.value) for part in ("c.metric: unknown metric 'x'", "c.tax: unknown tax 'y'"))


class TestTexts:
    """A catalogue that was kept as texts is the one that was in the folder."""

    def test_make_the_same_catalogue(self, tmp_path: Path) -> None:
        catalog = loaded(tmp_path, CONTRACT_EXAMPLE, "metrics: {sms: {aggregate: count}}")
        texts = catalog_texts(tmp_path)
        assert texts == {"0.yaml": CONTRACT_EXAMPLE, "1.yaml": "metrics: {sms: {aggregate: count}}"}
        (tmp_path / "0.yaml").unlink()
        assert parse_catalog(dict(reversed(texts.items())), where="kept") == catalog

    def test_mistakes_name_the_file(self) -> None:
        with pytest.raises(SettingsError) as caught:
            parse_catalog({"prices.yaml": plan("{model: flat, amount: '1', tax: vat}")}, where="kept")
        assert caught.value.where == "kept/prices.yaml: plans.home.charges.c.tax"
        with pytest.raises(SettingsError, match="not valid YAML") as broken:
            parse_catalog({"prices.yaml": "plans: ["}, where="kept")
        assert broken.value.where.startswith("kept/prices.yaml: line 1")

    def test_that_are_not_utf_8(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_bytes("plans: {é: 1}".encode("latin-1"))
        with pytest.raises(SettingsError, match="not valid YAML") as caught:
            load_catalog(tmp_path)
        assert caught.value.where == str(tmp_path / "a.yaml")
