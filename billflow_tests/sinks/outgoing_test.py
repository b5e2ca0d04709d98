import pytest

from billflow.errors import SettingsError
from billflow.lake.schemas import INVOICES
from billflow.lake.tables import empty
from billflow.settings import load_settings
from billflow.sink_settings import Outgoing
from billflow.sinks.outgoing import outgoing_rows

SINKS = """
project: acme
currency: EUR
timezone: Europe/Vienna
seller: {name: Acme}
cycles: {c01: {day: 1}}
sources:
  - name: crm
    kind: files
    format: csv
    tables:
      customers: {path: c.csv, columns: {account_id: id, name: name}}
      subscriptions: {path: s.csv, columns: {subscription_id: id, account_id: a, plan: p, start_date: d}}
sinks:
  - name: crm
    kind: KIND
    url: URL
    DRAFTS
    tables: TABLES
"""


def settings_of(folder, tables, *, kind="sql", url="sqlite:///crm.db", drafts=False):
    told = "drafts: true" if drafts else ""
    text = SINKS.replace("KIND", kind).replace("URL", url).replace("DRAFTS", told).replace("TABLES", tables)
    (folder / "billflow.yaml").write_text(text, encoding="utf-8")
    return load_settings(folder, {})


def test_all_columns_as_they_are(spark):
    rows = outgoing_rows(empty(spark, INVOICES), "invoices", Outgoing(), "sinks.crm")
    assert rows.names == INVOICES.names
    assert (rows.table, rows.key, rows.place) == ("invoices", ["invoice_id"], ["cycle", "month"])


def test_columns_of_other_names(spark):
    columns = {"id": "invoice_id", "gross": "cast(total as decimal(12,2))", "what": "upper(kind)", "m": "month"}
    rows = outgoing_rows(empty(spark, INVOICES), "invoices", Outgoing(table="x.bills", columns=columns), "sinks.crm")
    assert (rows.names, rows.key, rows.place, rows.table) == (list(columns), ["id"], ["m"], "x.bills")
    assert [field.kind.simpleString() for field in rows.fields] == ["string", "decimal(12,2)", "string", "string"]


def test_an_expression_that_is_wrong_is_named(spark):
    columns = {"invoice_id": "invoice_id", "gross": "totl"}
    with pytest.raises(SettingsError, match="totl") as told:
        outgoing_rows(empty(spark, INVOICES), "invoices", Outgoing(columns=columns), "sinks.crm.tables.invoices")
    assert told.value.where == "sinks.crm.tables.invoices.columns.gross"
    assert "issue_date" in told.value.remedy


def test_tables_that_say_nothing(tmp_path):
    [sink] = settings_of(tmp_path, "{invoices: , invoice_lines: {table: lines}}").sinks
    assert (sink.drafts, sink.tables["invoices"].table, sink.tables["invoice_lines"].table) == (False, None, "lines")


@pytest.mark.parametrize(
    ("tables", "more", "told"),
    [
        ("{usage: {}}", {}, "tables"),
        ("{}", {}, "tables"),
        ("{invoices: {columns: {no: invoice_number}}}", {}, "invoice_id is missing"),
        ("{invoice_lines: {columns: {id: invoice_id}}}", {}, "line_no is missing"),
        ("{invoices: {columns: {id: invoice_id}}}", {"drafts": True}, "cycle is missing"),
        ("{invoices: {}}", {"url": "oracle://x/y"}, "must begin with one of"),
        ("{invoices: {}}", {"kind": "mongodb", "url": "mongodb://host"}, "names no database"),
        ("{invoices: {}}", {"url": "postgresql://u:50%off@host/db"}, "write spaces"),
        ("{invoices: {}}", {"url": '"postgresql://u:pa ss@host/db"'}, "write spaces"),
        ("{invoices: {}}", {"kind": "mongodb", "url": "mongodb://u:pa/ss@host/db"}, "write spaces"),
        ("{invoices: {}}", {"kind": "redis", "url": "redis://host"}, "kind"),
    ],
)
def test_mistakes_are_told_before_anything_starts(tmp_path, tables, more, told):
    with pytest.raises(SettingsError, match=told) as error:
        settings_of(tmp_path, tables, **more)
    assert not any(secret in str(error.value) for secret in ("50%off", "pa ss", "pa/ss", "ss@host"))
