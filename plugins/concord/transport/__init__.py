"""Bytes from an agency; knows nothing of their meaning."""
