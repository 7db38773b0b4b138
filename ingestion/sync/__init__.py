"""One ad account, start to finish: ask LinkedIn, validate, store, reconcile, keep the ledger."""
