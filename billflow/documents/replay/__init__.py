"""Sections written into finished pages instead of being laid out by Typst, and whole pages of them.

Hundreds of short lines are most of what a long bill costs, and nothing about them is left to decide: where each column
begins and how far its lines are apart is planned (`pages`). What Typst knows beyond that (colour, font and size of each
kind of text, kerning, glyphs, the furniture of a page) it is asked once: `trials` reads it from small documents that
Typst lays out, `marks` puts marks in the places of sections, and `writing` puts the sections there, with the glyphs of
the document at hand. Pages that hold nothing else are copies of one that Typst has laid out, each with its number.

Typst alone decides how everything looks; a document whose marks are not as expected is laid out as a whole.
"""
