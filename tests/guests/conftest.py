"""The applications' own tests are run by `test_guests.py`, each in a process of its own."""

collect_ignore = ["notes"]
