"""Export trained Keras VAEs as deterministic, verified encoders and decoders for devices.

    import vae_export
    result = vae_export.export("model.keras", "my-bundle")     # needs TensorFlow
    vae = vae_export.load("my-bundle")                         # needs onnxruntime or ai-edge-litert
    images = vae.generate(16, seed=7)

The verbs and their options have the names of the command line's. Importing this package imports neither
TensorFlow nor a runtime. ONNX Runtime's telemetry is turned off, unless the environment says otherwise.
"""

import os as _os

# ONNX Runtime reads it when it is imported.
_os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Some verbs have the names of rooms. The rooms are imported first: a later import of one would put it in the
# place of the verb.
from vae_export import bench as _bench
from vae_export import errors
from vae_export import explain as _explain
from vae_export import train as _train
from vae_export import verify as _verify
from vae_export._version import __version__
from vae_export.pipeline import (
    ExportResult,
    bench,
    explain,
    export,
    inspect,
    playground,
    report,
    train,
    verify,
)
from vae_export.runtime.python.vae_runtime import load

__all__ = [
    "ExportResult",
    "__version__",
    "bench",
    "errors",
    "explain",
    "export",
    "inspect",
    "load",
    "playground",
    "report",
    "train",
    "verify",
]

del _bench, _explain, _train, _verify
