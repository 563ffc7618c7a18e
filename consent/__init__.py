"""From words to seal: the statement, the signature, the record, the document.

``domain``: the text put to the patient, the record that freezes what was agreed, courses; no Django. Read it first.
``models``: signed consents, consents, signatures, sealed files, status changes.
``seal``: keys, PDF to sealed PDF, sealed PDF to verdict. ``document``: record to PDF.
``status``: what holds now, and rows to record. ``actions``: the verbs. ``jobs``: the worker's tasks.
``pages``: what is shown, by audience. ``verify``: checks a file without us and without a database.
"""
