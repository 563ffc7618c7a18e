"""Django's SQLite backend with writers that wait evenly for each other: ``ENGINE = "clinic.storage.sqlite"``."""
