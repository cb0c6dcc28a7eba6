"""Export trained Keras VAEs as deterministic, verified encoders and decoders for devices.

    import vae_export
    result = vae_export.export("model.keras", "my-bundle")     # needs TensorFlow
    vae = vae_export.load("my-bundle")                         # needs onnxruntime or ai-edge-litert
    images = vae.generate(16, seed=7)

Importing this package imports neither TensorFlow nor a runtime.
"""

from vae_export import errors
from vae_export._version import __version__
from vae_export.pipeline import ExportResult, export, verify_bundle
from vae_export.runtime.python.vae_runtime import load

__all__ = ["ExportResult", "__version__", "errors", "export", "load", "verify_bundle"]
