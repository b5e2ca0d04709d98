"""The Spark session."""

import logging
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from billflow.lake.class_archive import sharing
from billflow.lake.cluster import check_master, is_local
from billflow.lake.hadoop import not_started
from billflow.lake.java import prepare_java

EXACT = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # A product of two decimal(38,12) is the exact decimal(38,24) or an overflow, never rounded to six digits.
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
    # Text that does not parse is NULL (and goes to quarantine) instead of an exception about old Spark versions.
    "spark.sql.legacy.timeParserPolicy": "CORRECTED",
    # Otherwise a parquet file with timestamps as pandas writes them is refused; `sources.files` makes times of them.
    "spark.sql.legacy.parquet.nanosAsLong": "true",
}
"""What results depend on; a project cannot override these."""

LAYOUT = {
    # Tables are bucketed by account_id alone, and joined on (system, account_id, …) without a shuffle.
    "spark.sql.requireAllClusterKeysForCoPartition": "false",
    "spark.sql.sources.bucketing.autoBucketedScan.enabled": "false",
    "spark.sql.sources.bucketing.maxBuckets": "1000000",
}

SMALL_INPUT = 128 * 1024**2
"""Below so many bytes of input a run is over before optimised machine code pays: about 2 million rows of usage."""
TINY_INPUT = 512 * 1024
"""Below so many bytes, the code that Spark writes for each plan does not pay either. Measured in fresh processes: six
customers (0.4 MB) 59 s instead of 72, the thousand of the demo (1.1 MB) 119 s instead of 112."""
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
"""Plans are interpreted as they are."""

LOGGING = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}"
# Measured on a run of 1,000 customers: the JVM's second compiler took 70 of 170 CPU seconds. Without it Java keeps only
# 48 MB for compiled code, which two months of Spark's generated classes fill. Classes grow past Java's first mark of
# them in every run, and reaching it looks through the whole heap (0.26 s of a preview). By itself Java begins with a
# fourth of `NewSize` here for what is short-lived, and clearing it was a twentieth of a month's run.
_SHORT_RUN = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m -XX:MetaspaceSize=256m"

# Of a run of 3 million usage rows, Java's second compiler took 40 of 111 CPU seconds, much of it for code that reads
# and plans queries, a second in all. What goes over millions of rows passes marks ten times as high at once.
_LONG_RUN = (
    "-XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 "
    "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000"
)

_ZONE = "-Duser.timezone=UTC"
"""JDBC drivers make wall clocks in Java's own zone: in one with summer time an hour of March would be another."""

DEFAULTS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "256",
    # Each sort, aggregate and broadcast takes at least one page, and a bill's plan has dozens: with Spark's choice of
    # up to 64 MB, broadcasts of ten rows alone filled a heap of 3 GB. Four MiB with the header of Java's array: a byte
    # more would be over half of a region of G1's of 8 MiB, and each page would fill a whole one. Ingesting 30 million
    # rows then took twice the memory that Spark had counted, and 12 GiB were not enough.
    "spark.buffer.pageSize": f"{4 * 1024**2 - 16}b",
    # A few accounts are looked up by name, in files that are sorted by it: only the pages that may have them are read.
    "spark.sql.parquet.pushdown.inFilterThreshold": "256",
    # A join's run-time Bloom filter is 10 MB and goes to the executors inside each task that may use it: a comparison
    # of six accounts made tasks of more than 100 MB (2.0 GB alive in the driver; 0.2 GB without), a fifth slower.
    "spark.sql.optimizer.runtime.bloomFilter.enabled": "false",
    # Files take a tenth of what rows take in memory; going by the files Spark brought millions of rows to every task.
    "spark.sql.sources.fileCompressionFactor": "10",
    # Where no shuffle lies between the two halves of an aggregate, rows are hashed once.
    "spark.sql.execution.combineAdjacentAggregation": "true",
    # What is kept between two uses goes to disk, where blocks are compressed as a whole: trying five encodings on each
    # column before was a seventh of the work of an ingestion.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    # Noting where in Python each expression was made is a quarter of the time that making the plan of a bill takes.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.executorEnv.RAYON_NUM_THREADS": "1",
    "spark.driver.extraJavaOptions": LOGGING,
}


