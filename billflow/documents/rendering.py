"""Payloads into PDFs with Typst, one compiler in each worker process, spread over Spark's executors."""

import gc
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import pyarrow as pa
import typst
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StringType, StructField, StructType

from billflow.documents.attempts import PREFIX, Failure, Steps, in_groups, together, whole
from billflow.documents.compact import compact, enclosed
from billflow.documents.einvoice.cii import cii_xml
from billflow.documents.einvoice.compared import compared
from billflow.documents.einvoice.facturx import FILE_NAME, STANDARD, as_factur_x
from billflow.documents.objects import page_count
from billflow.documents.replay.composing import Composition
from billflow.documents.replay.envelopes import Envelopes
from billflow.documents.replay.letters import ReplayError
from billflow.documents.store import packed
from billflow.documents.templates import MAIN, TemplateSet
from billflow.documents.typesetting import LaidOut, Typesetter, Way
from billflow.documents.widths import measured_by
from billflow.errors import EInvoiceError
from billflow.lake import schemas
from billflow.settings import Documents

PDFS_PER_BATCH = 64
CHARACTERS_TOGETHER = 4_000_000
"""Of payloads whose documents are made step by step together: some fifty bills of ten pages, or one that is large."""
PDFS_PER_TASK = 1_000
"""About ten seconds of a core: progress shows, and an executor that is lost takes little with it."""
PDFS_WORTH_A_TASK = 100
"""A worker is two seconds of a core, and as many documents, at work before its first one."""

OBJECTS_A_COLLECTION = 100_000
"""Documents leave nothing behind that only the collector of circles finds; Python looks at each 700 objects."""

PLAIN = Documents()

_DIGITS = 8
"""Leading digits of an invoice_id that decide its task."""

DOCUMENTS = StructType([*schemas.DOCUMENTS, StructField("error", StringType()), StructField("way", StringType())])
"""Documents as published, why one could not be rendered, and in which way it was made (`typesetting.Way`)."""


@dataclass(frozen=True)
class Rendered:
    """One PDF, how many pages it has, and what was printed otherwise than asked for."""

    pdf: bytes
    pages: int
    remarks: str | None = None
    way: Way = "laid out"


class _CompilingProcess:
    """Which process compiled first; a forked child inherits it and can tell that it is not the one."""

    first: int | None = None

    @classmethod
    def enter(cls) -> None:
        cls.first = cls.first or os.getpid()
        if cls.first != os.getpid():
            raise RuntimeError("Typst already compiled in the process that this one was forked from; spawn it instead")


