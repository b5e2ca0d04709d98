"""WeasyPrint: HTML tables and a page of CSS."""

from html import escape

from weasyprint import CSS, HTML

from billflow.bench.rivals.content import Content, TableText

STYLE = CSS(
    string="@page { size: A4; margin: 20mm } body { font: 9.5pt serif } "
    "table { width: 100%; font-size: 7.2pt; border-collapse: collapse }"
    "td, th { text-align: left; padding: 0 2pt } .n { text-align: right } thead { display: table-header-group }"
)


def pdf_of(content: Content) -> bytes:
    lines = "<br>".join(map(escape, content.address))
    facts = "".join(f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in content.facts)
    tables = "".join(map(_table, content.tables))
    body = f"<h1>{escape(content.title)}</h1><p>{lines}</p><table>{facts}</table><h2>{content.amount}</h2>{tables}"
    pdf: bytes = HTML(string=body).write_pdf(stylesheets=[STYLE])
    return pdf


def _table(table: TableText) -> str:
    head = "".join(f"<th>{escape(label)}</th>" for label in table.labels)
    rows = "".join(f"<tr>{_cells(row, table.left)}</tr>" for row in table.rows)
    return f"<h3>{escape(table.title)}</h3><table><thead><tr>{head}</tr></thead>{rows}</table>"


def _cells(row: list[str], left: int) -> str:
    return "".join(
        f"<td>{escape(text)}</td>" if index < left else f'<td class="n">{escape(text)}</td>'
        for index, text in enumerate(row)
    )
