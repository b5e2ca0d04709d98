"""Memory of the driver while documents are rendered, which must not grow with them: they never pass it.

python -m billflow_tests.benchmarks.driver_memory_bench [--documents 1000 4000]

Executors are processes of their own, and each number of documents has a driver of its own, so that peaks can be
compared. Of Java it tells what is alive before and after, and the most that the process had, garbage and all.
"""

import argparse
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyspark
from pyspark.sql import SparkSession

from billflow.bench.bill_runs import in_own_process
from billflow.bench.documents import COMPARED, SHAPES, bill_of
from billflow.documents.rendering import in_tasks, render_documents
from billflow.documents.store import write_options
from billflow.documents.templates import find_templates
from billflow.lake.session import start_session

EXECUTORS = "local-cluster[2,1,2048]"
MEMORY = {"spark.executor.memory": "2g"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, nargs="+", default=[1000, 4000])
    for documents in parser.parse_args().documents:
        print(in_own_process(measured, documents), flush=True)


def measured(documents: int) -> str:
    """Renders so many, and tells what the driver took."""
    with TemporaryDirectory() as folder, start_session("driver", EXECUTORS, MEMORY, Path(folder)) as spark:
        write_payloads(spark, documents, f"{folder}/payloads")
        before = alive(spark)
        found = spark.read.parquet(f"{folder}/payloads").selectExpr("*", "'c01' AS cycle", "'2013-01' AS month")
        rendered = render_documents(in_tasks(found, documents), find_templates(None))
        rendered.write.options(**write_options()).parquet(f"{folder}/documents")
        written = sum(file.stat().st_size for file in Path(folder, "documents").iterdir()) / 2**20
        java = spark._jvm.java.lang.ProcessHandle.current().pid()
        told = (
            f"{documents:6,} documents of {written:4.0f} MiB: Java {before:.0f} MiB alive before, {alive(spark):.0f} "
            f"after, {peak(java):.0f} at most; Python {peak(os.getpid()):.0f} at most"
        )
        executors = Path(pyspark.__file__).parent / "work" / spark.sparkContext.applicationId
    shutil.rmtree(executors, ignore_errors=True)
    return told


def write_payloads(spark: SparkSession, documents: int, target: str) -> None:
    """Made by the executors, so that the driver has not even had those."""

    def bills(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            seeds = batch.column("id").to_pylist()
            payloads = [json.dumps(bill_of(SHAPES[COMPARED], seed)) for seed in seeds]
            ids = [f"{seed * 2654435761 % 2**32:08x}" for seed in seeds]
            yield pa.RecordBatch.from_pydict({"invoice_id": ids, "payload": payloads})

    spark.range(documents).mapInArrow(bills, "invoice_id string, payload string").write.parquet(target)


def alive(spark: SparkSession) -> float:
    """MiB of Java's objects that something still refers to."""
    java = spark._jvm.java.lang
    java.System.gc()
    return java.management.ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / 2**20


def peak(pid: int) -> float:
    """The most MiB that a process has had."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))[1]) / 1024


if __name__ == "__main__":
    main()