class Renderer:
    """One Typst compiler with its own fonts and those of the templates; keep one a process.
    Threads may share it and take turns.

    The process must not have been forked from one that already compiled: Typst's threads are gone there and the
    next compile would wait for them for ever. That raises RuntimeError instead.
    """

    def __init__(self, template_set: TemplateSet, wanted: Documents = PLAIN, *, folder: str | None = None) -> None:
        """Its files are in a folder of its own, in `folder` or where the system has temporary ones."""
        _CompilingProcess.enter()
        os.environ.setdefault("RAYON_NUM_THREADS", "1")  # Spark's cores bring the parallelism
        self.template = template_set.fingerprint
        # Typst takes sources from memory too, but slowly, and logos and fonts not at all.
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder)
        self._root = Path(self._folder.name)
        self.wanted = wanted
        self.typesetter = Typesetter(template_set, self._root, accessible=wanted.accessible)
        self.languages = self.typesetter.languages
        self._compiler = typst.Compiler(root=self._root, font_paths=self.typesetter.fonts)
        self._envelopes = Envelopes()
        self._written: dict[str, str | bytes] = {}
        self._turn = Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Within it a thread may take the steps of documents, in any order."""
        with self._turn, measured_by(self.typesetter.widths):
            yield

    def render_pdf(
        self, payload: Mapping[str, Any], *, einvoice: bytes | None = None, replayed: bool = True
    ) -> Rendered:
        """The same payload gives the same bytes. Typst lays out all of it, if sections must not be `replayed`.

        With `einvoice`, the XML of `einvoice.cii`, it is a Factur-X file: PDF/A-3b with that XML attached. Raises
        typst.TypstError, KeyError for a missing field, MissingGlyphsError for letters that no font has.
        """
        with self.turn():
            return whole(self.steps(payload, einvoice=einvoice, replayed=replayed))

    def steps(
        self, payload: Mapping[str, Any], *, einvoice: bytes | None = None, replayed: bool = True
    ) -> Steps[Rendered]:
        """The same in steps, which are taken in a `turn`."""
        laid_out = yield from self.typesetter.steps(payload, replayed=replayed)
        yield
        try:
            return self._rendered(payload, einvoice, laid_out)
        except ReplayError:  # Typst has written something in another way than is known
            whole_by_typst = yield from self.typesetter.steps(payload, replayed=False)
            return self._rendered(payload, einvoice, whole_by_typst)

    def _rendered(self, payload: Mapping[str, Any], einvoice: bytes | None, laid_out: LaidOut) -> Rendered:
        writing = laid_out.writing
        if einvoice is not None:
            dated = _with_date(laid_out, payload) | {FILE_NAME: einvoice}
            pdf = as_factur_x(self._compiled(dated, laid_out.main, STANDARD))
        elif isinstance(writing, Composition):
            return Rendered(self._composed(laid_out, writing), writing.pages, laid_out.remarks, laid_out.way)
        else:
            pdf = self._compiled(laid_out.files, laid_out.main)
        pages = writing.pages if writing else page_count(pdf)
        return Rendered(compact(pdf, writing), pages, laid_out.remarks, laid_out.way)

    def _composed(self, laid_out: LaidOut, writing: Composition) -> bytes:
        files = laid_out.files
        envelope = self._envelopes.of(files, writing, lambda: self._compiled(files, laid_out.main))
        return enclosed(envelope.around(laid_out.title, writing), [(0, parts) for parts in writing.written])

    def _compiled(
        self, files: Mapping[str, str | bytes], main: str = MAIN, *standards: Literal["a-3b", "ua-1"]
    ) -> bytes:
        for name, content in files.items():
            self._write(name, content)
        tagged = self.wanted.accessible
        pdf: Any = self._compiler.compile(
            input=self._root / main,
            format="pdf",
            pdf_tags=tagged,
            timestamp=0,
            pdf_standards=[*standards, "ua-1"] if tagged else list(standards),
        )
        return bytes(pdf)

    def _write(self, name: str, content: str | bytes) -> None:
        """What is as it was, such as the typeface of a language, stays."""
        if self._written.pop(name, None) != content:
            (self._root / name).write_bytes(content.encode() if isinstance(content, str) else content)
        self._written[name] = content


def _with_date(laid_out: LaidOut, payload: Mapping[str, Any]) -> dict[str, str | bytes]:
    """The files of a bill that also brings an e-invoice: PDF/A wants the date of the document."""
    bill = json.loads(laid_out.files["bill.json"])
    bill |= {"einvoice": {"date": _date_parts(payload["invoice"]["issue_date"])}}
    bill |= {"title": laid_out.title} if laid_out.title else {}
    return {**laid_out.files, "bill.json": json.dumps(bill, ensure_ascii=False)}


def _date_parts(iso: str) -> dict[str, int]:
    year, month, day = map(int, iso.split("-"))
    return {"year": year, "month": month, "day": day}


def in_tasks(payloads: DataFrame, invoices: int) -> DataFrame:
    """The payloads of so many invoices in even tasks, by invoice_id: task after task the ids are in order.

    An id begins with random hexadecimal digits (`billing.invoices.invoice_id`), so that equal ranges of ids hold about
    equally many, and no sample has to be taken to find the ranges. All cores get as many tasks, where there is work.
    """
    cores = payloads.sparkSession.sparkContext.defaultParallelism
    rounds = max(1, ceil(invoices / (cores * PDFS_PER_TASK)))
    tasks = max(1, min(cores * rounds, ceil(invoices / PDFS_WORTH_A_TASK)))
    digits = F.conv(F.substring("invoice_id", 1, _DIGITS), 16, 10).cast("bigint")
    task = F.shiftright(digits * F.lit(tasks), 4 * _DIGITS).cast("int")
    return payloads.repartitionById(tasks, task).sortWithinPartitions("invoice_id")


def render_documents(payloads: DataFrame, template_set: TemplateSet, wanted: Documents = PLAIN) -> DataFrame:
    """Render every payload, on the executors, as it is wanted.

    In: invoice_id, payload (JSON), cycle, month; further columns are ignored. Out: invoice_id, pages, bytes, sha256
    (hex, of the PDF), template (fingerprint), cycle, month, remarks, payload_sha256, pdf, payload (see `store`), error.
    An invoice that cannot be rendered has its reason in `error` and null for the PDF, pages, bytes and hash; the others
    of its task go out. `remarks` names characters that no font has and in whose place the code point is printed
    (`glyphs`), a language without a font, and why a document has no e-invoice. `way` tells how much of a document Typst
    has laid out. The order of the rows stays.

    Memory of a worker: one incoming Arrow batch (`spark.sql.execution.arrow.maxRecordsPerBatch`), 64 PDFs, and
    bills of CHARACTERS_TOGETHER.
    """

    def render(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        renderer = _kept_renderer(template_set, wanted)
        gc.set_threshold(OBJECTS_A_COLLECTION)
        for batch in batches:
            for start in range(0, batch.num_rows, PDFS_PER_BATCH):
                yield _rendered_batch(batch.slice(start, PDFS_PER_BATCH), renderer)

    return payloads.select("invoice_id", "payload", "cycle", "month").mapInArrow(render, DOCUMENTS)


_KEPT: dict[tuple[str, Documents], Renderer] = {}


def _kept_renderer(template_set: TemplateSet, wanted: Documents) -> Renderer:
    """The renderer of a worker's task before, if it is for the same: it knows its fonts and first pages already.

    Workers are ended without a word, so its files are where Spark keeps its own and clears them away.
    """
    key = (template_set.fingerprint, wanted)
    if key not in _KEPT:
        _KEPT.clear()
        folder = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")[0]
        _KEPT[key] = Renderer(template_set, wanted, folder=folder if os.access(folder, os.W_OK) else None)
    return _KEPT[key]


def _rendered_batch(batch: pa.RecordBatch, renderer: Renderer) -> pa.RecordBatch:
    groups = in_groups(batch.column("payload").to_pylist(), CHARACTERS_TOGETHER)
    made, schema = [one for group in groups for one in rendered_documents(group, renderer)], to_arrow_schema(DOCUMENTS)
    found = {name: pa.array([one.get(name) for one in made], schema.field(name).type) for name in schema.names}
    found |= {name: batch.column(name).cast(schema.field(name).type) for name in ("invoice_id", "cycle", "month")}
    return pa.RecordBatch.from_pydict(found, schema=schema)


def rendered_document(payload: str, renderer: Renderer) -> dict[str, Any]:
    """What DOCUMENTS says of one payload (`rendered_documents`)."""
    [made] = rendered_documents([payload], renderer)
    return made


def rendered_documents(payloads: Sequence[str], renderer: Renderer) -> list[dict[str, Any]]:
    """What DOCUMENTS says of payloads (JSON): each, its hash, template, and the PDF with its facts, or the error.

    With Factur-X, what is confirmed brings its e-invoice along, unless EN 16931 cannot carry it, as that of a private
    customer of a seller without a tax id: such a document goes out without one, and a remark says why.
    """
    sources = [
        {"template": renderer.template, "payload": packed(payload), "payload_sha256": _sha256(payload.encode())}
        for payload in payloads
    ]
    with renderer.turn():
        rendered = together([_rendered(payload, renderer) for payload in payloads])
    return [{**source, **_told(one)} for source, one in zip(sources, rendered, strict=True)]


def _told(made: Rendered | Failure) -> dict[str, Any]:
    if isinstance(made, Failure):
        return {"error": made.reason}
    return {
        "pages": made.pages,
        "bytes": len(made.pdf),
        "sha256": _sha256(made.pdf),
        "pdf": made.pdf,
        "remarks": made.remarks,
        "way": made.way,
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _rendered(payload: str, renderer: Renderer) -> Steps[Rendered]:
    bill = json.loads(payload)
    yield
    if not renderer.wanted.factur_x or bill["invoice"]["status"] != "confirmed":
        return (yield from renderer.steps(bill))
    try:
        return (yield from renderer.steps(bill, einvoice=compared(bill, cii_xml)))
    except EInvoiceError as problem:
        plain = yield from renderer.steps(bill)
        return replace(plain, remarks="; ".join(filter(None, [plain.remarks, f"no e-invoice: {problem.what}"])))
