"""Questions, answers, flags, review. Read `questions`, then `rules`, then `actions`."""
