"""One ad account, start to finish: request, validate, store, reconcile, keep the ledger."""
