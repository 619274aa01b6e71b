"""Bytes to typed tables."""
