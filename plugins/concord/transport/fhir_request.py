"""What is asked of a bulk data export, in the words of each edition."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from concord.transport.specs import FhirBulkSpec

NDJSON = "application/fhir+ndjson"
FHIR_JSON = "application/fhir+json"


@dataclass(frozen=True)
class ExportRequest:
    """One export request: of what, and since when."""

    spec: FhirBulkSpec
    since: str

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers that ask for an export in the background."""
        headers = {"Accept": FHIR_JSON, "Prefer": "respond-async"}
        if self.spec.kickoff == "post":
            headers["Content-Type"] = FHIR_JSON
        return headers

    @property
    def url(self) -> str:
        """Return path and query of a request by GET."""
        pairs = [(name, text) for name, _, text in self._parameters()]
        return f"{self.spec.export_path}?{urlencode(pairs)}"

    @property
    def document(self) -> dict[str, Any]:
        """Return the Parameters resource of a request by POST."""
        listed = [
            {"name": name, kind: text == "true" if kind == "valueBoolean" else text}
            for name, kind, text in self._parameters()
        ]
        return {"resourceType": "Parameters", "parameter": listed}

    @property
    def fingerprint(self) -> str:
        """Return what two requests for the same have in common."""
        asked = json.dumps([self.spec.export_path, *self._parameters()])
        return hashlib.sha256(asked.encode()).hexdigest()

    def _parameters(self) -> list[tuple[str, str, str]]:
        """Return name, FHIR type and text of each; STU4 knows no lists in one text."""
        spec = self.spec
        types = spec.types if spec.edition == "STU4" else (",".join(spec.types),)
        found = [("_outputFormat", "valueString", NDJSON)]
        found += [("_type", "valueString", text) for text in types]
        found += [("_typeFilter", "valueString", text) for text in spec.type_filters]
        if self.since:
            found.append(("_since", "valueInstant", self.since))
        if spec.allow_partial_manifests:
            found.append(("allowPartialManifests", "valueBoolean", "true"))
        return found
