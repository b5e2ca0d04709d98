"""billflow.yaml: the contract's example loads; each mistake is one error naming file, path, value and remedy."""

from pathlib import Path

import pytest

from billflow.errors import SettingsError, UsageError
from billflow.settings import Settings, find_project, load_settings

CONTRACT_EXAMPLE = """
project: acme-energy
lake: ./lake                      # or file:///…, hdfs://namenode:8020/billflow
currency: AUD
timezone: Australia/Sydney        # an account may have its own
language: en                      # an account may have its own
seller: {name: Acme Energy Ltd, street: 1 Grid Way, city: Sydney, postcode: "2000", country: AU, tax_id: "51824753556",
         iban: AU00 1234, email: bills@acme.example}
cycles: {c01: {day: 1}, c15: {day: 15}}    # month 2013-01 of c15 is [2013-01-15, 2013-02-15)
grace_days: 2                     # how long after the end usage is waited for before the cycle counts as closed
payment_terms_days: 14
spark: {master: "local[*]"}      # optional: master and any spark.* setting, for a cluster
first_month: 2012-01              # optional: the first partition; default 2010-01
quarantine_limit: "0.05"          # above this share of a table's rows the run stops
numbering: {invoice: "INV-{year}-{seq:08d}", credit_note: "CN-{year}-{seq:08d}"}
sources:
  - name: meters
    system: default
    kind: files
    format: parquet
    tables:
      customers: {path: customers.csv, format: csv, columns: {account_id: id, name: full_name}}
      subscriptions: {path: s.csv, columns: {subscription_id: id, account_id: id, plan: plan, start_date: since}}
      usage:                      # a list: several mappings may feed one table
        - path: readings/*.parquet
          where: general_supply_kwh is not null
          columns:                # canonical column: Spark SQL expression over the source's columns
            usage_id: concat_ws('-', customer_id, calendar_key)
            subscription_id: cast(customer_id as string)
            metric: "'energy_kwh'"
            quantity: cast(general_supply_kwh as decimal(38,12))
            event_time: reading_datetime
"""

CROSSWALK = "{account_id: a, other_system: s, other_account_id: o}"
BILLS = "{bill_id: i, account_id: a, issue_date: d, line_no: n, description: t, quantity: q, unit_price: u, amount: m}"
SMALL = {
    "project": "project: acme",
    "currency": "currency: AUD",
    "timezone": "timezone: Australia/Sydney",
    "seller": "seller: {name: Acme}",
    "cycles": "cycles: {c01: {day: 1}}",
    "sources": """sources:
  - name: meters
    kind: files
    format: csv
    tables:
      customers: {path: c.csv, columns: {account_id: id, name: name}}
      subscriptions: {path: s.csv, columns: {subscription_id: id, account_id: id, plan: plan, start_date: since}}
""",
}


def loaded(folder: Path, text: str, **environment: str) -> Settings:
    (folder / "billflow.yaml").write_text(text, encoding="utf-8")
    return load_settings(folder, environment)


def small(**changed: str) -> str:
    """A small project's billflow.yaml with some of its keys written otherwise."""
    return "\n".join({**SMALL, **changed}.values())


def test_the_example_of_the_contract_loads(tmp_path: Path) -> None:
    settings = loaded(tmp_path, CONTRACT_EXAMPLE)
    assert settings.project == "acme-energy"
    assert settings.lake_root == str(tmp_path / "lake")
    assert settings.seller.postcode == "2000"
    assert {name: cycle.day for name, cycle in settings.cycles.items()} == {"c01": 1, "c15": 15}
    assert str(settings.quarantine_limit) == "0.05"
    assert [mapping.path for mapping in settings.sources[0].mappings("usage")] == ["readings/*.parquet"]
    assert settings.sources[0].mappings("customers")[0].format == "csv"


def test_what_may_be_left_out(tmp_path: Path) -> None:
    settings = loaded(tmp_path, small())
    assert (settings.language, settings.grace_days, settings.payment_terms_days) == ("en", 2, 14)
    assert (settings.first_month, str(settings.quarantine_limit)) == ("2010-01", "0.05")
    assert (settings.spark.master, settings.spark.properties) == ("local[*]", {})
    assert settings.numbering.invoice.format(year=2013, seq=7) == "INV-2013-00000007"
    assert settings.sources[0].system == "default"


