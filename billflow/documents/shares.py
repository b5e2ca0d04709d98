"""What a bill is made of: the largest parts as bars with amounts, and percentages that sum to exactly 100.

A share is one of the charges alone. A bar cannot be shorter than nothing, so what reduces the bill (parts below zero)
has neither bar nor percentage: it is one row at the end, with its amount.
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext
from math import floor
from operator import itemgetter

from billflow.documents.charts import BASE_LINE, CAPTION, GAP, SIZE, TENTHS, Chart, ChartSheet, Shape, one_line
from billflow.documents.scales import exact
from billflow.documents.widths import text_width

PITCH = 17
FIRST_BASE_LINE = CAPTION + 4
BAR_BELOW = 4.2  # the middle of the bar
BAR_BREADTH = 25  # tenths of a point
MOST_DIGITS = 60  # of sums and shares of decimal(38,4)

Part = tuple[str, Decimal]


def cost_breakdown(parts: Sequence[Sequence[str]], sheet: ChartSheet) -> Chart | None:
    """A chart of pairs of name and net amount, the largest first; None if no amount is above zero.

    It has the rows for which the sheet is high enough, the smallest parts joined in the last. Raises ValueError for
    what is no number.
    """
    amounts = [(name, exact(amount)) for name, amount in parts]
    charges = sorted((part for part in amounts if part[1] > 0), key=itemgetter(1), reverse=True)
    reductions = _joined([part for part in amounts if part[1] < 0], sheet.labels["chart_credits"])
    if not charges:
        return None
    room = floor((sheet.height - CAPTION) / PITCH) - len(reductions)
    rest = [] if len(charges) <= room else _joined(charges[room - 1 :], sheet.labels["other_charges"])
    return _chart([*charges[: room - len(rest)], *rest], reductions, sheet)


def percentages(amounts: Sequence[Decimal]) -> list[int]:
    """Whole percentages of amounts above zero: rounded down, and the largest remainders up until they sum to 100."""
    with localcontext(prec=MOST_DIGITS):
        total = sum(amounts, Decimal(0))
        shares = [divmod(amount * 100, total) for amount in amounts]
    missing = 100 - sum(int(whole) for whole, _ in shares)
    rounded_up = sorted(range(len(shares)), key=lambda index: shares[index][1], reverse=True)[:missing]
    return [int(whole) + (index in rounded_up) for index, (whole, _) in enumerate(shares)]


def _joined(parts: Sequence[Part], name: str) -> list[Part]:
    """One part at most: the only one, or all under a common name."""
    if len(parts) < 2:
        return list(parts)
    with localcontext(prec=MOST_DIGITS):
        return [(name, sum((amount for _, amount in parts), Decimal(0)))]


def _chart(charges: Sequence[Part], reductions: Sequence[Part], sheet: ChartSheet) -> Chart:
    rows = [*charges, *reductions]
    amounts = [sheet.formats.amount(f"{amount:f}") for _, amount in rows]
    shares = [sheet.formats.percent(f"{percent}e-2") for percent in percentages([amount for _, amount in charges])]
    ends = sheet.width - max(map(text_width, shares)) * SIZE - GAP
    room = (ends - GAP) / SIZE - max(map(text_width, amounts))
    names = [one_line(name, room) for name, _ in rows]
    place = {"y": FIRST_BASE_LINE - BASE_LINE * PITCH, "pitch": PITCH}
    columns = ((0, "left", names), (ends, "right", amounts), (sheet.width, "right", shares))
    return {
        **sheet.captioned(sheet.labels["chart_costs"], f"{sheet.labels['net']} {sheet.formats.currency}"),
        "shapes": _bars([amount for _, amount in charges], round(sheet.width * TENTHS)),
        "columns": [{**place, "x": x, "side": side, "text": "\n".join(texts)} for x, side, texts in columns],
        "names": [],
    }


def _bars(amounts: Sequence[Decimal], width: int) -> list[Shape]:
    """A bar a row, as long as its share of the `width` (tenths of a point), on tracks of the whole."""
    total = sum(amounts, Decimal(0))
    rows = [round((FIRST_BASE_LINE + BAR_BELOW + row * PITCH) * TENTHS) for row in range(len(amounts))]
    bars = "".join(f"M0 {y}H{round(amount * width / total)}" for y, amount in zip(rows, amounts, strict=True))
    return [("track", "".join(f"M0 {y}H{width}" for y in rows), BAR_BREADTH), ("current", bars, BAR_BREADTH)]
