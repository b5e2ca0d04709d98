"""billflow.yaml and the environment as frozen models: who bills, where the lake is, which cycles, which sources."""

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from billflow.catalog.periods import Cycle
from billflow.codes import Country, Currency, Language, Month, PaymentUrl, Zone
from billflow.dunning import DEFAULT_LEVELS, DunningLevels
from billflow.errors import SettingsError, UsageError
from billflow.merging_settings import Merging
from billflow.number_pattern import NumberPattern
from billflow.sink_settings import Sinks
from billflow.source_settings import Sources
from billflow.strict_yaml import ExactDecimal, Strict, read_yaml, validated, with_environment

PROJECT_FILE = "billflow.yaml"
PREFIX = "BILLFLOW_"


class Seller(Strict):
    """Who bills; printed on every document."""

    name: str
    street: str | None = None
    city: str | None = None
    postcode: str | None = None
    country: Country | None = None
    tax_id: str | None = None
    iban: str | None = None
    bic: str | None = None
    payment_url: PaymentUrl | None = None
    email: str | None = None
    contact: str | None = None
    """Whom to ask: a person or a department. With `phone` and `email`, what XRechnung wants to know."""
    phone: str | None = None
    endpoint: str | None = None
    """Where e-invoices are answered: an electronic address, such as a GLN or a Peppol participant's."""
    endpoint_scheme: str | None = None
    """The scheme of `endpoint`, a code of CEF's list EAS: 0088 is a GLN, EM an e-mail address."""


class Documents(Strict):
    """What documents bring besides their pages."""

    einvoice: Literal["factur-x"] | None = None
    """Confirmed documents are PDF/A-3b files with the EN 16931 invoice attached, as Factur-X and ZUGFeRD have it."""
    accessible: bool = False
    """PDF/UA-1: headings and tables that screen readers find. Several times as large, and slower."""

    @property
    def factur_x(self) -> bool:
        """Whether PDFs bring the e-invoice along."""
        return self.einvoice == "factur-x"


class HdfsSettings(Strict):
    """How a secured HDFS is met: whom Kerberos knows, and whose certificates count. Secrets are files."""

    principal: str = ""
    """billing@EXAMPLE.COM. Without one the ticket of `kinit` counts, where Hadoop's configuration asks for Kerberos."""
    keytab: Path | None = None
    """The file with its keys."""
    ca: Path | None = None
    """Who signs the certificates of HDFS (PEM), for WebHDFS over https. Else $REQUESTS_CA_BUNDLE, or Mozilla's."""

    @model_validator(mode="after")
    def _principal_and_keytab(self) -> "HdfsSettings":
        if bool(self.principal) != bool(self.keytab):
            raise ValueError("principal and keytab belong together; name both, or none and use kinit")
        return self

    def below(self, folder: Path) -> "HdfsSettings":
        """With files as seen from the project's folder."""
        named = {"keytab": self.keytab, "ca": self.ca}
        return self.model_copy(update={key: folder / file for key, file in named.items() if file})

    def spark_properties(self, lake: str) -> dict[str, str]:
        """What Spark logs in with; on YARN and Kubernetes it also gives its executors tokens for the lake."""
        if not self.principal:
            return {}
        login = {"spark.kerberos.principal": self.principal, "spark.kerberos.keytab": str(self.keytab)}
        return {**login, "spark.kerberos.access.hadoopFileSystems": lake}


class SparkSettings(Strict):
    """`master` and any `spark.*` setting."""

    model_config = ConfigDict(extra="allow")
    master: str = "local[*]"

    @model_validator(mode="after")
    def _only_spark_settings(self) -> "SparkSettings":
        for name in self.model_extra or {}:
            if not name.startswith("spark."):
                raise ValueError(f"unknown key {name!r}; besides master only names that begin with spark. are read")
        return self

    @property
    def properties(self) -> dict[str, str]:
        """The `spark.*` settings."""
        return {name: str(value) for name, value in (self.model_extra or {}).items()}