@pytest.mark.parametrize(
    ("key", "line", "read"),
    [
        ("seller", "seller: {name: A, country: NO}", lambda s: s.seller.country == "NO"),
        ("seller", "seller: {name: A, tax_id: 51824753556}", lambda s: s.seller.tax_id == "51824753556"),
        ("seller", 'seller: {name: A, postcode: "0200"}', lambda s: s.seller.postcode == "0200"),
        ("language", "language: de-CH", lambda s: s.language == "de-CH"),
        ("cycles", "cycles: {15: {day: 15}}", lambda s: list(s.cycles) == ["15"]),
        (
            "spark",
            "spark: {spark.executor.memory: 4g}",
            lambda s: s.spark.properties == {"spark.executor.memory": "4g"},
        ),
        ("lake", "lake: hdfs://namenode:8020/billflow", lambda s: s.lake_root == "hdfs://namenode:8020/billflow"),
        ("extra", "retention: {days: 30}", lambda s: (s.retention.versions, s.retention.days) == (1, 30)),
        (
            "extra",
            "hdfs: {principal: b@EXAMPLE.COM, keytab: keys/b, ca: /etc/ca.pem}",
            lambda s: (s.secured.keytab, str(s.secured.ca)) == (s.folder / "keys/b", "/etc/ca.pem"),
        ),
        (
            "extra",
            "lake: hdfs://n/l\nhdfs: {principal: b@EXAMPLE.COM, keytab: /keys/b}",
            lambda s: (
                s.spark_properties
                == {
                    "spark.kerberos.principal": "b@EXAMPLE.COM",
                    "spark.kerberos.keytab": "/keys/b",
                    "spark.kerberos.access.hadoopFileSystems": "hdfs://n/l",
                }
            ),
        ),
        ("lake", "lake: /srv/lake", lambda s: s.lake_root == "/srv/lake"),
        ("timezone", "timezone: UTC", lambda s: s.timezone == "UTC"),
    ],
)
def test_values(tmp_path: Path, key: str, line: str, read: object) -> None:
    assert callable(read)
    assert read(loaded(tmp_path, small(**{key: line})))


NAME = "{account_id: id, name: name}"
USAGE = "{usage_id: i, subscription_id: s, metric: m, quantity: q, event_time: t}"


def sources(customers: str = f"path: c.csv, columns: {NAME}", *, table: str = "customers", **keys: str) -> str:
    """`sources:` with one source, of which some keys or one table's mapping are written otherwise."""
    head = {"name": "s", "kind": "files", "format": "csv", **keys}
    listed = ", ".join(f"{key}: {value}" for key, value in head.items() if value)
    subscriptions = "{path: s.csv, columns: {subscription_id: i, account_id: i, plan: p, start_date: d}}"
    return f"sources:\n  - {{{listed}, tables: {{subscriptions: {subscriptions}, {table}: {{{customers}}}}}}}\n"


