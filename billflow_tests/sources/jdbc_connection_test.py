"""Drivers that are not there, and urls with secrets; what databases answer is in `jdbc_test`."""

from pathlib import Path

import pytest
from pyspark.errors import PySparkRuntimeError

from billflow.errors import RunFailedError, SettingsError
from billflow.sources.deliveries import check_sources
from billflow.sources.jdbc_connection import Connection
from billflow_tests.sources.jdbc_test import project

NO_DRIVER = {
    "jdbc:sqlserver://db;databaseName=crm": "com.microsoft.sqlserver:mssql-jdbc:VERSION",
    "jdbc:oracle:thin:@//db:1521/crm": "com.oracle.database.jdbc:ojdbc17:VERSION",
    "jdbc:nobody:knows": "GROUP:ARTIFACT:VERSION",
}


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("url", NO_DRIVER)
def test_a_driver_that_is_missing_is_told_with_its_package(tmp_path: Path, url: str) -> None:
    settings = project(tmp_path, {"url": url, "user": "u", "password": "a secret"})
    with pytest.raises(SettingsError, match="Spark has no driver for this database") as caught:
        check_sources(settings)
    assert f"spark.jars.packages: {NO_DRIVER[url]}" in caught.value.remedy


@pytest.mark.parametrize(
    "url",
    [
        "jdbc:sqlserver://db;user=u;password=hush",
        "jdbc:mysql://u:hush@db/crm",
        "jdbc:oracle:thin:u/hush@//db/crm",
        "jdbc:postgresql://db/crm?user=u&Password=hush",
        "postgresql://u:hush@db/crm",
        "jdbc:snowflake://acme.example/?user=u&passcode=hush",
        "jdbc:snowflake://acme.example/?user=u&private_key_base64=hush",
        "jdbc:snowflake://acme.example/?private_key_file_pwd=hush",
        "jdbc:bigquery://host;OAuthType=0;OAuthPvtKey=hush",
        "jdbc:cdata:app:ApiKey=hush;",
        "jdbc:es://host/?api_key=hush",
        "jdbc:trino://db/crm?SSLKeyStorePath=x&extraCredentials=name:hush",
        "jdbc:db2://db:50000/crm:user=u;sslPassphrase = hush;",
        "jdbc:sqlserver://db;user=u;clientSecret=hush",
        "jdbc:athena://aws;User=u;SecretAccessKey=hush",
    ],
)
def test_a_url_with_a_password_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        project(tmp_path, {"url": url, "user": "u", "password": "p"})
    assert "hush" not in str(caught.value)
    assert caught.value.where == f"{tmp_path / 'billflow.yaml'}: sources[0].url"


@pytest.mark.parametrize(
    "url",
    [
        "jdbc:sqlserver://db:1433;databaseName=crm;encrypt=true;trustServerCertificate=true",
        "jdbc:oracle:thin:@//db:1521/crm?connect_timeout=5",
        "jdbc:postgresql://db/crm?sslmode=verify-full&sslkey=/etc/key.pk8&ApplicationName=bills",
        "jdbc:db2://db:50000/crm:currentSchema=AR;",
    ],
)
def test_other_options_of_a_url_are_its_own(tmp_path: Path, url: str) -> None:
    assert project(tmp_path, {"url": url, "user": "u", "password": "p"}).sources[0].name == "crm"


def test_what_is_no_error_of_a_database_is_told_as_sparks() -> None:
    connection = Connection("jdbc:nobody:knows", None, (), 1, "y")
    with pytest.raises(RunFailedError, match="Spark stopped: the heap is full"), connection.explained():
        raise PySparkRuntimeError("the heap is full")
