import json

import pytest

from billflow.documents.glyphs import Glyphs, carry_meaning, places, replaced, told
from billflow.documents.rendering import Renderer, rendered_document
from billflow.documents.templates import find_templates
from billflow_tests.documents.native import native_bill


@pytest.fixture(scope="module")
def glyphs(specimen):
    return Glyphs(specimen)


@pytest.fixture(scope="module")
def renderer():
    return Renderer(find_templates(None))


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("Zażółć gęślą jaźń, Ωμέγα, Щука", ""),
        ("سلام گچپژ شركة", ""),
        ("क्षत्रिय क\u200dष", ""),
        ("山田葛\U000e0100城 𠮷野家 한국 שלום ไทย", ""),
        ("e\u0301 क\u0301 中\u0308", ""),
        ("soft\u00adhyphen zero\u200bwidth \ufeff \u200e\u2066x\u2069 日\ufe00", ""),
        ("Anna 😀", "😀"),
        ("👨\u200d👩\u200d👧", "👨👩👧"),
        ("\ue000", "\ue000"),
        ("it\x92s", "\x92"),
        ("half \ud83d", "\ud83d"),
        ("ሀለ", "ሀለ"),
        ("\U0010fffd\u0378", "\U0010fffd\u0378"),
    ],
)
def test_missing(glyphs, text, missing):
    assert glyphs.missing([text]) == set(missing)
    assert glyphs.missing([text]) == set(missing)  # whatever was remembered


def test_missing_asks_about_new_characters_only():
    class Counting:
        def __init__(self):
            self.asked = []

        def unprintable(self, texts):
            self.asked += texts
            return [text for text in texts if text in {"b", "e\u0301"}]

    glyphs = Glyphs(counting := Counting())
    assert glyphs.missing(["ab", "ba"]) == {"b"}
    assert glyphs.missing(["abc"]) == {"b"}
    assert glyphs.missing(["e\u0301"]) == {"e", "\u0301"}  # a font may have each and not both
    assert sorted(counting.asked) == ["a", "b", "c", "e", "e\u0301", "\u0301"]


@pytest.mark.parametrize(
    ("chars", "carries"),
    [("😀", False), ("\ue000\x92\ufe0f", False), ("⃣", False), ("ሀ", True), ("😀५", True), ("\u0301", True)],
)
def test_carry_meaning(chars, carries):
    assert carry_meaning(chars.replace("\ufe0f", "")) == carries


def test_places():
    payload = {"customer": {"name": "a😀😀", "city": None}, "lines": [{"description": "b"}, {"description": "c😀☃"}]}
    assert list(places(payload, "😀☃")) == [
        ("😀", "customer.name"),
        ("😀", "lines[1].description"),
        ("☃", "lines[1].description"),
    ]


def test_replaced():
    assert replaced({"a": ["x😀", None, 1]}, "😀") == {"a": ["x[U+1F600]", None, 1]}


def test_told_names_the_first_ten():
    found = [("😀", f"lines[{number}].description") for number in range(12)]
    assert told(found[:1] * 2) == "U+1F600 GRINNING FACE in lines[0].description"
    assert told([("\x92", "customer.name")]) == "U+0092 (Cc) in customer.name"
    assert told(found).endswith("lines[9].description, 2 more")


@pytest.mark.parametrize(
    ("name", "shown", "remarks"),
    [
        ("Анна Ωμέγα 山田 سلام शर्मा", "山田", None),
        ("Anna 😀", "Anna [U+1F600]", "no font has U+1F600 GRINNING FACE in customer.name: printed as code points"),
        ("it\x92s", "it[U+0092]s", "no font has U+0092 (Cc) in customer.name: printed as code points"),
        ("half \ud83d", "half [U+D83D]", "no font has U+D83D (Cs) in customer.name: printed as code points"),
    ],
)
def test_rendered_document_prints_code_points_and_says_so(renderer, name, shown, remarks):
    payload = native_bill("en")
    payload["customer"]["name"] = name
    made = rendered_document(json.dumps(payload), renderer)
    assert (made.get("error"), made["remarks"]) == (None, remarks)
    bill = renderer.typesetter.printed(payload)
    assert shown in bill["bill.json"]


def test_rendered_document_is_held_for_letters_that_no_font_has(renderer):
    payload = native_bill("en")
    payload["lines"][1]["description"] = "ሀ"
    made = rendered_document(json.dumps(payload), renderer)
    assert "pdf" not in made
    assert "no font has U+1200 ETHIOPIC SYLLABLE HA in lines[1].description\n  → " in made["error"]
    assert rendered_document(json.dumps(native_bill("en")), renderer)["pages"] == 2
