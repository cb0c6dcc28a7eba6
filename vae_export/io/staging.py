"""Files and folders that appear at once: whole, or not at all."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from vae_export.errors import OutputError

__all__ = ["refused", "staged"]


@contextlib.contextmanager
def refused(path: Path) -> Iterator[None]:
    """Turn what the system refuses into an error about a path.

    Raises:
        OutputError: names the path and the reason.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


@contextlib.contextmanager
def staged(target: Path, name: Path) -> Iterator[Path]:
    """A path beside the target, for the body to write; afterwards it is renamed to the target.

    At any moment the target is the old file or folder, the new one, or (a folder, between two renames)
    absent. After an error or Ctrl-C it is as it was.

    Args:
        target: the file or folder to make, without links in it; its parent exists.
        name: what messages call it.

    Raises:
        OutputError: the system refuses.
    """
    with refused(name):
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        yield folder / "new"
        with refused(name):
            _replace(folder / "new", target, folder / "old")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(new: Path, target: Path, old: Path) -> None:
    if not target.is_dir():
        new.replace(target)
        return
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise
