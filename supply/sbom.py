"""The bill of materials of a release (CycloneDX 1.6, JSON): what is delivered, from the lock file (``make sbom``).

The same lock file and version give the same bytes: no clock, no random number. Licences are those of the installed
packages; one that is not installed here (another system's) is listed without.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
import tomllib
import uuid
from pathlib import Path
from typing import Any

from licences import licence_of
from locked import ROOT, RUNTIME, Pin, locked

# So that a serial number depends on nothing but what is listed.
_NAMESPACE = uuid.UUID("4f0b7a3e-6c2d-5b1a-9e8f-0d1c2b3a4958")


def bill(lock: Path = RUNTIME, project: Path = ROOT / "pyproject.toml") -> dict[str, Any]:
    """Return the bill of materials as CycloneDX has it."""
    own = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    components = sorted((_component(pin) for pin in locked(lock)), key=lambda c: str(c["bom-ref"]))
    reference = f"pkg:pypi/{own['name']}@{own['version']}"
    root = {
        "type": "application",
        "bom-ref": reference,
        "name": own["name"],
        "version": own["version"],
        "purl": reference,
        "licenses": [{"expression": own["license"]}],
    }
    content = json.dumps([root, components], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, content)}",
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": [{"ref": reference, "dependsOn": [c["bom-ref"] for c in components]}],
    }


def _component(pin: Pin) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "purl": pin.purl,
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{pin.name}/{pin.version}/",
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in pin.hashes],
            }
        ],
    }
    if pin.marker:
        found["properties"] = [{"name": "python:marker", "value": pin.marker}]
    try:
        licence = licence_of(pin.name)
    except importlib.metadata.PackageNotFoundError:
        licence = None
    return found | ({"licenses": [{"expression": licence}]} if licence else {})


def main() -> int:
    """Write the bill to a file, or to stdout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    text = json.dumps(bill(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if asked.out is None:
        sys.stdout.write(text)
    else:
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
