"""`billflow --project DIR VERB`. Exit codes: 0 done, 1 failed, 2 the input is wrong, 3 done but some bills are held."""

import sys
from importlib import import_module

import click
from rich.console import Console
from rich.markup import escape

from billflow import __version__
from billflow.errors import BillflowError

VERBS = {
    "init": "projects",
    "demo": "projects",
    "ui": "running",
    "run": "running",
    "preview": "previewing",
    "confirm": "confirming",
    "correct": "correcting",
    "verify": "verifying",
    "lake": "lake_checking",
    "compare": "comparing",
    "status": "reading",
    "query": "reading",
    "leakage": "leaking",
    "pdf": "one_document",
    "export": "exporting",
    "explain": "explaining",
    "template": "proving",
    "serve": "later",
    "bench": "benching",
    "doctor": "running",
    "schema": "schemas",
}
"""Verb → the module that has it. Only that one is imported: `query` should not wait for Dagster."""


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(import_module(f"billflow.cli.{VERBS[cmd_name]}"), cmd_name)
        return command


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--project", metavar="DIR", help="The project's folder [default: BILLFLOW_PROJECT, or the current one].")
@click.version_option(__version__, prog_name="billflow")
@click.pass_context
def cli(context: click.Context, project: str | None) -> None:
    """Customers and usage, wherever they live, into exact invoices and compact PDFs."""
    context.obj = project


def main() -> None:
    """The `billflow` command."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BillflowError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]error:[/] {escape(str(error))}")
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
