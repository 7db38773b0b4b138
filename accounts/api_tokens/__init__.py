"""Personal API tokens: issue, list, revoke."""
