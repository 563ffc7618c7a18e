"""Who is here, and where they are in the flow; also the Django project package.

``domain``: the stages of a visit and the moves between them, what a clinic may set, regions of the body; no Django.
``storage``: encrypted fields, append-only tables, the two databases.
``models``: patients, visits, tablets and holds, staff, sites, the journal.
``accounts``: signing in. ``devices``: tablets, hand-over, invitations. ``records``: patients, visits, staff, erasure.
``web``: who may open a page, middleware, the log. ``pages``: what is shown, by audience; ``resume`` is the one door.

Above it: ``screening`` (answers to review) and ``consent`` (words to seal). ``docs/glossary.md`` has the terms.
"""
