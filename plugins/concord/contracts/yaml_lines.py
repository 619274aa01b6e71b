"""YAML read together with the line on which each key stands."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from concord.exceptions import ContractError

# The C parser is ten times faster; every task of every DAG reads the contracts.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Location = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


class Document:
    """A YAML file: its plain data and the line of each node."""

    def __init__(self, path: Path) -> None:
        """Read ``path``; raises ContractError where it is not YAML or is no mapping."""
        self.path = path
        try:
            loader = Loader(path.read_text(encoding="utf-8"))
            node = loader.get_single_node()
            self.data: Any = loader.construct_document(node) if node else None
        except FileNotFoundError as error:
            raise ContractError(f"{path}: no such file") from error
        except yaml.YAMLError as error:
            raise ContractError(f"{path}: not valid YAML: {error}") from error
        if not isinstance(self.data, dict):
            raise ContractError(f"{path}:1: expected a mapping of keys")
        self._lines: dict[Location, int] = {}
        self._walk(node, ())

    def _walk(self, node: yaml.Node | None, at: Location) -> None:
        if node is None:
            return
        self._lines[at] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._walk(value, (*at, str(key.value)))
                self._lines[(*at, str(key.value))] = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._walk(value, (*at, index))

    def line(self, at: Location) -> int:
        """Return the line of the nearest node that exists at or above ``at``."""
        while at and at not in self._lines:
            at = at[:-1]
        return self._lines.get(at, 1)

    def fail(self, at: Location, problem: str, remedy: str) -> ContractError:
        """Make the error for one place in this file."""
        return ContractError(f"{self.path}:{self.line(at)}: {problem}. {remedy}")


def parse(document: Document, model: type[Model]) -> Model:
    """Read a document as a model; raises ContractError with the line and value."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        first = error.errors()[0]
        at = tuple(first["loc"])
        name = ".".join(str(part) for part in at) or "document"
        value = "" if first["type"] == "missing" else f" (got {first['input']!r:.80})"
        raise document.fail(
            at, f"{name}: {first['msg']}{value}", "See docs/reference/contracts.md"
        ) from error
