"""How the command is called."""

import subprocess
import sys

from billflow import __version__


def test_python_m_billflow_is_billflow() -> None:
    done = subprocess.run([sys.executable, "-m", "billflow", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"billflow, version {__version__}\n"
