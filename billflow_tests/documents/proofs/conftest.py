from dataclasses import dataclass
from functools import cache

import pytest

from billflow.documents.rendering import Renderer
from billflow.documents.templates import TemplateSet, find_templates


@dataclass(frozen=True)
class Press:
    """A renderer that also keeps the files it printed from."""

    renderer: Renderer

    def proof(self, payload):
        """PDF and files."""
        return self.renderer.render_pdf(payload).pdf, self.renderer.typesetter.printed(payload)

    def pdf(self, payload):
        return self.proof(payload)[0]


@cache
def press(*changes):
    """The shipped templates with changes: file, what stands there, what shall."""
    found = find_templates(None)
    files = dict(found.files)
    for name, old, new in changes:
        assert old.encode() in files[name], f"{name} has changed: {old}"
        files[name] = files[name].replace(old.encode(), new.encode())
    return Press(Renderer(TemplateSet.of(files, found.fonts)))


@pytest.fixture(scope="session")
def shipped():
    return press()


@pytest.fixture(scope="session")
def changed_templates():
    return press
