"""Words, signature, document, seal. Read `statement`, `record`, `document`, `seal`, then `actions`."""