def start_session(
    name: str, master: str, properties: Mapping[str, str], scratch: Path, *, input_bytes: int = SMALL_INPUT
) -> SparkSession:
    """A session as billflow needs it; `properties` are the project's `spark.*`.

    `input_bytes` is the size of what is to be read, as far as it is known. MachineError without Java 17+, when the
    master does not answer and when Spark does not start.
    """
    home = prepare_java()
    check_master(master)
    # PySpark reads these, but spark.pyspark.python only when it was started by spark-submit.
    os.environ["PYSPARK_PYTHON"] = properties.get("spark.pyspark.python") or os.environ.get(
        "PYSPARK_PYTHON", sys.executable
    )
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(name).master(master)
    builder = builder.config("spark.sql.warehouse.dir", (scratch / "warehouse").absolute().as_uri())
    local = {} if is_local(master) else {"spark.driver.host": "", "spark.driver.bindAddress": ""}
    settings = {**DEFAULTS, **_sized(master, input_bytes, home, properties), **local, **properties, **EXACT, **LAYOUT}
    settings |= {name: " ".join([settings.get(name, ""), *more]).lstrip() for name, more in _java_options().items()}
    for key, value in settings.items():
        if value:
            builder = builder.config(key, value)
    # Half a second of PySpark's first frame, spent while Java starts.
    Thread(target=import_module, args=("pandas",), daemon=True).start()
    try:
        session = builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise not_started(error) from None
    session.sparkContext.setLogLevel("ERROR")
    _found_once(session)
    if is_local(master) and not (os.environ.get("HADOOP_CONF_DIR") or os.environ.get("YARN_CONF_DIR")):
        _without_yarn(session)
    # PySpark also logs every error that it raises, as a page of JSON.
    for logger in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    return session


def _java_options() -> dict[str, list[str]]:
    return {
        # Spark takes such a line apart as a shell does.
        "spark.driver.extraJavaOptions": [_ZONE, *(f'"{one}"' if " " in one else one for one in kerberos_options())],
        "spark.executor.extraJavaOptions": [_ZONE],
    }


def kerberos_options() -> list[str]:
    """Java reads /etc/krb5.conf only; other programs look at KRB5_CONFIG first, and so it shall.

    That may be a list, of which Java gets the first file that is there; the first name if none is: it tells then.
    """
    named = [one for one in os.environ.get("KRB5_CONFIG", "").split(os.pathsep) if one]
    there = [one for one in named if Path(one).is_file()]
    return [f"-Djava.security.krb5.conf={one}" for one in (there or named)[:1]]


def _found_once(session: SparkSession) -> None:
    """Keeps the Java classes that PySpark looks up by a short name for every expression.

    Java tries such a name in each imported package, and so in each of Spark's 280 archives: a twelfth of the time that
    the plans of a small run took.
    """
    jvm: Any = session._jvm  # noqa: SLF001  # PySpark offers no other way
    for name in ("PythonUtils", "PythonSQLUtils", "functions", "PythonRDD", "SerDeUtil", "SimplePythonFunction"):
        setattr(jvm, name, getattr(jvm, name))


def _without_yarn(session: SparkSession) -> None:
    """Takes YARN's 552 defaults out of Hadoop's 1,100 settings, which go along with each scan and write of a table.

    Measured: 10 ms of CPU time each, half of it for these; a month of a few bills has a hundred scans and writes.
    """
    jvm: Any = session._jvm  # noqa: SLF001
    jvm.org.apache.hadoop.mapred.JobConf()  # the first one brings them
    settings: Any = session.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001
    for name in jvm.java.lang.String.join(" ", settings.getPropsWithPrefix("yarn.").keySet()).split():
        settings.unset(f"yarn.{name}")


def living_session() -> SparkSession | None:
    """The process's session while its driver works: a lost master, or a JVM that ran out of memory, ends it.

    What is left of one that has ended is cleared away, or PySpark would hand it out again.
    """
    session = SparkSession._instantiatedSession  # noqa: SLF001  # `getActiveSession` asks the JVM, which may be gone
    if session is None:
        return None
    try:
        if not session.sparkContext._jsc.sc().isStopped():  # noqa: SLF001  # PySpark does not tell
            return session
        session.stop()
    except (Py4JError, OSError, AttributeError):
        _forget_jvm()
    return None


def _forget_jvm() -> None:
    """PySpark keeps its Java process for good, alive or not: the next session is to start another."""
    SparkSession._instantiatedSession = None  # noqa: SLF001
    SparkContext._active_spark_context = None  # noqa: SLF001
    SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001


def _sized(master: str, input_bytes: int, home: Path, properties: Mapping[str, str]) -> dict[str, str]:
    """In local mode the driver does all the work: give it half of the machine's memory, at most 16 GiB."""
    if not is_local(master):
        return {}
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    megabytes = min(16 * 1024, max(1024, pages * size // 2**20 // 2))
    young = f"-XX:NewSize={min(512, megabytes // 4)}m"
    short = f"{_SHORT_RUN} {young} {sharing(home, properties)}"
    java = short if input_bytes < SMALL_INPUT else _LONG_RUN
    return {
        **(INTERPRETED if input_bytes < TINY_INPUT else {}),
        "spark.driver.memory": f"{megabytes}m",
        "spark.driver.extraJavaOptions": f"{LOGGING} {java}",
        "spark.sql.shuffle.partitions": str(os.cpu_count() or 2),
    }
