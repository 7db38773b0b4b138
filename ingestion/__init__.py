"""LinkedIn in: fetch, validate, store, remember when."""
