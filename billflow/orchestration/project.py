"""The project as a Dagster resource: settings, catalogue, lake and (on first use) a Spark session."""

from pathlib import Path

import dagster as dg
from pyspark.sql import SparkSession

from billflow.catalog import catalog_texts
from billflow.lake.session import living_session
from billflow.lake.storage import Storage, open_lake
from billflow.settings import Settings, load_settings
from billflow.sources.sessions import started


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
        return living_session() or started(self.settings())
