"""The ledger's schema, from its first form to the newest."""
