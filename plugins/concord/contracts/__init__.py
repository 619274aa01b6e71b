"""Contracts, agreements, release profiles and code lists: YAML into frozen models."""
