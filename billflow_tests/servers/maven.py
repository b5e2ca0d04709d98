"""What Maven Central has, for servers and validators of tests."""

import subprocess
from pathlib import Path

from billflow_tests.servers.processes import unavailable


def jars(pom: Path, found: Path) -> str:
    """The class path of a pom's dependencies, which Maven fetches into its own cache; `found` keeps it."""
    command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:build-classpath", f"-Dmdep.outputFile={found}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        unavailable(f"Maven could not bring what {pom} names: {done.stdout[-1500:]} {done.stderr[-500:]}")
    return found.read_text().strip()
