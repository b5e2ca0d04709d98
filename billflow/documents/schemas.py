"""JSON Schemas of what a template works with: the payload of one document (version 2), and its YAML files.

The models here describe; rendering does not go through them. A further list of objects in a payload is printed as a
section of its own (see `sections`).
"""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from billflow.documents.brand import Brand
from billflow.documents.layout import Layout
from billflow.documents.notices import Texts

VERSION = 2
"""Of the payload; raised when something in it changes its meaning or goes."""

DRAFT = "https://json-schema.org/draft/2020-12/schema"

Text = str | None
Amount = Annotated[str, Field(pattern=r"^-?\d+(\.\d+)?$", description="an exact decimal, as text")]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Series = list[tuple[str, Amount]]


class Described(BaseModel):
    """Nothing that is not described."""

    model_config = ConfigDict(extra="forbid")


class Party(Described):
    """A name, a postal address and a tax number."""

    name: Text
    street: Text
    city: Text
    postcode: Text
    country: Text = Field(description="ISO 3166-1, two letters")
    tax_id: Text
    email: Text = None


class Seller(Party):
    """Who bills, and how it is paid."""

    iban: Text
    bic: Text = None
    payment_url: Text = Field(default=None, description="with {invoice_id}, {reference}, {amount}, {currency}")
    contact: Text = None
    phone: Text = None
    endpoint: Text = Field(default=None, description="electronic address, EN 16931 BT-34")
    endpoint_scheme: Text = Field(default=None, description="a code of CEF's list EAS")


class Customer(Party):
    """Who gets the document."""

    account_id: str
    segment: Text = Field(default=None, description="as `customers` has it; texts may be for some segments only")
    endpoint: Text = Field(default=None, description="electronic address, EN 16931 BT-49")
    endpoint_scheme: Text = Field(default=None, description="a code of CEF's list EAS")
    buyer_reference: Text = Field(default=None, description="EN 16931 BT-10, such as a Leitweg-ID")


class Member(Described):
    """Another account that the bill is for."""

    account_id: str
    name: Text


class Head(Described):
    """The invoice or credit note itself."""

    invoice_id: str
    invoice_number: Text = Field(description="null while a draft")
    kind: Literal["invoice", "credit_note"]
    status: Literal["draft", "confirmed"]
    corrects: Text = Field(description="the invoice_id that it takes back or replaces")
    period_start: Day
    period_end: Day = Field(description="the first day not in it")
    issue_date: Day
    due_date: Day
    net: Amount
    tax: Amount
    total: Amount
    correction: Literal["takes_back", "replaces"] | None = None
    corrects_number: Text = None
    correction_reason: Text = None


class Line(Described):
    """An invoice line, in order of `line_no`."""

    line_no: str
    service_account_id: Text = Field(description="the account that it is for: the customer's or a member's")
    subscription_id: Text
    section: Text
    description: Text
    period_start: Day | None
    period_end: Day | None
    quantity: Amount | None
    unit: Text
    unit_price: Amount | None
    net: Amount
    tax_category: Text = Field(description="EN 16931: S, Z, E, AE, K, G, O")
    tax_rate: Amount | None = Field(description="a fraction: 0.1000 is 10 %")


class Tax(Described):
    """The tax of one category and rate."""

    tax_category: Text
    tax_rate: Amount | None
    base: Amount
    tax: Amount
    reason: Text = Field(default=None, description="why no tax is due")


class Meter(Described):
    """The itemised usage of one subscription and metric."""

    subscription_id: Text
    metric: str
    name: Text = Field(default=None, description="as the catalogue calls the metric")
    unit: Text
    daily: bool = Field(description="a row is a local day instead of a record")
    aggregate: Literal["sum", "max", "unique", "latest"] = Field(description="how records make one quantity")
    daily_by: Literal["sum", "max", "unique", "latest"] | None = Field(
        default=None,
        description="what a day shows; not told: its highest for `max`, else the sum",
    )
    records: int
    dimensions: list[str] = Field(description="what the further values of each row are")
    rows: list[list[str]] = Field(description="[time, quantity, a value for each dimension]; times are wall clock")


class History(Described):
    """What one metric was in earlier months and this one; a month that is left out has no bar."""

    metric: str
    name: Text = Field(default=None, description="as the catalogue calls the metric")
    unit: Text
    months: Series


class Days(Described):
    """What one metric was on each day of the period."""

    metric: str
    name: Text = Field(default=None, description="as the catalogue calls the metric")
    unit: Text
    days: Series


class CustomersBill(Described):
    """One of the customer's bills: this document, that of another account, or one of another system."""

    biller: str = Field(description="the seller, or the other system")
    document: str = Field(description="number, or id while it has none")
    account_id: str
    issue_date: Day
    currency: str
    net: Amount
    tax: Amount
    total: Amount


class OtherLine(Described):
    """A line of a bill of another system."""

    bill: str
    description: Text
    quantity: Amount
    unit_price: Amount
    net: Amount
    currency: str


class Payload(BaseModel):
    """Everything that one document prints."""

    version: Literal[2]
    language: Text = Field(description="BCP 47; English where templates have no labels for it")
    currency: str = Field(description="ISO 4217")
    seller: Seller
    customer: Customer
    members: list[Member]
    invoice: Head
    lines: list[Line]
    taxes: list[Tax]
    usage: list[Meter]
    history: list[History] = []
    days: list[Days] = []
    consolidated: list[CustomersBill] = []
    other_bills: list[OtherLine] = []


def payload_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the payload."""
    return {"$schema": DRAFT, **Payload.model_json_schema(), "title": f"payload, version {VERSION}"}


def layout_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of layout.yaml."""
    return {"$schema": DRAFT, **Layout.model_json_schema(), "title": "layout.yaml"}


def brand_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of brand.yaml."""
    return {"$schema": DRAFT, **Brand.model_json_schema(), "title": "brand.yaml"}


def texts_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of texts.yaml."""
    return {"$schema": DRAFT, **Texts.model_json_schema(), "title": "texts.yaml"}


def text_of(schema: dict[str, Any]) -> str:
    """A schema as the text of a file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
