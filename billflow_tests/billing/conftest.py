"""Plans of a few rows are interpreted; slow tests, and whole runs, compile them as a bill run does."""

from collections.abc import Iterator

import pytest

INTERPRETED = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@pytest.fixture(autouse=True)
def _interpreted(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compiling the plan of a bill takes longer than running it over a few rows."""
    if "spark" not in request.fixturenames or request.node.get_closest_marker("slow"):
        yield
        return
    conf = request.getfixturevalue("spark").conf
    before = {name: conf.get(name) for name in INTERPRETED}
    for name, value in INTERPRETED.items():
        conf.set(name, value)
    yield
    for name, value in before.items():
        conf.set(name, value)
