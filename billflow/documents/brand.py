"""`brand.yaml`: how the seller looks, in colours, a typeface and a logo, without a change to any component."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from billflow.documents.declared import Declared, read_declared, refused
from billflow.documents.fonts import SUFFIXES

NAME = "brand.yaml"
IMAGES = (".svg", ".png", ".jpg", ".jpeg", ".webp")
"""No PDF: documents that are accessible, or bring an e-invoice, cannot hold one."""
MOST_HEIGHT = 30
"""Points, of the strip above the address that the letter head keeps free."""

Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class Colours(Declared):
    """Red, green and blue as #rrggbb."""

    ink: Colour = Field(default="#17212b", description="of text")
    accent: Colour = Field(default="#0e5a6b", description="of titles, the amount, bars and rules")
    soft: Colour = Field(default="#5c6a75", description="of labels and small print")
    hairline: Colour = Field(default="#d3dadf", description="of lines between rows")
    tint: Colour = Field(default="#eff4f5", description="behind the amount")
    alert: Colour = Field(default="#b3401f", description="of what says that a document is a draft")


class Logo(Declared):
    """A picture in the place of the seller's name at the top of the first page."""

    file: str = Field(description=f"in templates/; {', '.join(IMAGES)}")
    height: Annotated[float, Field(gt=0, le=MOST_HEIGHT)] = Field(default=MOST_HEIGHT, description="points")


class Brand(Declared):
    """The whole file; what it does not name is as shipped."""

    version: Literal[1] = 1
    colours: Colours = Colours()
    font: str | None = Field(default=None, description="a family: of a font file in templates/, or one of Typst's own")
    logo: Logo | None = None

    def drawn(self) -> dict[str, Any]:
        """What templates read from `brand.json`."""
        return {"colours": self.colours.model_dump(), "logo": self.logo and self.logo.model_dump()}


def read_brand(files: Mapping[str, bytes]) -> Brand:
    """The brand of a template set; without a file, the shipped looks. A logo that is missing is a SettingsError."""
    if NAME not in files:
        return Brand()
    brand = read_declared(Brand, NAME, files[NAME])
    if brand.logo and not brand.logo.file.lower().endswith(IMAGES):
        raise refused(NAME, f"logo.file: {brand.logo.file!r} is no picture that can be printed: {', '.join(IMAGES)}")
    if brand.logo and brand.logo.file not in files:
        raise refused(NAME, f"logo.file: there is no {brand.logo.file!r} beside it")
    return brand


def check_family(brand: Brand, families: Collection[str]) -> None:
    """Raises SettingsError when none of the fonts at hand is of the brand's family."""
    if brand.font is None or brand.font in families:
        return
    known = ", ".join(sorted(families))
    raise refused(
        NAME,
        f"font: no font file ({', '.join(SUFFIXES)}) in templates/ is of the family {brand.font!r}; there are {known}",
    )
