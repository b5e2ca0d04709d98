"""What of a customer's particulars is compared: spelled one way, and nothing where a system only filled a field.

Spark expressions only. `str`, `st.` and `Straße` are one word, accents and case do not count, the words of a name are
sorted, a company's legal form stands beside its name, and `UNKNOWN`, `0000000000` or 1900-01-01 are no particulars.
"""

import unicodedata
from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

GIVEN = ("name", "street", "city", "postcode", "country", "email", "tax_id", "registration_number", "phone")
"""Texts that a customer may have; a project may lack any of them."""

_PLACEHOLDERS = """
unknown none null nil na nn nan test testtest dummy default customer kunde cliente client notavailable
notapplicable notknown notprovided notgiven unnamed noname tba tbc tbd keine keiner keineangabe unbekannt inconnu
desconocido sconosciuto nieznany brak anonymous anonym noemail nomail noreply 123456789 1234567890 12345678 0123456789
"""
_NO_BIRTH_DATES = ("0001-01-01", "1111-11-11", "1899-12-30", "1899-12-31", "1900-01-01", "1901-01-01", "1970-01-01")

_TITLES = """mr mrs ms miss mx dr prof sir dame madam herr frau fraulein monsieur madame mme mlle senor senora sr sra
signor signora dipl ing dott pan pani"""
_LITTLE_WORDS = "and und et the of"
_LEGAL_FORMS = {
    "ltd": "ltd limited pty proprietary plc",
    "inc": "inc incorporated corp corporation",
    "llc": "llc llp lp",
    "gmbh": "gmbh mbh ggmbh",
    "ag": "ag se kgaa",
    "kg": "kg ohg gbr",
    "ev": "ev eg",
    "sa": "sa sas sarl sasu eurl srl srls spa sl slu",
    "bv": "bv nv vof bvba",
    "ab": "ab as asa oy oyj aps",
    "sro": "sro doo kft zrt spzoo",
}
_COMPANY = "co company cie"
"""Said of a company beside its legal form or instead of it: left out and not compared."""

_LONG_FORMS = [
    ("spolka z ograniczona odpowiedzialnoscia", "spzoo"),
    ("gesellschaft mit beschrankter haftung", "gmbh"),
    ("sp z oo", "spzoo"),
    ("sp z o o", "spzoo"),
]
_STREET_WORDS = {
    "st": "street st str strasse",
    "rd": "road rd",
    "ave": "avenue ave av",
    "dr": "drive dr drv",
    "pl": "place pl platz",
    "ct": "court ct crt",
    "cres": "crescent cres cr",
    "cct": "circuit cct cir",
    "ln": "lane ln",
    "tce": "terrace tce ter",
    "hwy": "highway hwy",
    "bvd": "boulevard blvd bvd boul",
    "sq": "square sq",
    "pde": "parade pde",
    "cl": "close cl",
    "gr": "grove gr gve",
}
_UNIT_WORDS = "unit flat apt apartment suite ste no nr house lot shop"


def _plain_letters() -> tuple[str, str]:
    """Letters with accents of the Latin, Greek and Cyrillic alphabets, and the same without."""
    codes = [*range(0xC0, 0x250), *range(0x370, 0x530), *range(0x1E00, 0x2000)]
    decomposed = {chr(code): unicodedata.normalize("NFD", chr(code)) for code in codes}
    accented = {
        letter: parts[0]
        for letter, parts in decomposed.items()
        if len(parts) > 1 and all(map(unicodedata.combining, parts[1:]))
    }
    barred = {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ς": "σ"}
    return "".join([*accented, *barred]), "".join([*accented.values(), *barred.values()])


_ACCENTED, _PLAIN = _plain_letters()
_PAIRS_OF_LETTERS = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}


def normalised(accounts: DataFrame) -> DataFrame:
    """One row an account: system, account_id, unique_id and what is compared.

    name_key (its words, sorted), name_joined (as written, without spaces), words, legal_form; street_key,
    street_joined, street_letters, street_words (those that tell streets apart), house_numbers; postcode, city, country,
    place (postcode, else city); birth (yyyymmdd); email, phone, tax_id, registration_number. NULL where nothing usable
    is given.
    """
    given = [F.col(name) if name in accounts.columns else F.lit(None).cast("string") for name in GIVEN]
    birth = F.col("birth_date") if "birth_date" in accounts.columns else F.lit(None).cast("date")
    texts = [column.cast("string").alias(name) for name, column in zip(GIVEN, given, strict=True)]
    whole = accounts.select("system", "account_id", *texts, birth.cast("date").alias("birth_date"))
    split = whole.withColumns({"_name": _folded("name"), "_street": _folded("street"), "_city": _folded("city")})
    split = split.withColumns({"_name": _words(_long_forms("_name")), "_street": _words(F.col("_street"))})
    split = split.withColumn("_kept", _without(_meant("_name"), f"{_TITLES} {_LITTLE_WORDS}".split()))
    split = split.withColumns(
        {"_words": _without(F.col("_kept"), [*_LEGAL, *_COMPANY.split()]), "_street": _street_words()}
    )
    return split.select(
        "system",
        "account_id",
        F.concat_ws("\x01", "system", "account_id").alias("unique_id"),
        *_names(),
        *_streets(),
        *_places(),
        _birth().alias("birth"),
        _email().alias("email"),
        _phone().alias("phone"),
        *(_identifier(name).alias(name) for name in ("tax_id", "registration_number")),
    )


