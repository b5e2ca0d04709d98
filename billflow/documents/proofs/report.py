"""A folder that shows proofs to whoever designs the templates: one HTML page, its pictures and the documents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from billflow.documents.proofs.comparison import Comparison
from billflow.documents.proofs.pictures import FOUND, MARKS, MOVED, side_by_side
from billflow.documents.proofs.sheets import UnreadableError, opened
from billflow.documents.proofs.verdicts import Finding

MOST_PICTURES = 6
"""Of one document: pages with something to see first, then the others in their order."""


@dataclass(frozen=True)
class Proof:
    """One rendered document to judge: of an account that stands for its `kind`, such as `residential, several meters`.

    `pdf` is None where rendering failed, and `error` says why. `before` is the document of an earlier month, and
    `comparison` what differs; both are None without one. `remarks` are those of the renderer.
    """

    kind: str
    invoice_id: str
    account: str
    pdf: bytes | None
    before: bytes | None = None
    comparison: Comparison | None = None
    findings: Sequence[Finding] = ()
    remarks: str | None = None
    error: str | None = None

    @property
    def problems(self) -> Sequence[str]:
        """What must be mended, one sentence each."""
        told = [_with_page(finding) for finding in self.findings if finding.severity == "error"]
        return [self.error, *told] if self.error else told

    @property
    def notes(self) -> Sequence[str]:
        told = [_with_page(finding) for finding in self.findings if finding.severity == "note"]
        return [self.remarks, *told] if self.remarks else told

    @property
    def changes(self) -> Sequence[str]:
        return list(self.comparison.told()) if self.comparison else []


def _with_page(finding: Finding) -> str:
    return finding.what if finding.page is None else f"page {finding.page}: {finding.what}"


def write_report(folder: Path, samples: Sequence[Proof], title: str) -> Path:
    """Write `index.html` into a folder, made where it is missing, with a PDF and the pictures of each sample.

    Returns the page's path. The page needs no other files, no network and no script.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [_Entry(proof, f"{number:03d}", folder).written() for number, proof in enumerate(samples, start=1)]
    index = folder / "index.html"
    index.write_text(_page(title, samples, parts), encoding="utf-8")
    return index


@dataclass(frozen=True)
class _Entry:
    """One sample on the page; `name` begins the names of its files, which say nothing of the account."""

    proof: Proof
    name: str
    folder: Path

    def written(self) -> str:
        proof = self.proof
        lists = [
            _list("problem", "To be mended", proof.problems),
            _list("change", "Since last month", proof.changes),
            _list("note", "Notes", proof.notes),
        ]
        return "\n".join(
            [
                f'<section id="s{self.name}">',
                f"<h2>{escape(proof.kind)}</h2>",
                f"<p class=of>{' · '.join(self._facts())}</p>",
                *filter(None, lists),
                *(() if any(lists) else (f"<p class=fine>{_fine(proof)}</p>",)),
                *self._pictures(),
                "</section>",
            ]
        )

    def _facts(self) -> Iterator[str]:
        proof, pages = self.proof, _pages(self.proof.pdf)
        yield f"invoice {escape(proof.invoice_id)}"
        yield f"account {escape(proof.account)}"
        if proof.pdf is not None:
            (self.folder / f"{self.name}.pdf").write_bytes(proof.pdf)
            yield f'<a href="{self.name}.pdf">{pages} page{"" if pages == 1 else "s"}</a>'
        if proof.before is None:
            yield "no earlier document to compare with"

    def _pictures(self) -> Iterator[str]:
        proof = self.proof
        pages = pages_worth_seeing(proof)
        for page in pages[:MOST_PICTURES] if proof.pdf is not None else []:
            name = f"{self.name}-page-{page}.png"
            (self.folder / name).write_bytes(
                side_by_side(proof.before, proof.pdf or b"", proof.comparison, page, findings=proof.findings)
            )
            alt = escape(f"{proof.invoice_id}, page {page}")
            yield f'<a href="{name}"><img src="{name}" alt="{alt}" loading="lazy"></a>'
        if len(pages) > MOST_PICTURES:
            yield f"<p class=of>{len(pages) - MOST_PICTURES} more pages are not shown.</p>"


