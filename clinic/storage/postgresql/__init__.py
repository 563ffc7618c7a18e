"""Django's PostgreSQL backend with one writer at a time: ``ENGINE = "clinic.storage.postgresql"``."""
