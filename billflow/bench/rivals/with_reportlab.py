"""ReportLab Platypus: a Table per section, splitting over pages by itself."""

import io

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

from billflow.bench.rivals.content import Content, TableText

STYLES = getSampleStyleSheet()


def pdf_of(content: Content) -> bytes:
    file = io.BytesIO()
    story = [
        Paragraph(content.title, STYLES["Title"]),
        *(Paragraph(line, STYLES["Normal"]) for line in content.address),
    ]
    story += [Table(content.facts, hAlign="LEFT"), Paragraph(content.amount, STYLES["Heading1"])]
    for table in content.tables:
        story += [Paragraph(table.title, STYLES["Heading2"]), _table(table)]
    SimpleDocTemplate(file, pagesize=A4).build(story)
    return file.getvalue()


def _table(table: TableText) -> Table:
    style = [
        ("FONTSIZE", (0, 0), (-1, -1), 7),
        ("ALIGN", (table.left, 0), (-1, -1), "RIGHT"),
        ("LEADING", (0, 0), (-1, -1), 8),
        ("TOPPADDING", (0, 0), (-1, -1), 0),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
    ]
    return Table([table.labels, *table.rows], repeatRows=1, style=TableStyle(style), hAlign="LEFT")
