"""From answers to review: questions, rules, flags, decisions, plans, treatments.

``domain``: the questionnaire, the rules and their sources, medicines, adverse events; no Django. Read it first.
``models``: screenings, flags, plans, reviews, clearances, treatments.
``answering``: what the patient does. ``assessment``: the rules run, and where a review stands.
``review``: the queue, claims, decisions, how it ends. ``treatment``: what was done, and what went wrong.
``reports``: figures, and the rules run over past screenings. ``pages``: what is shown, by audience.
"""
