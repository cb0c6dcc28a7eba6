"""The stages and their order: load, split, convert, verify, bundle.

TensorFlow is imported when a stage that needs it begins, so that importing this package, and
checking the arguments, costs nothing.
"""

from vae_export.pipeline.exporting import ExportResult, default_output, export
from vae_export.pipeline.inspection import inspect
from vae_export.pipeline.measuring import bench_bundle, explain_artifact, verify_bundle
from vae_export.pipeline.training import TrainingResult, train

__all__ = [
    "ExportResult",
    "TrainingResult",
    "bench_bundle",
    "default_output",
    "explain_artifact",
    "export",
    "inspect",
    "train",
    "verify_bundle",
]
