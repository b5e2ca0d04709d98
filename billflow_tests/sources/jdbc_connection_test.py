"""Drivers that are not there, and urls with secrets; what databases answer is in `jdbc_test`."""

from pathlib import Path

import pytest

from billflow.errors import SettingsError
from billflow.sources.deliveries import check_sources
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
        "jdbc:sqlserver://db;user=u;password=cret",
        "jdbc:mysql://u:cret@db/crm",
        "jdbc:oracle:thin:u/cret@//db/crm",
        "jdbc:postgresql://db/crm?user=u&Password=cret",
        "postgresql://u:cret@db/crm",
    ],
)
def test_a_url_with_a_password_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        project(tmp_path, {"url": url, "user": "u", "password": "p"})
    assert "cret" not in str(caught.value)
    assert caught.value.where == f"{tmp_path / 'billflow.yaml'}: sources[0].url"
