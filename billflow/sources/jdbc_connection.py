"""How Spark reaches a database by JDBC, and what is told when its driver is missing, or it refuses or is away."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from py4j.java_gateway import is_instance_of
from py4j.protocol import Py4JError
from pyspark import SparkContext
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from billflow.errors import PassingError, SettingsError
from billflow.lake.hadoop import of_spark
from billflow.sources.servers import server_error

_PACKAGES = {
    "db2": ("com.ibm.db2.jcc.DB2Driver", "com.ibm.db2:jcc"),
    "derby": ("org.apache.derby.client.ClientAutoloadedDriver", "org.apache.derby:derbyclient"),
    "h2": ("org.h2.Driver", "com.h2database:h2"),
    "mariadb": ("org.mariadb.jdbc.Driver", "org.mariadb.jdbc:mariadb-java-client"),
    "mysql": ("com.mysql.cj.jdbc.Driver", "com.mysql:mysql-connector-j"),
    "oracle": ("oracle.jdbc.OracleDriver", "com.oracle.database.jdbc:ojdbc17"),
    "postgresql": ("org.postgresql.Driver", "org.postgresql:postgresql"),
    "sap": ("com.sap.db.jdbc.Driver", "com.sap.cloud.db.jdbc:ngdbc"),
    "sqlserver": ("com.microsoft.sqlserver.jdbc.SQLServerDriver", "com.microsoft.sqlserver:mssql-jdbc"),
}
"""Kind of url → class of its driver, which Java does not find by itself in what Spark fetches, and its package."""
_REFUSED = ("08004", "28")
"""How SQL states begin when a password is wrong; drivers call that a failed connection too."""
_AWAY = ("08", "40", "53", "57P")
"""How they begin when the same may work a little later: no connection, deadlocks, a server that is full or restarts."""
_PASSING = ("java.io.IOException", "java.sql.SQLTransientException", "java.sql.SQLRecoverableException")
_MEND = "url, user, password, driver, table, query, where, partition_by or watermark"


@dataclass(frozen=True)
class Connection:
    """A database. `properties` are those of its driver, with user and password, and are never shown."""

    url: str
    driver: str | None
    properties: tuple[tuple[str, str], ...] = field(repr=False)
    fetch_size: int
    where: str
    """Place in billflow.yaml, for errors."""

    @property
    def kind(self) -> str:
        """What follows `jdbc:`."""
        return self.url.split(":")[1]

    def rows(self, spark: SparkSession, select: str, **options: Any) -> DataFrame:
        """What a SELECT gives, as Spark reads it: a wall clock stays one. `options` are those of Spark's reader."""
        driver = self.driver or _PACKAGES.get(self.kind, (None,))[0]
        # What Spark is told later wins, and no property of a driver's may be taken for one of these.
        given = {"url": self.url, "dbtable": f"({select}) billflow_rows", "preferTimestampNTZ": True, **options}
        given |= {"fetchsize": self.fetch_size, **({"driver": driver} if driver else {})}
        return spark.read.format("jdbc").options(**dict(self.properties)).options(**given).load()

    def quoted(self, spark: SparkSession, name: str) -> str:
        """A column's name in the database's own quotes."""
        jvm: Any = spark._jvm  # noqa: SLF001  # Spark knows each database's way, but PySpark does not offer it
        return str(jvm.org.apache.spark.sql.jdbc.JdbcDialects.get(self.url).quoteIdentifier(name))

    @contextmanager
    def explained(self) -> Iterator[None]:
        """A driver's error as PassingError when it may pass, else as SettingsError; neither shows a secret.

        Another error of Spark's as `of_spark` has it.
        """
        try:
            yield
        except (PySparkException, Py4JError) as error:
            causes = _causes(error)
            missing = [one for one in causes if _is_missing(one)]
            told = self._without_driver(missing[0]) if missing else self._told(causes)
            raise told or of_spark(error) from None

    def _without_driver(self, cause: Any) -> SettingsError:
        known = _PACKAGES.get(self.kind, ("", "GROUP:ARTIFACT"))[1]
        return SettingsError(
            f"Spark has no driver for this database ({cause.getMessage()})",
            where=f"{self.where} ({self.url})",
            remedy=f"add it to billflow.yaml: `spark: {{spark.jars.packages: {known}:VERSION}}`, or spark.jars with "
            "its file; `driver` is the name of its class, where it is not a well-known one",
        )

    def _told(self, causes: Sequence[Any]) -> PassingError | SettingsError | None:
        """None when it is no error of a database's."""
        of_sql = next((one for one in causes if _is(one, "java.sql.SQLException")), None)
        if of_sql is None:
            return None
        told = str(of_sql.getMessage())
        for name, secret in self.properties:
            told = told.replace(secret, "…") if name != "user" and secret else told
        state = str(of_sql.getSQLState())
        passes = state.startswith(_AWAY) or any(_is(one, kind) for one in causes for kind in _PASSING)
        passes = passes and not state.startswith(_REFUSED)
        return server_error(told, passes=passes, where=self.where, url=self.url, mend=_MEND)


def _causes(error: Exception) -> list[Any]:
    """Java's exceptions behind one of PySpark's, each the cause of the one before."""
    found: list[Any] = []
    java: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    while java is not None and len(found) < 20:
        found.append(java)
        java = java.getCause()
    return found


def _is_missing(cause: Any) -> bool:
    return _is(cause, "java.lang.ClassNotFoundException") or str(cause.getMessage()) == "No suitable driver"


def _is(cause: Any, kind: str) -> bool:
    return bool(is_instance_of(SparkContext._gateway, cause, kind))  # noqa: SLF001  # py4j asks for it
