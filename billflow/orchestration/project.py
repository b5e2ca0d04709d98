"""The project as a Dagster resource: settings, catalogue, lake and (on first use) a Spark session."""

import atexit
import shutil
import tempfile
from pathlib import Path

import dagster as dg
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from billflow.catalog import catalog_texts
from billflow.errors import BillflowError
from billflow.lake.cluster import check_executors, is_local, size_shuffles
from billflow.lake.session import SMALL_INPUT, living_session, start_session
from billflow.lake.storage import Storage, open_lake
from billflow.settings import Settings, load_settings
from billflow.sources.deliveries import size, source_files


class Project(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Read anew by each run, so that an edited catalogue counts without a restart. No JVM before `spark()`."""

    folder: str

    def settings(self) -> Settings:
        """billflow.yaml with the environment's overrides."""
        return load_settings(Path(self.folder))

    def catalog_texts(self) -> dict[str, str]:
        """catalog/*.yaml as they are now: file name → text."""
        return catalog_texts(Path(self.folder) / "catalog")

    def storage(self) -> Storage:
        """The lake."""
        return open_lake(self.settings())

    def spark(self) -> SparkSession:
        """The process's one session; months billed one after the other share it.

        On a cluster its executors are tried first: MachineError when they cannot run what a run needs.
        """
        return living_session() or _started(self.settings())


def _started(settings: Settings) -> SparkSession:
    scratch = Path(tempfile.mkdtemp(prefix="billflow-spark-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    known = size(settings)
    master, properties = settings.spark.master, settings.spark.properties
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
