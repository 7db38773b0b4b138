"""The change feed: what keeps copies elsewhere equal to the tables; `queries/changes.py` reads its pages."""
