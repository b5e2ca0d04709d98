"""Verbs of the contract that this version does not have yet. They say so."""

import click

from billflow.errors import UsageError


def _later(name: str, does: str) -> click.Command:
    @click.command(name, help=f"{does} (Not in this version.)", context_settings={"ignore_unknown_options": True})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def verb(arguments: tuple[str, ...]) -> None:
        del arguments
        raise UsageError(
            f"`billflow {name}` is not in this version",
            remedy="`billflow --help` lists what works; `billflow query` reads every published table",
        )

    return verb


serve = _later("serve", "The HTTP API.")
