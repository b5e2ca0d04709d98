import pytest

from billflow.documents.bidi import isolated


@pytest.mark.parametrize(
    ("text", "shown"),  # < and > stand for the isolates
    [
        ("", ""),
        ("رسم الخدمة", "رسم الخدمة"),
        ("+61 2 9123 456", "<+61 2 9123 456>"),
        ("187.5 kWh", "<187.5 kWh>"),
        ("اشتراك +61 4 100 200", "اشتراك <+61 4 100 200>"),
        ("فاطمة (Fatima)", "فاطمة <(Fatima)>"),
        ("أول 200 kWh", "أول <200 kWh>"),
        ("1–31 يناير 2013", "<1>–<31> يناير <2013>"),
        ("\u200f1,234.50\u00a0€", "\u200f<1,234.50>\u00a0€"),
        ("\u200e-1,234.50 ر.س.", "<\u200e-1,234.50> ر.س."),
        ("١٬٢٣٤٫٥٠", "١٬٢٣٤٫٥٠"),
        ("A-1\nحساب 5", "<A-1>\nحساب <5>"),
        ("· –", "· –"),
        ("Acme Ltd · الرقم 5182 · a@b.example", "<Acme Ltd> · الرقم <5182> · <a@b.example>"),
    ],
)
def test_isolated(text, shown):
    assert isolated(text).replace("\u2066", "<").replace("\u2069", ">") == shown


def test_isolated_reaches_every_text():
    assert isolated({"lines": 3, "cells": ["a", ["b"]]}) == {"lines": 3, "cells": ["\u2066a\u2069", ["\u2066b\u2069"]]}
