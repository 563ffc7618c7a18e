"""Who is here, and where they are in the flow; the Django project package as well.

Read in this order:

1. ``flow``: the stages of a visit and the allowed moves between them.
2. ``models``: staff, patients, visits, tablets, holds and the journal.
3. ``access``: who may open a page.
4. ``policy``: what a clinic may set, within which limits, and why.
5. ``views``: the board, check-in, hand-over, and ``resume``, the one door.

Then ``screening`` (questions, rules, review) and ``consent`` (statement, record, document, seal).
"""
