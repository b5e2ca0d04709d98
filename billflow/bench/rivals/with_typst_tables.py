"""Typst as its manual shows it: data in JSON, tables with automatic columns; in one process, or the command line's."""

import json
import shutil
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typst

from billflow.bench.rivals.content import Content

TEMPLATE = Path(__file__).with_name("tables.typ")


class Tables:
    """One compiler, kept."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.root = Path(self._folder.name)
        shutil.copy(TEMPLATE, self.root)
        fonts = typst.Fonts(include_system_fonts=False)
        self._compiler = typst.Compiler(root=self.root, font_paths=fonts)

    def pdf_of(self, content: Content) -> bytes:
        write(content, self.root)
        pdf: Any = self._compiler.compile(input=self.root / TEMPLATE.name, format="pdf", pdf_tags=False, timestamp=0)
        written: bytes = pdf
        return written

    def pdf_of_the_command(self, command: str, content: Content) -> bytes:
        """By a process of its own for each file; `command` is the path of `typst`."""
        write(content, self.root)
        target = self.root / "out.pdf"
        options = ("--ignore-system-fonts", "--no-pdf-tags")
        subprocess.run([command, "compile", *options, self.root / TEMPLATE.name, target], check=True)
        return target.read_bytes()


def write(content: Content, root: Path) -> None:
    (root / "content.json").write_text(json.dumps(asdict(content)), encoding="utf-8")
