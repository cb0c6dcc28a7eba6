"""Find ONNX Runtime Web in node_modules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from vae_export.errors import InputError, MissingDependencyError

__all__ = ["ORT_WEB_VERSION", "OrtWeb", "find_ort_web"]

PACKAGE = "onnxruntime-web"
# The version whose single-threaded WebAssembly build the pages were tested with.
ORT_WEB_VERSION = "1.30.0"
MODULE, WASM = "dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm"


@dataclass(frozen=True)
class OrtWeb:
    """The files of ONNX Runtime Web for a page.

    Attributes:
        module: the ES module.
        wasm: the WebAssembly.
    """

    module: bytes
    wasm: bytes


def find_ort_web(folder: Path | None) -> OrtWeb:
    """Read ONNX Runtime Web from a folder, or as Node would find it.

    Args:
        folder: folder of the package, or with the package in its node_modules; None for the node_modules of
            the current and of parent directories.

    Raises:
        MissingDependencyError: the package is not found; the message has the command that installs it.
        InputError: it has another version, or its files are missing or cannot be read.
    """
    command = f"npm install {PACKAGE}@{ORT_WEB_VERSION}"
    here = Path.cwd()
    roots = [here, *here.parents] if folder is None else [folder]
    places = [root / "node_modules" / PACKAGE for root in roots]
    if folder is not None:
        places.insert(0, folder)
    found = next((place for place in places if _is_package(place)), None)
    if found is None:
        where = f"in {folder}" if folder else f"in node_modules of {here} and of the folders above"
        raise MissingDependencyError(
            f"{PACKAGE}: not found {where}; run {command}, or name its folder with --ort-web DIR"
        )
    version = json.loads((found / "package.json").read_text("utf-8"))["version"]
    if version != ORT_WEB_VERSION:
        raise InputError(f"{found}: got {PACKAGE} {version}, expected {ORT_WEB_VERSION}; run {command}")
    files = {name: _read(found / name) for name in (MODULE, WASM)}
    for name, data in files.items():
        if not data:
            raise InputError(f"{found / name}: missing; run {command} again")
    return OrtWeb(files[MODULE], files[WASM])


def _is_package(folder: Path) -> bool:
    try:
        package = json.loads(_read(folder / "package.json"))
    except ValueError:
        return False
    return isinstance(package, dict) and package.get("name") == PACKAGE and "version" in package


def _read(file: Path) -> bytes:
    """The content of a file; b"" if it is missing."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise InputError(
            f"{file}: cannot be read ({error.strerror or error}); name a copy that can be with --ort-web DIR"
        ) from error
