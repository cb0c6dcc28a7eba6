"""The verbs: the order of the stages of each, and nothing else.

TensorFlow is imported when a stage that needs it begins, so that importing this package, and
checking the arguments, costs nothing.
"""

from vae_export.pipeline.exporting import ExportResult, export
from vae_export.pipeline.inspection import inspect
from vae_export.pipeline.measuring import bench, explain, verify
from vae_export.pipeline.pages import playground, report
from vae_export.pipeline.training import TrainingResult, train

__all__ = [
    "ExportResult",
    "TrainingResult",
    "bench",
    "explain",
    "export",
    "inspect",
    "playground",
    "report",
    "train",
    "verify",
]
