"""`billflow --project DIR VERB`. Exit codes: 0 done, 1 failed, 2 the input is wrong, 3 done but some bills are held."""

import sys

import click
from rich.console import Console

from billflow import __version__
from billflow.cli import later, projects, reading, running
from billflow.errors import BillflowError

COMMANDS = (
    projects.init,
    projects.demo,
    running.ui,
    running.run,
    later.preview,
    later.confirm,
    reading.status,
    reading.query,
    reading.pdf,
    reading.export,
    later.explain,
    later.serve,
    later.bench,
    running.doctor,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--project", metavar="DIR", help="The project's folder [default: BILLFLOW_PROJECT, or the current one].")
@click.version_option(__version__, prog_name="billflow")
@click.pass_context
def cli(context: click.Context, project: str | None) -> None:
    """Customers and usage, wherever they live, into exact invoices and compact PDFs."""
    context.obj = project


for command in COMMANDS:
    cli.add_command(command)


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
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]error:[/] {_escaped(str(error))}")
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _escaped(text: str) -> str:
    from rich.markup import escape  # noqa: PLC0415  # only when something went wrong

    return escape(text)
