import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from billflow.documents.rendering import DOCUMENTS
from billflow.documents.store import (
    ROWS_PER_GROUP,
    fetch_payload,
    fetch_pdf,
    iter_payloads,
    iter_pdfs,
    packed,
    write_options,
)


def _row(number, pdf, error):
    payload = packed(f'{{"number": "{number}"}}')
    return (f"i{number:04d}", 1, 9, "h", "t", "c01", "2013-01", None, "p", pdf, payload, error, "written")


@pytest.fixture(scope="module")
def folder(spark, tmp_path_factory):
    """300 documents as a bill run writes them, in two files; one failed."""
    rows = [_row(number, b"pdf %d" % number, None) for number in range(300)]
    rows[7] = _row(7, None, "could not be rendered")
    path = tmp_path_factory.mktemp("documents") / "written"
    frame = (
        spark.createDataFrame(rows, DOCUMENTS).repartitionByRange(2, "invoice_id").sortWithinPartitions("invoice_id")
    )
    frame.write.options(**write_options()).parquet(str(path))
    return path


@pytest.fixture(scope="module")
def files(folder):
    return sorted(str(path) for path in folder.glob("*.parquet"))


def test_write_options_bound_row_groups_and_leave_pdfs_as_they_are(files):
    assert len(files) == 2
    metadata = pq.ParquetFile(files[0]).metadata
    pdf = next(
        metadata.row_group(0).column(i)
        for i in range(metadata.num_columns)
        if metadata.row_group(0).column(i).path_in_schema == "pdf"
    )
    assert max(metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)) == ROWS_PER_GROUP
    assert pdf.compression == "UNCOMPRESSED"
    assert not any("DICTIONARY" in encoding for encoding in pdf.encodings)


@pytest.mark.parametrize("number", [0, 63, 64, 150, 299])
def test_fetch_pdf(files, number):
    assert fetch_pdf(files, f"i{number:04d}") == b"pdf %d" % number


@pytest.mark.parametrize("invoice_id", ["i0007", "i0300", "a", "i0001x"])
def test_fetch_pdf_of_none(files, invoice_id):
    assert fetch_pdf(files, invoice_id) is None


def test_fetch_pdf_from_open_files(files):
    with Path(files[1]).open("rb") as file:
        assert fetch_pdf([file], "i0299") == b"pdf 299"


def test_fetch_pdf_reads_the_footers_of_few_files(tmp_path):
    for number in range(64):
        table = pa.table({"invoice_id": [f"i{number:02d}a", f"i{number:02d}c"], "pdf": [b"a", b"%d" % number]})
        pq.write_table(table, tmp_path / f"{number:02d}.parquet")
    paths = sorted(tmp_path.iterdir())
    for number in (0, 31, 32, 63):
        opened = [Opened(path) for path in paths]
        assert fetch_pdf(opened, f"i{number:02d}c") == b"%d" % number
        assert sum(file.touched for file in opened) <= 7
    assert fetch_pdf([str(path) for path in paths], "i31b") is None
    assert fetch_pdf([], "i31b") is None


def test_fetch_pdf_of_a_run_without_documents(tmp_path):
    table = pa.table({"invoice_id": pa.array([], pa.string()), "pdf": pa.array([], pa.binary())})
    pq.write_table(table, tmp_path / "x.parquet")
    assert fetch_pdf([str(tmp_path / "x.parquet")], "a") is None


class Opened(io.FileIO):
    """A file that knows whether it was read."""

    touched = False

    def read(self, *arguments):
        self.touched = True
        return super().read(*arguments)


def test_iter_pdfs(files):
    found = dict(iter_pdfs(files))
    assert found == {f"i{number:04d}": b"pdf %d" % number for number in range(300) if number != 7}


@pytest.mark.parametrize("number", [0, 7, 299])
def test_fetch_payload_also_of_what_could_not_be_rendered(files, number):
    assert fetch_payload(files, f"i{number:04d}") == f'{{"number": "{number}"}}'


def test_payloads_of_an_earlier_version_are_not_there(tmp_path):
    table = pa.table({"invoice_id": ["a"], "pdf": [b"x"]})
    pq.write_table(table, tmp_path / "x.parquet")
    assert fetch_payload([str(tmp_path / "x.parquet")], "a") is None
    assert list(iter_payloads([str(tmp_path / "x.parquet")])) == []


def test_iter_payloads(files):
    assert dict(iter_payloads(files)) == {f"i{number:04d}": f'{{"number": "{number}"}}' for number in range(300)}


def test_packed_is_smaller_and_the_same_for_the_same_text():
    payload = '{"name": "Zoë", "rows": [' + ", ".join(f'["2013-01-{day:02d}", "1.5"]' for day in range(1, 29)) + "]}"
    assert packed(payload) == packed(payload)
    assert len(packed(payload)) < len(payload.encode()) / 2
