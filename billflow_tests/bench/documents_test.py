import json
import subprocess
import sys

import pytest

from billflow.bench.bills import bill
from billflow.bench.documents import COMPARED, SHAPES, Made, ours
from billflow.bench.machine import WARM_UP, milliseconds_of


def test_the_first_turns_do_not_count(monkeypatch):
    now = iter([0, 9, 10, 19, 20, 29, 30, 31, 40, 43, 50, 52])  # CPU time before and after each turn, in seconds
    monkeypatch.setattr("billflow.bench.machine.time.process_time", lambda: next(now))
    assert milliseconds_of(lambda _: None, range(WARM_UP + 3)) == pytest.approx(2_000)


def test_processes_that_do_the_work_count():
    def elsewhere(_):
        subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)

    assert milliseconds_of(elsewhere, range(WARM_UP + 1)) > 3 * milliseconds_of(lambda _: None, range(WARM_UP + 1))


@pytest.mark.parametrize("name", SHAPES)
def test_a_bill_has_as_many_pages_as_its_name_says(name):
    import pypdfium2

    with pypdfium2.PdfDocument(ours()(bill(**SHAPES[name]))) as document:
        assert name.startswith(f"{len(document)} pages, ")


@pytest.mark.slow
def test_all_are_measured_side_by_side(tmp_path):
    target = tmp_path / "figures.json"
    command = [
        sys.executable,
        "-c",
        "from billflow.cli import main; main()",
        "bench",
        "documents",
        "--customers",
        "10",
        "--json",
        target,
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(target.read_text())
    shapes = [Made(**one) for one in figures["shapes"]]
    assert [one.name for one in shapes] == list(SHAPES)
    assert all(one.milliseconds > 0 and one.a_second_and_core > 0 and one.pdf_bytes > 10_000 for one in shapes)
    assert all(one.a_cpu_second > 0 for one in shapes)
    rivals = [one["name"] for one in figures["rivals"]]
    assert "Typst, tables with automatic columns" in rivals
    assert all(f"{name} " in made.stdout for name in [COMPARED, *rivals])
    assert all(name in made.stdout for name in figures["missing"])
    assert figures["peak_mebibytes"] > 50
