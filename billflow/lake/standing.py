"""The lines of a partition's bills that stand: of a corrected invoice those of the bill in its place."""

from dataclasses import dataclass

from billflow.lake.manifest import Manifest, TableRun


@dataclass(frozen=True)
class StandingLines:
    """Lines are those in `runs` but of the invoices `left_out`: what was taken back, and what takes it back."""

    runs: tuple[TableRun, ...] = ()
    left_out: tuple[str, ...] = ()


def standing_lines(manifest: Manifest, key: str, known: int | None = None) -> StandingLines:
    """Those of a partition, as of the confirmation with position `known`; none when it is not published."""
    own = manifest.partitions.get(key)
    if own is None:
        return StandingLines()
    later = list(manifest.corrections_of(key, known).values())
    runs = tuple(run for one in (own, *later) for run in one.tables["invoice_lines"])
    made = [one.correction for one in later if one.correction]
    return StandingLines(runs, tuple(invoice for one in made for invoice in (one.invoice, one.reversal)))
