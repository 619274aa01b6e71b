"""Finds, orders and runs include/sql."""
