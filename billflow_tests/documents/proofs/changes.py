"""Templates broken, or merely changed, on purpose: file, what stands there, what shall."""

QUANTITY_TOO_FAR_LEFT = (
    "components/table.typ",
    "edge => start + edge.at * 1pt",
    "edge => start + (edge.at - if 350 < edge.at and edge.at < 430 { 60 } else { 0 }) * 1pt",
)
QUANTITY_OFF_PAPER = (
    "components/table.typ",
    "edge => start + edge.at * 1pt",
    "edge => start + (edge.at + if edge.at > 350 and edge.at < 430 { 145 } else { 0 }) * 1pt",
)
LINES_TOO_TIGHT = ("components/header.typ", "#let fact-pitch = 13pt", "#let fact-pitch = 5pt")
PRICE_FORGOTTEN = (
    "components/table.typ",
    "columns-of(part, start, cells-of(part, lane.cells))",
    'columns-of(part, start, cells-of(part, lane.cells).enumerate().map(((at, body)) => if at == 3 { "" } else { body }))',
)
SUMMARY_CLIPPED = (
    "components/summary.typ",
    "#let summary-table(rows) = sheet(rows.lines * pitch,",
    "#let summary-table(rows) = block(width: 100%, height: 1pt, clip: true, above: 0pt, below: 0pt,",
)
FOOTER_TOO_LOW = ("invoice.typ", "footer-descent: 8mm", "footer-descent: 16mm")
WATERMARK = (
    "invoice.typ",
    "#einvoice(bill)",
    "#place(center + horizon, rotate(-45deg, text(90pt, fill: luma(225))[SPECIMEN]))\n#einvoice(bill)",
)
PRINTED_TWICE = (
    "components/theme.typ",
    "#let strong-text(body) = text(weight: 600, body)",
    "#let strong-text(body) = { text(weight: 600, body); place(top + start, dx: 0.2pt, text(weight: 600, body)) }",
)
PANEL_HIGHER = (
    "components/summary.typ",
    "amount-due(bill, labels) = sheet(60pt",
    "amount-due(bill, labels) = sheet(73pt",
)
TITLES_LARGER = ("components/theme.typ", "text(size: 12.5pt, weight: 600", "text(size: 14pt, weight: 600")
OTHER_WORD = ("locales/en.json", '"summary": "Summary"', '"summary": "At a glance"')
SECTION_TOO_HIGH = (
    "components/table.typ",
    "sheet(part.lines * part.pitch * 1pt",
    "sheet(part.lines * part.pitch * 1.6pt",
)
