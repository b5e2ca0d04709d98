"""Which charts and which payment code a document has, and where: on its first page, or at the head of its details.

Sizes are in points, from `pictures.json` of the templates: what the first page is made of, the row of charts below it,
and the module and quiet zone of codes (4 modules, as ISO/IEC 18004 asks; 1.2 pt are 0.42 mm).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from billflow.documents.charts import Chart, ChartSheet
from billflow.documents.formatting import Formats
from billflow.documents.itemised import metric_name
from billflow.documents.payment_code import PaymentCode
from billflow.documents.qr import qr_outline
from billflow.documents.shares import cost_breakdown
from billflow.documents.tables import Labels

Payload = Mapping[str, Any]
FirstPage = Mapping[str, Any]
Geometry = Mapping[str, Any]
Parts = Sequence[Sequence[str]]
Drawing = Callable[[ChartSheet], Chart | None]

FIRST, DETAILS = "first", "details"
CODE_COLUMN = {"x": 0, "width": 229}  # below the taxes


@dataclass(frozen=True)
class Album:
    """Draws the pictures of one document in its language, to the geometry of `pictures.json`."""

    formats: Formats
    labels: Labels
    geometry: Geometry

    def pictures(
        self,
        payload: Payload,
        parts: Parts,
        code: PaymentCode | None,
        first_page: FirstPage,
        details: float | None = None,
    ) -> dict[str, Any]:
        """`charts` and `payment_code`, each with the `page` that it is on, the `notices` if they are on the first page,
        the height `taken` from the details, and whether these have `shared` the first page.

        Payloads with charts have `history`, a list of `{metric, unit, months: [[month, quantity], …]}`, or `days`, a
        list of `{metric, unit, days: [[day, quantity], …]}`. Drawn are the first of each list, and `parts`, pairs of
        section and net, if they are several. `first_page` is what else that page prints; `details` are so high, if they
        are one page at most.

        The code stands below the taxes, beside the payment details, and the charts are a row below them. Where that
        page has no room, the code and the charts of usage head the details; costs, which belong to the summary, are not
        drawn then, nor where a bill without them has one page. Notices stand above the charts and have the room before
        them; or else None is told of them.
        """
        picture = self._code(code) if code else None
        left = self.room(first_page, picture["size"] if picture else 0)
        notices, left = self._with_notices(first_page.get("notices"), left)
        row = self.geometry["row"]["height"] + self.geometry["row"]["space"]
        page = FIRST if left >= row else DETAILS
        usage = self._drawings(payload, ())
        is_short = details is not None and details <= left and not usage
        drawings = self._drawings(payload, parts) if page == FIRST and not is_short else usage
        moved = picture is not None and left < 0
        columns = self._columns(len(drawings) + moved)
        placed = picture and {
            **picture,
            **(columns[len(drawings)] if moved else CODE_COLUMN),
            "page": DETAILS if moved else FIRST,
        }
        taken = row if page == DETAILS and (drawings or moved) else 0
        charts = self._charts(drawings, columns, page)
        room = left - (row if charts else 0)
        return {
            "charts": charts,
            "payment_code": placed,
            "notices": notices,
            "taken": taken,
            "shared": details is not None and not taken and details <= room,
        }

    def _with_notices(self, notices: Any, left: float) -> tuple[Any, float]:
        """The notices with their height, if the first page has room for them, and what room is left then."""
        if not notices:
            return None, left
        height = _height(self.geometry["notices"], notices["lines"])
        return ({**notices, "height": height}, left - height) if height <= left else (None, left)

    def room(self, first_page: FirstPage, code: float = 0) -> float:
        """What is left of the first page below its payment details and a code of that size; less than 0: no room."""
        heights = self.geometry["first_page"]
        letter_head = max(
            heights["letter_head"],
            _height(heights["address"], first_page["customer_lines"]),
            _height(heights["facts"], first_page["facts"]["lines"]),
        )
        summary = heights["summary_pitch"] * first_page["summary"]["lines"]
        taxes = _height(heights["taxes"], first_page["taxes"]["lines"])
        taxes += code + self.geometry["code"]["space"] if code else 0
        payment = _height(heights["payment"], first_page["payment"]["lines"])
        return float(heights["body"] - letter_head - heights["fixed"] - summary - max(taxes, payment))

    def _drawings(self, payload: Payload, parts: Parts) -> list[Drawing]:
        months, days = _first_series(payload, "history"), _first_series(payload, "days")
        drawings: list[Drawing] = []
        if sum(Decimal(amount) > 0 for _, amount in parts) > 1:
            drawings.append(lambda sheet: cost_breakdown(parts, sheet))
        if months:
            current = payload["invoice"]["period_start"][:7]
            drawings.append(lambda sheet: sheet.months(months["months"], **_measured(months), current=current))
        if days:
            start, end = (payload["invoice"][key] for key in ("period_start", "period_end"))
            drawings.append(lambda sheet: sheet.days(days["days"], **_measured(days), start=start, end=end))
        return drawings

    def _columns(self, pictures: int) -> list[dict[str, float]]:
        """Where so many pictures stand side by side: two columns at least."""
        row, columns = self.geometry["row"], max(pictures, 2)
        width = (row["width"] - row["gap"] * (columns - 1)) / columns
        return [{"x": index * (width + row["gap"]), "width": width} for index in range(columns)]

    def _charts(self, drawings: Sequence[Drawing], columns: Sequence[Mapping[str, float]], page: str) -> list[Chart]:
        height = self.geometry["row"]["height"]
        sheets = [ChartSheet(self.formats, self.labels, column["width"], height) for column in columns]
        charts = [(draw(sheet), column) for draw, sheet, column in zip(drawings, sheets, columns, strict=False)]
        return [{**chart, **column, "page": page} for chart, column in charts if chart]

    def _code(self, code: PaymentCode) -> dict[str, Any]:
        """Its outline, its size with the quiet zone, and what its caption says."""
        outline, (module, quiet) = qr_outline(code.text), (self.geometry["code"][key] for key in ("module", "quiet"))
        return {
            "path": outline.path,
            "modules": outline.size,
            "quiet": quiet,
            "size": (outline.size + 2 * quiet) * module,
            "title": self.labels["scan_title"],
            "note": self.labels[f"scan_{code.kind}"],
        }


def _first_series(payload: Payload, key: str) -> Mapping[str, Any] | None:
    return next(iter(payload.get(key) or ()), None)


def _measured(series: Mapping[str, Any]) -> dict[str, str]:
    return {"metric": metric_name(series), "unit": series["unit"] or ""}


def _height(geometry: Sequence[float], lines: int) -> float:
    start, pitch = geometry
    return start + pitch * lines
