"""The oversight site."""
