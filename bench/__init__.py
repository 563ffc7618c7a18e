"""What the system costs, beside its rivals, in one run: ``python -m bench``, or ``make bench``."""
