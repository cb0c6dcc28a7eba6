"""The trained models that come with the package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DEFAULT_MODEL", "reference_models"]

DEFAULT_MODEL = "fashion-mnist-dense"

_PACKAGE = Path(__file__).parent.parent
# In the wheel they lie inside the package, in a checkout beside it.
_FOLDERS = (_PACKAGE / "models", _PACKAGE.parent / "models")


def reference_models() -> dict[str, Path]:
    """Name -> file of every model that comes with the package."""
    files = (file for folder in _FOLDERS for file in sorted(folder.glob("*/model.keras")))
    return {file.parent.name: file for file in files}