_LEGAL = {word: form for form, words in _LEGAL_FORMS.items() for word in words.split()}


def _names() -> list[Column]:
    words = F.array_distinct(F.array_sort("_words"))
    forms = F.array_distinct(F.array_sort(_spelled(F.filter("_kept", lambda word: word.isin(*_LEGAL)), _LEGAL)))
    named = F.size("_words") > 0
    return [
        F.when(named, F.array_join(F.array_sort("_words"), " ")).alias("name_key"),
        F.when(named, F.array_join("_words", "")).alias("name_joined"),
        F.when(named, words).alias("words"),
        F.when(named & (F.size(forms) > 0), F.array_join(forms, " ")).alias("legal_form"),
    ]


def _streets() -> list[Column]:
    given = F.size("_street") > 0
    numbers = F.filter("_street", lambda word: word.rlike("[0-9]"))
    letters = F.filter("_street", lambda word: ~word.rlike("[0-9]"))
    telling = F.array_distinct(F.filter(letters, lambda word: (F.length(word) > 2) & ~word.isin(*_STREET_WORDS)))
    return [
        F.when(given, F.array_join(F.array_sort("_street"), " ")).alias("street_key"),
        F.when(given, F.array_join("_street", "")).alias("street_joined"),
        F.when(given, F.array_join(F.array_sort(letters), "")).alias("street_letters"),
        F.when(given, telling).alias("street_words"),
        F.when(given, numbers).alias("house_numbers"),
    ]


def _places() -> list[Column]:
    postcode = _meant_text(F.upper(F.regexp_replace("postcode", r"[^\p{L}\p{N}]", "")))
    city = _meant_text(F.regexp_replace("_city", " ", ""))
    country = F.when(F.trim("country").rlike("^[A-Za-z]{2}$"), F.upper(F.trim("country")))
    return [
        postcode.alias("postcode"),
        city.alias("city"),
        country.alias("country"),
        F.coalesce(postcode, city).alias("place"),
    ]


def _street_words() -> Column:
    spelled = {word: short for short, words in _STREET_WORDS.items() for word in words.split()}
    words = _without(_meant("_street"), _UNIT_WORDS.split())
    # Hauptstraße 5, Hauptstr. 5 and Haupt Str. 5.
    short = F.transform(words, lambda word: F.regexp_replace(word, "(?<=..)(strasse|str)$", "st"))
    return _spelled(short, spelled)


def _birth() -> Column:
    day = F.col("birth_date")
    usable = ~day.cast("string").isin(*_NO_BIRTH_DATES) & (F.year(day) < 2100)
    return F.when(usable, F.date_format(day, "yyyyMMdd"))


def _email() -> Column:
    address = F.lower(F.trim("email"))
    name = F.regexp_replace(F.substring_index(address, "@", 1), r"[^\p{L}\p{N}]", "")
    return F.when(address.rlike("^[^@ ]+@[^@ ]+$") & _meant_text(name).isNotNull(), address)


def _phone() -> Column:
    """The last eight digits: with or without a country's or an area's prefix."""
    digits = F.regexp_replace("phone", "[^0-9]", "")
    return F.when(F.length(_meant_text(digits)) >= 7, F.right(digits, F.lit(8)))


def _identifier(name: str) -> Column:
    kept = F.upper(F.regexp_replace(name, r"[^\p{L}\p{N}]", ""))
    return F.when(F.length(_meant_text(kept)) >= 4, kept)


def _folded(name: str) -> Column:
    """Lower case, no accents, no dots within abbreviations; whatever else is no letter or digit becomes a space."""
    text = F.translate(F.regexp_replace(F.lower(name), r"\p{M}", ""), _ACCENTED, _PLAIN)
    for letter, pair in _PAIRS_OF_LETTERS.items():
        text = F.replace(text, F.lit(letter), F.lit(pair))
    abbreviated = F.regexp_replace(text, r"(?<=\b\p{L})\.(?=\p{L}\b)|['’`´]", "")
    return F.trim(F.regexp_replace(abbreviated, r"[^\p{L}\p{N}]+", " "))


def _long_forms(name: str) -> Column:
    text = F.col(name)
    for long, short in _LONG_FORMS:
        text = F.regexp_replace(text, rf"\b{long}\b", short)
    return text


def _words(text: Column) -> Column:
    return F.filter(F.split(text, " "), lambda word: word != "")


def _without(words: Column, left_out: Iterable[str]) -> Column:
    """The words but for those of a list; all of them where nothing would remain."""
    kept = F.filter(words, lambda word: ~word.isin(*left_out))
    return F.when(F.size(kept) > 0, kept).otherwise(words)


def _spelled(words: Column, spellings: dict[str, str]) -> Column:
    table = F.create_map(*(F.lit(text) for pair in spellings.items() for text in pair))
    return F.transform(words, lambda word: F.coalesce(F.try_element_at(table, word), word))


def _meant(words: str) -> Column:
    """The words, or NULL where they only fill a field."""
    joined = F.array_join(words, "")
    return F.when(_meant_text(joined).isNotNull(), F.col(words))


def _meant_text(text: Column) -> Column:
    filler = F.lower(text).isin(*_PLACEHOLDERS.split()) | text.rlike(r"^(.)\1*$") & (F.length(text) > 1) | (text == "")
    return F.when(~filler, text)
