"""Concord: nightly extracts of a community's agencies, linked and de-identified."""

__version__ = "0.1.0"
