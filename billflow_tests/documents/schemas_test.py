import copy
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from billflow.bench.bills import bill
from billflow.documents.sample import CREDIT_NOTE, INVOICE
from billflow.documents.schemas import layout_schema, payload_schema
from billflow.documents.templates import find_templates


def mistakes(schema: dict[str, Any], found: Any) -> list[str]:
    return [problem.json_path for problem in Draft202012Validator(schema).iter_errors(found)]


@pytest.mark.parametrize("payload", [INVOICE, CREDIT_NOTE, bill(subscriptions=3, records=5)])
def test_payloads_keep_their_schema(payload):
    assert mistakes(payload_schema(), payload) == []


def test_a_payload_may_have_further_lists():
    assert mistakes(payload_schema(), {**INVOICE, "meter_readings": [{"meter": "M"}]}) == []


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("invoice", "net"), 1.5, "$.invoice.net"),
        (("invoice", "kind"), "bill", "$.invoice.kind"),
        (("version",), 1, "$.version"),
        (("lines", 0, "colour"), "red", "$.lines[0]"),
    ],
)
def test_mistakes_are_found(path, value, place):
    wrong = copy.deepcopy(INVOICE)
    *outer, last = path
    part: Any = wrong
    for key in outer:
        part = part[key]
    part[last] = value
    assert mistakes(payload_schema(), wrong) == [place]


def test_the_shipped_layout_keeps_its_schema():
    layout = YAML(typ="safe", pure=True).load(find_templates(None).files["layout.yaml"])
    assert mistakes(layout_schema(), layout) == []
    layout["sections"]["charges"]["columns"][0]["format"] = "money"
    assert mistakes(layout_schema(), layout) == ["$.sections.charges.columns[0].format"]
