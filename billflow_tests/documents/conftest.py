import pytest

from billflow.documents.templates import find_templates
from billflow.documents.typesetting import Typesetter


@pytest.fixture(scope="session")
def typesetter(tmp_path_factory):
    """The shipped templates with the fonts of `billflow[fonts]`."""
    return Typesetter(find_templates(None), tmp_path_factory.mktemp("typesetter"))


@pytest.fixture(scope="session")
def specimen(typesetter):
    return typesetter.specimen


@pytest.fixture(scope="session")
def widths(typesetter):
    return typesetter.widths