MISTAKES = [
    ("project", "", "project", "the key 'project' is missing"),
    ("extra", "curency: AUD", "curency", "unknown key 'curency' (value 'AUD')"),
    ("seller", "seller: {name: A, nmae: B}", "seller.nmae", "unknown key 'nmae' (value 'B')"),
    ("seller", "seller: {}", "seller.name", "the key 'name' is missing"),
    ("seller", "seller: {name: A, country: Australia}", "seller.country", "'Australia': not a country"),
    ("seller", "seller: {name: A, country: au}", "seller.country", "'au': not a country"),
    ("seller", "seller: {name: A, country: XX}", "seller.country", "'XX': not a country"),
    ("cycles", "cycles: {c01: {day: 32}}", "cycles.c01.day", "32"),
    ("cycles", "cycles: {c01: {day: 0}}", "cycles.c01.day", "0"),
    ("cycles", "cycles: {c01: {day: 1, month: 2}}", "cycles.c01.month", "unknown key 'month'"),
    ("cycles", "cycles: {}", "cycles", "at least 1"),
    ("cycles", "cycles: {'c|1': {day: 1}}", "cycles", "'c|1'"),
    ("currency", "currency: AUDD", "currency", "'AUDD': not a currency of ISO 4217"),
    ("currency", "currency: aud", "currency", "'aud': not a currency of ISO 4217"),
    ("timezone", "timezone: Mars/Olympus", "timezone", "'Mars/Olympus': unknown time zone"),
    ("timezone", "timezone: ''", "timezone", "unknown time zone"),
    ("timezone", "timezone: Europe", "timezone", "'Europe': unknown time zone"),
    ("language", "language: klingon", "language", "'klingon': unknown language"),
    ("first_month", "first_month: 2012-13", "first_month", "'2012-13': not a month"),
    ("first_month", "first_month: January", "first_month", "'January': not a month"),
    ("grace_days", "grace_days: -1", "grace_days", "-1"),
    ("grace_days", "grace_days: two", "grace_days", "'two'"),
    ("quarantine_limit", "quarantine_limit: 0.05", "quarantine_limit", "rounding dust"),
    ("quarantine_limit", "quarantine_limit: '1.5'", "quarantine_limit", "1.5"),
    ("numbering", "numbering: {invoice: INV}", "numbering.invoice", "'INV': numbers would repeat"),
    ("numbering", "numbering: {invoice: 'INV-{seq'}", "numbering.invoice", "'INV-{seq': not a pattern"),
    ("numbering", "numbering: {invoice: '{number}'}", "numbering.invoice", "'{number}': not a pattern"),
    ("numbering", "numbering: {invoice: '{seq.x}'}", "numbering.invoice", "'{seq.x}': not a pattern"),
    ("numbering", "numbering: {invoice: 'INV-{{seq}}'}", "numbering.invoice", "numbers would repeat"),
    ("numbering", "numbering: {invoice: 'INV-{seq}'}", "numbering.invoice", "'INV-{seq}': numbers would repeat"),
    ("numbering", "numbering: {invoice: 'INV-{year}-{seq:8d}'}", "numbering.invoice", "not a pattern"),
    ("numbering", "numbering: {invoice: 'CN-{year}-{seq:08}'}", "numbering", "would get the same numbers"),
    ("spark", "spark: {mastr: local}", "spark", "unknown key 'mastr'"),
    ("extra", "hdfs: {principal: billing@EXAMPLE.COM}", "hdfs", "principal and keytab belong together"),
    ("extra", "hdfs: {password: x}", "hdfs.password", "unknown key 'password'"),
    ("extra", "retention: {versions: 0}", "retention.versions", "0"),
    ("extra", "retention: {days: -1}", "retention.days", "-1"),
    ("extra", "retention: {runs: 2}", "retention.runs", "unknown key 'runs'"),
    ("lake", "lake: ${env:LAKE_OF_ACME}", "lake", "LAKE_OF_ACME is not set"),
    ("sources", "sources: []", "sources", "at least 1"),
    ("sources", "sources: {name: s}", "sources", "{'name': 's'}"),
    ("sources", sources(table="usage", customers=f"path: u, columns: {USAGE}"), "", "sources: none gives customers"),
    ("sources", sources(kind="sqll"), "sources[0].kind", "kind 'sqll' is not known to this version"),
    ("sources", sources(name="a b"), "sources[0].name", "'a b'"),
    (
        "sources",
        sources(f"path: c, columns: {NAME}, register: {{meter: m}}"),
        "sources[0]",
        "tables.customers[0].register: meters give usage only",
    ),
    (
        "sources",
        sources(f"path: u, columns: {USAGE}, register: {{rollover: 100}}", table="usage"),
        "sources[0].tables.usage.register.meter",
        "the key 'meter' is missing",
    ),
    ("sources", sources(systm="x"), "sources[0].systm", "unknown key 'systm' (value 'x')"),
    ("sources", sources(table="client"), "sources[0]", "tables.client: unknown table"),
    (
        "sources",
        sources("path: c, columns: {name: n}"),
        "sources[0]",
        "tables.customers[0].columns: account_id is missing",
    ),
    ("sources", sources("path: c, columns: {}"), "sources[0].tables.customers.columns", "at least 1"),
    (
        "sources",
        sources("path: c, columns: {account_id: i, name: n, zip: z}"),
        "sources[0]",
        "tables.customers[0].columns.zip: unknown column",
    ),
    ("sources", sources(f"columns: {NAME}"), "sources[0].tables.customers.path", "the key 'path' is missing"),
    ("sources", sources(f"path: c, colums: x, columns: {NAME}"), "sources[0].tables.customers.colums", "'colums'"),
    (
        "sources",
        sources(f"path: c, format: xls, columns: {NAME}"),
        "sources[0].tables.customers.format",
        "'xls' is not",
    ),
    ("sources", sources(format=""), "sources[0]", "tables.subscriptions[0]: no format is given"),
    ("sources", sources() + sources().removeprefix("sources:\n"), "", "sources: two are named 's'"),
    ("extra", "merging: {keys: [name]}", "merging.keys[0]", "'name' is not"),
    ("extra", "merging: {match: {merge: '0.9'}}", "merging.match.merge", "0.95"),
    ("extra", "merging: {match: {merge: '0.96', ask: '0.97'}}", "merging.match", "ask is above merge"),
    ("sources", f"{SMALL['sources']}      crosswalk: {{path: k, columns: {CROSSWALK}}}", "", "accounts are not merged"),
    (
        "sources",
        f"{SMALL['sources']}      bills: {{path: b, columns: {BILLS}}}\nmerging: {{}}",
        "",
        "no mapping of them gives tax_amount",
    ),
]


