"""Ways to break a bundle."""

from __future__ import annotations

import hashlib
import json

import numpy as np


def edit_manifest(bundle, change):
    """Apply `change` to the manifest's dictionary."""
    file = bundle / "manifest.json"
    manifest = json.loads(file.read_text())
    change(manifest)
    file.write_text(json.dumps(manifest))


def shift_golden(bundle, name, by=0.01):
    """Change a golden array and its hash: only a comparison can notice."""
    file = bundle / "golden" / f"{name}.f32"
    values = np.fromfile(file, "<f4")
    values[3] += by
    values.tofile(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    edit_manifest(bundle, lambda m: m["golden"]["arrays"][name].update(sha256=digest))
