"""A whole night at scale: Concord beside a lower bound and beside the stock way."""