def _fine(proof: Proof) -> str:
    return "Nothing to mend." if proof.comparison is None else "Nothing to mend, and nothing moved since last month."


def _pages(pdf: bytes | None) -> int:
    """How many pages; 0 for what cannot be opened."""
    try:
        with opened(pdf or b"") as document:
            return len(document)
    except UnreadableError:
        return 0


def pages_worth_seeing(proof: Proof) -> list[int]:
    """All pages of both documents, those with findings or changes first."""
    both = max(_pages(proof.pdf), _pages(proof.before))
    found = {finding.page for finding in proof.findings}
    if comparison := proof.comparison:
        found |= {move.page for move in comparison.moves}
        found |= {text.page for text in (*comparison.new, *comparison.gone)}
    return sorted(range(1, both + 1), key=lambda page: page not in found)


def _list(kind: str, title: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<div class="{kind}"><h3>{title}</h3><ul>{items}</ul></div>' if items else ""


def _page(title: str, samples: Sequence[Proof], parts: Sequence[str]) -> str:
    return PAGE.format(title=escape(title), style=STYLE, summary=_summary(samples), parts="\n".join(parts))


def _summary(samples: Sequence[Proof]) -> str:
    rows = "".join(_row(proof, f"{number:03d}") for number, proof in enumerate(samples, start=1))
    head = "<tr><th>Kind of account<th>Invoice<th class=n>To be mended<th class=n>Changes<th class=n>Notes</tr>"
    return f"<table>{head}{rows}</table>"


def _row(proof: Proof, name: str) -> str:
    counts = (("problem", proof.problems), ("change", proof.changes), ("note", proof.notes))
    cells = "".join(f'<td class="n {kind if told else "none"}">{len(told) or "–"}' for kind, told in counts)
    return f'<tr><td><a href="#s{name}">{escape(proof.kind)}</a><td>{escape(proof.invoice_id)}{cells}</tr>\n'


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


LEGEND = " ".join(
    f'<span class=key style="border-color:{_hex(colour)}">{name}</span>' for name, colour in MARKS.items()
)

STYLE = f"""
body {{ font: 15px/1.5 system-ui, sans-serif; color: #17212b; background: #f6f8f9; margin: 0 auto; padding: 2rem;
  max-width: 76rem; }}
h1 {{ font-size: 1.6rem; margin: 0 0 .3rem }} h2 {{ font-size: 1.15rem; margin: 0 }}
h3 {{ font-size: .85rem; margin: .8rem 0 0 }} ul {{ margin: .2rem 0; padding-left: 1.2rem }}
a {{ color: #0e5a6b }} .of {{ color: #5c6a75; margin: .1rem 0 .6rem }} .fine {{ color: #2a7a46 }}
table {{ border-collapse: collapse; background: white; margin: 1rem 0 2rem }}
th, td {{ text-align: left; padding: .35rem .9rem; border-bottom: 1px solid #d3dadf }} .n {{ text-align: right }}
th {{ font-size: .8rem; color: #5c6a75; font-weight: 600 }}
section {{ background: white; border: 1px solid #d3dadf; border-radius: 6px; padding: 1.2rem 1.5rem; margin: 0 0 1.5rem;
  overflow-wrap: anywhere }}
div.problem {{ border-left: 3px solid {_hex(FOUND)}; padding-left: .8rem }}
div.change {{ border-left: 3px solid {_hex(MOVED)}; padding-left: .8rem }}
div.note {{ border-left: 3px solid #b6c0c8; padding-left: .8rem }}
td.problem {{ color: {_hex(FOUND)}; font-weight: 600 }} td.change {{ color: {_hex(MOVED)} }}
td.none {{ color: #b6c0c8 }}
img {{ max-width: 100%; border: 1px solid #d3dadf; margin: .8rem 0 0; display: block }}
.key {{ border: 2px solid; border-radius: 3px; padding: 0 .4rem; margin-right: .3rem; font-size: .8rem }}
"""

PAGE = (
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p class=of>Each picture: last month on the left, now on the right. """
    + LEGEND
    + """</p>
{summary}
{parts}
</body>
</html>
"""
)
