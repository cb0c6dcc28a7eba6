"""Write a bundle atomically."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vae_export.bundle.reader import unlisted_files
from vae_export.core.manifest import MANIFEST_FILE, listed_files
from vae_export.errors import OutputError
from vae_export.io.staging import refused, staged

__all__ = ["check_parent", "check_target", "write_bundle"]


def check_target(target: Path, overwrite: bool) -> None:
    """Refuse a path that cannot be written, before any work is done.

    Args:
        target: the directory of the bundle.
        overwrite: whether a bundle there is replaced; anything else is never replaced.

    Raises:
        OutputError: the target exists, or its parent is no directory that can be written.
    """
    if target.is_symlink() or target.exists():
        if not overwrite:
            raise OutputError(f"{target}: exists already; choose another path with -o, or give --overwrite")
        _check_replaceable(target)
    check_parent(target)


def check_parent(target: Path) -> None:
    """Refuse a target whose parent is no writable directory.

    Raises:
        OutputError: with the reason.
    """
    parent = _resolved(target).parent
    existing = next(path for path in (parent, *parent.parents) if path.exists())
    if not existing.is_dir():
        raise OutputError(f"{target}: cannot be written, {existing} is not a directory")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"{target}: cannot be written, no permission in {existing}")


def write_bundle(target: Path, files: Mapping[str, bytes], overwrite: bool) -> None:
    """Write the files of a bundle atomically; see `io.staging.staged`.

    Args:
        target: the directory; its parents are created.
        files: path in the bundle, with "/" -> content.
        overwrite: whether to replace an existing bundle.

    Raises:
        OutputError: see `check_target`; or the file system refuses.
    """
    check_target(target, overwrite)
    resolved = _resolved(target)
    with refused(target):
        resolved.parent.mkdir(parents=True, exist_ok=True)
    with staged(resolved, target) as new, refused(target):
        for name, data in files.items():
            file = new.joinpath(*name.split("/"))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


def _resolved(target: Path) -> Path:
    """The target as a path without links and "..", which stays valid during renames."""
    absolute = Path(os.path.abspath(target))  # noqa: PTH100  Path.absolute keeps ".."
    return absolute.parent.resolve() / absolute.name


def _check_replaceable(target: Path) -> None:
    """Refuse to replace anything but a bundle without further files."""
    if target.is_symlink() or not (target / MANIFEST_FILE).is_file():
        raise OutputError(f"{target}: is no bundle (no {MANIFEST_FILE}), so --overwrite leaves it alone")
    try:
        listed = {MANIFEST_FILE, *listed_files((target / MANIFEST_FILE).read_bytes())}
    except (OSError, ValueError, RecursionError) as error:
        raise OutputError(
            f"{target}: its {MANIFEST_FILE} is not that of a bundle, so --overwrite leaves it alone"
        ) from error
    for file in unlisted_files(target, listed):
        raise OutputError(
            f"{target}: holds {file}, which is not of the bundle; move it out, or choose another -o"
        )
    if Path.cwd().is_relative_to(_resolved(target)):
        raise OutputError(f"{target}: is the current directory, which cannot be replaced; leave it first")
