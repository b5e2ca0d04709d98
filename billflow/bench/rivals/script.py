"""The rivals' SQL: files of statements, each below a line `-- step: what it is for`."""

import re
from collections.abc import Iterator
from importlib.resources import files
from string import Template

_STEP = re.compile(r"^-- step: (.+)\n", re.MULTILINE)


def statements(script: str, **values: object) -> Iterator[tuple[str, str]]:
    """(step, SQL) of `sql/<script>.sql` in order, each `$name` replaced where values are given."""
    text = (files("billflow.bench.rivals") / "sql" / f"{script}.sql").read_text(encoding="utf-8")
    _, *parts = _STEP.split(text)
    for step, statement in zip(parts[::2], parts[1::2], strict=True):
        yield step, (Template(statement).substitute(values) if values else statement).strip()
