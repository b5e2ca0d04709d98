"""A bill for each shipped language, of a seller in a country where it is spoken, with names as they are written there."""

from typing import Any

from billflow.documents.sample import CREDIT_NOTE, INVOICE

PARTIES: dict[str, dict[str, Any]] = {
    "en": {
        "country": "GB", "currency": "GBP", "seller": "Acme Energy Ltd", "customer": "Siân O’Neill & Sons",
        "street": "17 Wattle Street", "city": "Newtown", "postcode": "NE1 4LP",
        "lines": ["Daily supply charge", "Peak energy, first 200 kWh", "Off-peak energy"], "section": "Energy",
    },
    "de": {
        "country": "DE", "currency": "EUR", "seller": "Stadtwerke Überlingen GmbH", "customer": "Jürgen Weiß",
        "street": "Große Straße 5", "city": "Köln", "postcode": "50667",
        "lines": ["Grundpreis je Tag", "Arbeitspreis Hochtarif", "Arbeitspreis Niedertarif"], "section": "Strom",
    },
    "fr": {
        "country": "FR", "currency": "EUR", "seller": "Énergie de l’Ouest SA", "customer": "Hélène Lefèvre-Çelik",
        "street": "12 rue de l’Église", "city": "Nîmes", "postcode": "30000",
        "lines": ["Abonnement journalier", "Énergie heures pleines", "Énergie heures creuses"], "section": "Électricité",
    },
    "es": {
        "country": "ES", "currency": "EUR", "seller": "Energía del Sur S.A.", "customer": "Begoña Muñoz Ibáñez",
        "street": "Calle Alcalá 45", "city": "Cádiz", "postcode": "11001",
        "lines": ["Cuota diaria de acceso", "Energía en horas punta", "Energía en horas valle"], "section": "Energía",
    },
    "pl": {
        "country": "PL", "currency": "PLN", "seller": "Zakład Energetyczny Łódź S.A.", "customer": "Żaneta Ściślewska",
        "street": "ul. Długa 7/12", "city": "Gdańsk", "postcode": "80-831",
        "lines": ["Opłata stała za dzień", "Energia w szczycie", "Energia poza szczytem"], "section": "Energia",
    },
    "ar": {
        "country": "EG", "currency": "EGP", "seller": "شركة النيل للكهرباء", "customer": "فاطمة عبد الرحمن (Fatima)",
        "street": "١٧ شارع التحرير", "city": "القاهرة", "postcode": "11511",
        "lines": ["رسم الخدمة اليومي", "طاقة وقت الذروة، أول 200 kWh", "طاقة خارج وقت الذروة"], "section": "الطاقة",
    },
    "hi": {
        "country": "IN", "currency": "INR", "seller": "भारत विद्युत वितरण लिमिटेड", "customer": "श्रीमती लक्ष्मी शर्मा",
        "street": "17, महात्मा गांधी मार्ग", "city": "नई दिल्ली", "postcode": "110001",
        "lines": ["दैनिक आपूर्ति शुल्क", "व्यस्त समय की ऊर्जा, प्रथम 200 kWh", "सामान्य समय की ऊर्जा"], "section": "ऊर्जा",
    },
    "zh": {
        "country": "CN", "currency": "CNY", "seller": "华东电力有限公司", "customer": "李晓明（Mary Li）",
        "street": "人民路17号3单元502室", "city": "上海市", "postcode": "200003",
        "lines": ["每日基本电费", "峰时电量（首200千瓦时）", "谷时电量"], "section": "电费",
    },
    "ja": {
        "country": "JP", "currency": "JPY", "seller": "東日本エナジー株式会社", "customer": "山田花子様",
        "street": "神田錦町三丁目17番地", "city": "東京都千代田区", "postcode": "101-0054",
        "lines": ["基本料金（日額）", "ピーク時間帯の電力量料金", "オフピーク時間帯の電力量料金"], "section": "電気料金",
    },
}  # fmt: skip


def native_bill(language: str, *, credit: bool = False) -> dict[str, Any]:
    """The sample bill (or credit note) as a customer of that language gets it."""
    party, payload = PARTIES[language], CREDIT_NOTE if credit else INVOICE
    place = {key: party[key] for key in ("street", "city", "postcode", "country")}
    named = zip(payload["lines"], party["lines"], strict=False)
    return {
        **payload,
        "language": language,
        "currency": party["currency"],
        "seller": {**payload["seller"], **place, "name": party["seller"]},
        "customer": {**payload["customer"], **place, "name": party["customer"]},
        "lines": [{**line, "description": text, "section": party["section"]} for line, text in named],
    }
