"""Run the artifacts of a bundle with the bundle's own vae_runtime.py, in the environment of some runtime.

``python run_artifacts.py BUNDLE OUTPUTS.npz FORMAT [FORMAT ...]`` prints JSON: file -> why it was refused.
The others' outputs on the golden inputs go into OUTPUTS.npz, named ``FILE:ROWS:OUTPUT``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

# More than one signature of .tflite files. Golden arrays have fewer rows, which are taken again.
ROWS = (1, 16, 64)


def main(bundle, outputs, *formats):
    sys.path.insert(0, bundle)
    import vae_runtime

    path = Path(bundle)
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    golden = {
        name: np.fromfile(path / entry["file"], "<f4").reshape(entry["shape"])
        for name, entry in manifest["golden"]["arrays"].items()
    }
    refusals, arrays = {}, {}
    for entry in manifest["artifacts"]:
        if entry["format"] not in formats:
            continue
        for rows in ROWS:
            try:
                session = vae_runtime.BACKENDS[entry["format"]].session(str(path / entry["file"]), 1, rows)
            # Runtimes have types of their own. What fails later, at a run, is no refusal, and ends this.
            except Exception as error:  # noqa: BLE001
                refusals[entry["file"]] = " ".join(f"{type(error).__name__}: {error}".split())
                break
            given = {
                name: np.resize(golden[name], (rows, *golden[name].shape[1:])).astype(dtype)
                for name, (_, dtype) in session.inputs.items()
            }
            for name, array in session.run(given).items():
                arrays[f"{entry['file']}:{rows}:{name}"] = array
    np.savez(outputs, **arrays)
    print(json.dumps(refusals))


main(*sys.argv[1:])
