import json
import pickle

import pytest

from billflow.documents import templates
from billflow.documents.rendering import PLAIN
from billflow.documents.templates import TemplateSet, check_templates, find_templates
from billflow.errors import SettingsError


def test_find_templates_has_all_parts():
    found = find_templates(None)
    assert {"invoice.typ", "layout.yaml", "locales/en.json", "components/summary.typ"} <= found.files.keys()
    assert len(found.fingerprint) == 64


def test_find_templates_override_replaces_by_name(tmp_path):
    (tmp_path / "locales").mkdir()
    (tmp_path / "locales" / "en.json").write_text('{"invoice": "Bill"}')
    (tmp_path / "logo.svg").write_text("<svg/>")
    own, shipped = find_templates(tmp_path), find_templates(None)
    assert own.files["logo.svg"] == b"<svg/>"
    assert own.files["invoice.typ"] == shipped.files["invoice.typ"]
    assert own.fingerprint != shipped.fingerprint


def test_labels_of_a_project_replace_those_of_the_same_name(tmp_path):
    (tmp_path / "locales").mkdir()
    (tmp_path / "locales" / "de.json").write_text('{"invoice": "Verbrauchsabrechnung"}')
    (tmp_path / "locales" / "en.json").write_text("[")
    own, shipped = (find_templates(place).files for place in (tmp_path, None))
    labels = json.loads(shipped["locales/de.json"])
    assert json.loads(own["locales/de.json"]) == {**labels, "invoice": "Verbrauchsabrechnung"}
    assert own["locales/en.json"] == b"["


def test_find_templates_without_the_projects_folder(tmp_path):
    assert find_templates(tmp_path / "templates") == find_templates(None)


def test_find_templates_prefers_the_package(tmp_path, monkeypatch):
    (tmp_path / "invoice.typ").write_text("wheel")
    monkeypatch.setattr(templates, "PLACES", (tmp_path, *templates.PLACES))
    assert find_templates(None).files == {"invoice.typ": b"wheel"}


def test_find_templates_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(templates, "PLACES", (tmp_path / "nowhere",))
    with pytest.raises(SettingsError, match=r"invoice\.typ"):
        find_templates(None)


def test_template_set_fingerprint_depends_on_names_and_contents():
    sets = [{"a": b"bc"}, {"ab": b"c"}, {"a": b"b", "c": b""}, {"a": b"b"}]
    assert len({TemplateSet.of(files).fingerprint for files in sets}) == len(sets)
    assert TemplateSet.of({"b": b"2", "a": b"1"}) == TemplateSet.of({"a": b"1", "b": b"2"})


def test_template_set_is_picklable():
    found = find_templates(None)
    assert pickle.loads(pickle.dumps(found)) == found


def test_check_templates_accepts_the_shipped_ones():
    check_templates(find_templates(None), PLAIN)


def test_check_templates_accepts_a_language_with_few_labels():
    check_templates(TemplateSet.of({**find_templates(None).files, "locales/it.json": b'{"invoice": "Fattura"}'}), PLAIN)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "components/taxes.typ",
            "#let tax-height(bill) = bill.nonsense\n#let tax-table(a, b) = 1",
            r"─ components/taxes\.typ:1",
        ),
        ("invoice.typ", "#let broken = (", r"─ invoice\.typ:1"),
        ("locales/de.json", "{", r"locales/de\.json is not valid JSON"),
        ("layout.yaml", "version: 1", "sections: Field required"),
    ],
)
def test_check_templates_names_what_is_broken(name, text, said):
    broken = TemplateSet.of({**find_templates(None).files, name: text.encode()})
    with pytest.raises(SettingsError, match=said):
        check_templates(broken, PLAIN)
