"""From answers to review: questions, rules, flags, decisions, plans, treatments.

``domain``: the questionnaire, the rules and their sources, medicines, what can go wrong; no Django. Read it first.
``models``: screenings, flags, plans, reviews, clearances, treatments.
``answering``: the patient's verbs. ``assessment``: the rules run, and where a review stands.
``review``: the queue, claims, decisions, the end. ``treatment``: what was done, and what went wrong.
``reports``: figures, and the rules held against the past. ``pages``: what is shown, by audience.
"""
