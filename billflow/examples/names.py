"""Names and places for customers who do not exist. Towns and their postcodes are real, the rest is not."""

FIRST_NAMES = (
    "Anna", "Lukas", "Marie", "Jakob", "Sophie", "David", "Lena", "Paul", "Emma", "Felix", "Hannah",
    "Jonas", "Laura", "Maximilian", "Julia", "Elias", "Sarah", "Tobias", "Katharina", "Florian",
    "Magdalena", "Simon", "Theresa", "Michael", "Valentina", "Stefan", "Amélie", "Łukasz", "Zeynep",
    "Dragan", "Željka", "Mehmet", "Fatima", "Andrej", "Ioana", "Péter", "Zsófia", "Giulia", "Marek",
    "Björn", "Aisha", "Nikola", "Olena", "Johannes", "Rosa", "Franz", "Ingrid", "Karl", "Elisabeth",
    "Günther",
)  # fmt: skip

SURNAMES = (
    "Gruber", "Huber", "Bauer", "Wagner", "Müller", "Pichler", "Steiner", "Moser", "Mayer", "Hofer",
    "Leitner", "Berger", "Fuchs", "Eder", "Fischer", "Schmid", "Winkler", "Weber", "Schwarz", "Maier",
    "Schneider", "Reiter", "Mayr", "Wimmer", "Egger", "Brunner", "Lang", "Baumgartner", "Auer", "Binder",
    "Lechner", "Wallner", "Aigner", "Ebner", "Koller", "Haas", "Schuster", "Novak", "Horvath", "Çelik",
    "Petrović", "Kovács", "Öztürk", "Popescu", "Dvořák", "Nowak", "Rossi", "Weiß", "Jovanović", "O'Brien",
)  # fmt: skip

STREETS = (
    "Hauptstraße", "Lindengasse", "Bahnhofstraße", "Kirchengasse", "Schulstraße", "Mozartstraße",
    "Gartenweg", "Am Anger", "Feldgasse", "Schillerstraße", "Wiener Straße", "Rosenweg", "Ringstraße",
    "Mühlweg", "Bergstraße", "Neubaugasse", "Sonnenhang", "Uferpromenade", "Goethegasse", "Kastanienallee",
)  # fmt: skip

TOWNS = (
    ("Wien", "1010"), ("Wien", "1030"), ("Wien", "1070"), ("Wien", "1100"), ("Wien", "1160"),
    ("Wien", "1220"), ("Graz", "8010"), ("Graz", "8020"), ("Linz", "4020"), ("Salzburg", "5020"),
    ("Innsbruck", "6020"), ("Klagenfurt am Wörthersee", "9020"), ("Villach", "9500"), ("Wels", "4600"),
    ("St. Pölten", "3100"), ("Dornbirn", "6850"), ("Wiener Neustadt", "2700"), ("Steyr", "4400"),
    ("Bregenz", "6900"), ("Eisenstadt", "7000"), ("Krems an der Donau", "3500"), ("Amstetten", "3300"),
    ("Leoben", "8700"), ("Kufstein", "6330"),
)  # fmt: skip
