"""The Spark session that a project's sources are read in."""

import atexit
import shutil
import tempfile
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from billflow.errors import BillflowError
from billflow.lake.cluster import check_executors, is_local, size_shuffles
from billflow.lake.session import SMALL_INPUT, start_session
from billflow.settings import Settings
from billflow.sources.deliveries import size, source_files


def started(settings: Settings) -> SparkSession:
    """A session that suits what is to be read; its folder goes with the process.

    MachineError as of `start_session`, and when executors of a cluster cannot run what a run needs.
    """
    scratch = Path(tempfile.mkdtemp(prefix="billflow-spark-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    known = size(settings)
    master, properties = settings.spark.master, settings.spark_properties
    input_bytes = SMALL_INPUT if known is None else known
    session = start_session(f"billflow {settings.project}", master, properties, scratch, input_bytes=input_bytes)
    if is_local(master):
        return session
    try:
        check_executors(session, source_files(settings))
    except (BillflowError, Py4JError, PySparkException):
        session.stop()  # else a step that is tried again would find it, and take it for tried
        raise
    if known is not None and "spark.sql.shuffle.partitions" not in properties:
        size_shuffles(session, known)
    return session
