"""Mistakes in the county's files, gathered so that all are told in one go."""

from collections.abc import Iterator
from contextlib import contextmanager

from concord.exceptions import ConfigError, ConfigErrors


class Findings:
    """The mistakes found so far, each an error with file, line and remedy."""

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []

    def add(self, error: ConfigError) -> None:
        """Keep a mistake; of several found together, each, and none twice."""
        found = error.errors if isinstance(error, ConfigErrors) else (error,)
        known = {str(error) for error in self.errors}
        self.errors += [error for error in found if str(error) not in known]

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keep the mistake that stops what stands in the ``with`` block."""
        try:
            yield
        except ConfigError as error:
            self.add(error)

    def raise_any(self) -> None:
        """Raise what was found, if anything was: one error as itself."""
        if len(self.errors) == 1:
            raise self.errors[0]
        if self.errors:
            raise ConfigErrors(self.errors)