class Retention(Strict):
    """Which older runs of a cycle and month stay readable; what is confirmed stays for ever.

    The two newest versions of the lake stay whole by any rule: readers may be at work on them.
    """

    versions: int = Field(default=1, ge=1)
    """So many published runs of each cycle and month, the newest one among them."""
    days: int = Field(default=0, ge=0, le=36500)
    """And every run for at least so many days after another one has replaced it."""

    def __str__(self) -> str:
        runs = "the newest run" if self.versions == 1 else f"the {self.versions} newest runs"
        since = f", and each for {self.days} days after it was replaced" if self.days else ""
        return f"{runs} of a cycle and month{since}"


class Numbering(Strict):
    """Patterns of legal numbers; `{year}` is the year of the issue date."""

    invoice: str = "INV-{year}-{seq:08d}"
    credit_note: str = "CN-{year}-{seq:08d}"

    @field_validator("invoice", "credit_note")
    @classmethod
    def _can_be_applied(cls, pattern: str) -> str:
        NumberPattern.of(pattern)
        return pattern

    @model_validator(mode="after")
    def _kinds_are_told_apart(self) -> "Numbering":
        if NumberPattern.of(self.invoice).number(2026, 1) == NumberPattern.of(self.credit_note).number(2026, 1):
            raise ValueError("invoices and credit notes would get the same numbers; begin them with different letters")
        return self

    @property
    def patterns(self) -> dict[str, str]:
        """Kind of invoice → its pattern."""
        return {"invoice": self.invoice, "credit_note": self.credit_note}


class Settings(Strict):
    """billflow.yaml. `folder` is where it was found; relative paths start there."""

    folder: Path = Field(exclude=True)
    project: str
    lake: str = "./lake"
    webhdfs: str | None = None
    """For a lake on HDFS: http://namenode:9870, several with commas. Default: as in $HADOOP_CONF_DIR, or port 9870."""
    hdfs: HdfsSettings = Field(default_factory=HdfsSettings)
    currency: Currency
    timezone: Zone
    language: Language = "en"
    seller: Seller
    cycles: dict[str, Cycle] = Field(min_length=1)
    grace_days: int = Field(default=2, ge=0)
    payment_terms_days: int = Field(default=14, ge=0)
    spark: SparkSettings = Field(default_factory=SparkSettings)
    first_month: Month = "2010-01"
    quarantine_limit: ExactDecimal = Field(default=Decimal("0.05"), ge=0, le=1)
    numbering: Numbering = Field(default_factory=Numbering)
    documents: Documents = Field(default_factory=Documents)
    dunning: DunningLevels = DEFAULT_LEVELS
    """Levels of reminding that a bill reaches when it stays open."""
    retention: Retention = Field(default_factory=Retention)
    sources: Sources
    merging: Merging | None = None
    """How accounts of several systems become one customer; None where each account is one."""
    sinks: Sinks = ()
    """Databases that published bills are written to."""

    @field_validator("cycles")
    @classmethod
    def _names_fit_partition_keys(cls, cycles: dict[str, Cycle]) -> dict[str, Cycle]:
        for name in cycles:
            if not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(f"the cycle {name!r} would break partition keys; use letters, digits, - and _")
        return cycles

    @model_validator(mode="after")
    def _sources_are_told_apart(self) -> "Settings":
        names = [source.name for source in self.sources]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"sources: two are named {name!r}; give each a name of its own")
        for table in ("customers", "subscriptions"):
            if not self.gives(table):
                raise ValueError(f"sources: none gives {table}; map the table in one of them")
        return self

    @model_validator(mode="after")
    def _bills_of_others_are_whole(self) -> "Settings":
        if self.gives("crosswalk") and self.merging is None:
            raise ValueError("sources: a crosswalk is given, and accounts are not merged; add `merging: {}`")
        untaxed = self.consolidates and self.gives("bills") and not self.gives("bills", "tax_amount")
        if untaxed:
            raise ValueError(
                "sources: bills are shown beside invoices, and no mapping of them gives tax_amount; map the tax on each"
                ' line ("0" where amount includes it), or set merging.consolidated_bills: false'
            )
        return self

    def gives(self, table: str, column: str | None = None) -> bool:
        """Whether a source gives a canonical table, or that column of it."""
        mappings = [mapping for source in self.sources for mapping in source.mappings(table)]
        return any(column is None or column in mapping.columns for mapping in mappings)

    @property
    def consolidates(self) -> bool:
        """Whether a customer's bills are shown on one."""
        return self.merging is not None and self.merging.consolidated_bills

    @property
    def lake_root(self) -> str:
        """The lake as a path or URI: relative ones start at the project's folder."""
        if "://" in self.lake:
            return self.lake
        return str((self.folder / self.lake).resolve())

    @property
    def secured(self) -> HdfsSettings:
        """`hdfs:`, with its files where they are."""
        return self.hdfs.below(self.folder)

    @property
    def spark_properties(self) -> dict[str, str]:
        """The `spark.*` settings, and what `hdfs:` stands for among them."""
        return {**self.secured.spark_properties(self.lake_root), **self.spark.properties}

    @property
    def templates(self) -> Path:
        """The project's own Typst templates (may not exist)."""
        return self.folder / "templates"


