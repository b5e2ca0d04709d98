"""Urls of OpenSearch and Elasticsearch; what their servers answer is in `elasticsearch_test`."""

from pathlib import Path

import pytest

from billflow.errors import SettingsError
from billflow_tests.sources.elasticsearch_test import project


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("es://u:secret@db", "must begin with http"),
        ("https://u:secret@db/?a=b", "has no options"),
        ("https://u:se cret@db", "write spaces"),
    ],
)
def test_a_url_that_is_none_is_not_shown(tmp_path: Path, url: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        project(tmp_path, url)
    assert "cret" not in str(caught.value)
