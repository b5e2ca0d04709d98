"""Texts written into pages instead of being laid out by Typst, and whole documents of such.

Where each column of a section begins and how far its lines are apart is planned (`pages`). What Typst knows beyond that
(colour, font and size of each kind of text, kerning) it is asked once: `trials` and `styles` read it from small
documents that it lays out. First pages are alike but for their texts: `slots` puts marks in the place of those, and
`skeletons` reads back what Typst made of it. `composing` writes a document from both (`drawing`, `hand`), into an
envelope of Typst's: the fonts and the properties of a document. Documents with the same letters have one envelope
(`envelopes`); all have the usual letters in common.

Letters are written with one byte each, the same on all bills (`codes`): a line that was written once is kept, and
the fonts of an envelope get those bytes for the numbers of their glyphs (`embedding`), and draw no others than those of
the document (`charsets`). Pages on which Typst has text of its own keep its numbers.

Where a first page cannot be read back, `marks` puts marks in the places of sections only, and `writing` puts them
there; pages that hold nothing else are copies of one. Which way a document goes depends on nothing but what is on it,
so that it has the same bytes wherever it is made. Typst alone decides how everything looks; a document whose marks are
not as expected is laid out as a whole, and the template's check compares samples of a month made both ways
(`proofs.strays`).
"""
