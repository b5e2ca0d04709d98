"""Whether one rendered document is as it should be: nothing outside, on top of other text, or lost."""

from collections.abc import Iterator, Mapping, Sequence

from billflow.documents.proofs.edges import outside
from billflow.documents.proofs.gaps import gaps
from billflow.documents.proofs.losses import losses
from billflow.documents.proofs.overlaps import overlaps
from billflow.documents.proofs.planned import ornaments, planned_sheets
from billflow.documents.proofs.sheets import Sheet, UnreadableError, read_sheets
from billflow.documents.proofs.verdicts import Finding

__all__ = ["Finding", "inspect_document"]


def inspect_document(pdf: bytes, files: Mapping[str, str]) -> list[Finding]:
    """What is wrong with a PDF that was rendered from `files`, those of `Typesetter.printed`; errors first, by page.

    A PDF that cannot be opened is one finding, `broken`. Text that is covered by a picture or printed in the colour of
    its background counts as visible.
    """
    try:
        sheets = read_sheets(pdf)
    except UnreadableError as problem:
        return [Finding("broken", None, str(problem))]
    return sorted(_found(sheets, files), key=lambda each: (each.severity, each.page or 0))


def _found(sheets: Sequence[Sheet], files: Mapping[str, str]) -> Iterator[Finding]:
    for sheet in sheets:
        yield from outside(sheet)
        yield from overlaps(sheet)
    yield from losses(planned_sheets(files), sheets, ornaments(files))
    yield from gaps(files)