@pytest.mark.parametrize(
    ("line", "what", "remedy"),
    [
        ("cycles: {c01: {day: 32}}", "32: Input should be less than or equal to 31", "write a number up to 31"),
        ("payment_terms_days: -1", "-1: ", "write a number of at least 0"),
        ("payment_terms_days: soon", "'soon': ", "write a whole number"),
        ("quarantine_limit: '5'", "5: Input should be", "write a number up to 1"),
        ("cycles: [c01]", "['c01']: ", "write a mapping of keys to values"),
        ("tax_ids: 7", "unknown key 'tax_ids'", "remove it, or look for a slip of the pen"),
    ],
)
def test_a_remedy_says_what_to_write(tmp_path: Path, line: str, what: str, remedy: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, small(**{line.partition(":")[0]: line}))
    assert caught.value.what.startswith(what)
    assert caught.value.remedy == remedy


@pytest.mark.parametrize(
    ("key", "line", "path", "what"), MISTAKES, ids=[f"{path}-{what}" for *_, path, what in MISTAKES]
)
def test_a_mistake_is_one_error_with_file_path_value_and_remedy(
    tmp_path: Path, key: str, line: str, path: str, what: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, small(**{key: line}))
    error = caught.value
    file = str(tmp_path / "billflow.yaml")
    assert error.where == (f"{file}: {path}" if path else file)
    assert what in error.what
    assert error.remedy
    assert "\n" not in error.what
    assert error.exit_code == 2


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, small(currency="currency: X", timezone="timezone: Y", extra="foo: 1"))
    assert all(f"billflow.yaml: {path}: " in str(caught.value) for path in ("currency", "timezone", "foo"))


@pytest.mark.parametrize(
    ("variable", "text", "read", "value"),
    [
        ("BILLFLOW_LAKE", "/elsewhere", lambda s: s.lake_root, "/elsewhere"),
        ("BILLFLOW_SELLER__NAME", "Other", lambda s: s.seller.name, "Other"),
        ("BILLFLOW_SELLER__EMAIL", "a@b.example", lambda s: (s.seller.name, s.seller.email), ("Acme", "a@b.example")),
        ("BILLFLOW_CYCLES__C01__DAY", "15", lambda s: s.cycles["c01"].day, 15),
        ("BILLFLOW_SPARK__MASTER", "local[1]", lambda s: s.spark.master, "local[1]"),
        ("BILLFLOW_SPARK_MASTER", "local[1]", lambda s: s.spark.master, "local[1]"),
        ("BILLFLOW_SPARK__spark.a.someThing", "2g", lambda s: s.spark.properties, {"spark.a.someThing": "2g"}),
        ("BILLFLOW_SELLER_TAX_ID", "T1", lambda s: s.seller.tax_id, "T1"),
        ("BILLFLOW_GRACE_DAYS", "5", lambda s: s.grace_days, 5),
        ("BILLFLOW_QUARANTINE_LIMIT", "0.5", lambda s: str(s.quarantine_limit), "0.5"),
        ("BILLFLOW_PROJECT", "/a/folder", lambda s: s.project, "acme"),
        ("BILLFLOW_FOLDER", "/a/folder", lambda s: s.folder.name != "folder", True),
        ("BILLFLOW_UNKNOWN", "x", lambda s: s.project, "acme"),
    ],
)
def test_the_environment_overrides(tmp_path: Path, variable: str, text: str, read: object, value: object) -> None:
    assert callable(read)
    assert read(loaded(tmp_path, small(), **{variable: text})) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("BILLFLOW_TIMEZONE", "Mars"),
        ("BILLFLOW_SELLER__NMAE", "Acme"),
        ("BILLFLOW_SPARK_MASTR", "local[1]"),
        ("BILLFLOW_SOURCES__0__NAME", "x"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path, variable: str, text: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        loaded(tmp_path, small(), **{variable: text})


def test_secrets_come_from_the_environment(tmp_path: Path) -> None:
    text = small(seller='seller: {name: "${env:SELLER} Ltd"}')
    assert loaded(tmp_path, text, SELLER="Acme").seller.name == "Acme Ltd"


def test_settings_are_frozen(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        loaded(tmp_path, small()).lake = "/tmp"


class TestFindProject:
    def test_named(self, tmp_path: Path) -> None:
        loaded(tmp_path, small())
        assert find_project(str(tmp_path), {"BILLFLOW_PROJECT": "/nowhere"}) == tmp_path

    def test_in_the_environment(self, tmp_path: Path) -> None:
        loaded(tmp_path, small())
        assert find_project(None, {"BILLFLOW_PROJECT": str(tmp_path)}) == tmp_path

    def test_the_current_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        loaded(tmp_path, small())
        monkeypatch.chdir(tmp_path)
        assert find_project(None, {}) == tmp_path

    def test_none(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"there is no billflow\.yaml") as caught:
            find_project(str(tmp_path), {})
        assert caught.value.where == str(tmp_path)
        assert caught.value.exit_code == 2