def find_project(project: str | None = None, environment: Mapping[str, str] = os.environ) -> Path:
    """The project's folder: `project`, else BILLFLOW_PROJECT, else the current folder."""
    folder = Path(project or environment.get(f"{PREFIX}PROJECT") or ".").resolve()
    if not (folder / PROJECT_FILE).is_file():
        raise UsageError(
            f"there is no {PROJECT_FILE}",
            where=str(folder),
            remedy="name it with --project or BILLFLOW_PROJECT, or write a project with `billflow init DIR`",
        )
    return folder


def load_settings(folder: Path, environment: Mapping[str, str] = os.environ) -> Settings:
    """billflow.yaml of `folder` with the environment's overrides; SettingsError names every mistake."""
    file = folder / PROJECT_FILE
    content, overrides = read_yaml(file), _overrides(environment)
    for keys, variable in overrides.items():
        with_environment(environment[variable], where=variable, environment=environment)
        content = _with(content, keys, environment[variable], variable)
    content = with_environment(content, where=f"{file}: ", environment=environment)
    return validated(Settings, {**content, "folder": folder}, file=file, overrides=overrides)


_SECTIONS = ("hdfs", "numbering", "retention", "seller", "spark")
"""Parts of which one underscore is enough to name a value: their keys cannot be meant otherwise."""


def _overrides(environment: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """BILLFLOW_LAKE replaces `lake`, BILLFLOW_SELLER__NAME (or BILLFLOW_SELLER_NAME) the `name` in `seller`, and
    BILLFLOW_SPARK__spark.executor.memory that setting of Spark's. Other variables are not ours.
    """
    ours = Settings.model_fields.keys() - {"project", "folder"}
    named = {_keys(variable.removeprefix(PREFIX)): variable for variable in environment if variable.startswith(PREFIX)}
    return {keys: variable for keys, variable in named.items() if keys[0] in ours}


def _keys(name: str) -> tuple[str, ...]:
    parts = [part if "." in part else part.lower() for part in name.split("__")]
    for section in _SECTIONS:
        if len(parts) == 1 and parts[0].startswith(f"{section}_"):
            return section, parts[0].removeprefix(f"{section}_")
    return tuple(parts)


def _with(content: dict[str, Any], keys: tuple[str, ...], text: str, variable: str) -> dict[str, Any]:
    first, *rest = keys
    if not rest:
        return {**content, first: text}
    inner = content.get(first, {})
    if not isinstance(inner, dict):
        raise SettingsError(f"{first!r} has no keys inside", where=variable, remedy="override it as a whole")
    return {**content, first: _with(inner, tuple(rest), text, variable)}
