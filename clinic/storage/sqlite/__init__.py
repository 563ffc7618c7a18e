"""Django's SQLite backend whose writers wait evenly for each other: ``ENGINE = "clinic.storage.sqlite"``."""
