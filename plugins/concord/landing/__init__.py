"""Receipts, content hashes, encryption and the ledger."""
