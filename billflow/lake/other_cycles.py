"""Final bills of other cycles: an account that has changed its cycle must not be billed for the same days twice."""

from datetime import date

from billflow.lake.manifest import Manifest, TableRun


def bills_of_other_cycles(
    manifest: Manifest, cycle: str, start: date, end: date, known: int | None = None
) -> tuple[TableRun, ...]:
    """The folders of INVOICES of confirmed periods of other cycles with days from `start` to before `end`.

    As of the confirmation with position `known`.
    """
    others = [one for key, one in manifest.partitions.items() if key.partition("|")[0] != cycle]
    final = [one for one in others if one.confirmation and (known is None or one.confirmation.position <= known)]
    return tuple(
        bills
        for one in final
        if one.period_start < end.isoformat() and start.isoformat() < one.period_end
        for bills in one.tables["invoices"]
    )
