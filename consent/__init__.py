"""The consent room: words, signature, document, seal.

Read first: ``statement`` (the text put to the patient), ``record`` (everything agreed, frozen), ``document`` (record to
PDF), ``seal`` (PDF to sealed PDF, sealed PDF to verdict). The verbs are in ``actions``.
"""
