"""Immutable releases, manifests, verification, data dictionary."""
