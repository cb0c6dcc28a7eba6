"""Atomic writing of files and folders: complete, or not at all."""

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
    """Turn an OSError of the body into an error about a path.

    Raises:
        OutputError: with the path and the reason.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error


@contextlib.contextmanager
def staged(target: Path, name: Path) -> Iterator[Path]:
    """A temporary sibling of the target, which the body writes; it is renamed to the target afterwards.

    At any moment the target is the old file or folder, the new one, or (a folder, between two renames)
    absent. After an error or Ctrl-C it is unchanged.

    Args:
        target: the file or folder to write, a path without links; its parent exists.
        name: the path in messages.

    Raises:
        OutputError: the file system refuses.
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
