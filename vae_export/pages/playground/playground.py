"""The playground of a bundle: a page that runs it in the browser."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from markupsafe import Markup

from vae_export.bundle.reader import Bundle
from vae_export.core.manifest import MANIFEST_FILE, ArtifactEntry
from vae_export.errors import InputError
from vae_export.formats import FORMATS
from vae_export.io.results import file_result, folder_result
from vae_export.pages.playground.ort_web import OrtWeb
from vae_export.pages.playground.settings import build_settings
from vae_export.pages.template import render, text_of
from vae_export.runtime import HELPERS, helper_bytes

__all__ = ["Playground", "build_playground", "write_folder", "write_page"]

ROOM = "playground"
# A page is made of strings, which V8 limits to 512 MiB, and base64 adds a third.
MOST_IN_A_PAGE = 256 << 20
# WebAssembly has 4 GiB, and loading a session takes about three times the size of its file.
MOST_IN_A_FOLDER = 1 << 30
# A single page fetches nothing; the page of a folder only fetches from its own server.
PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:"
)
FOLDER_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; connect-src 'self'"
)


@dataclass(frozen=True)
class Playground:
    """The parts of a playground.

    Attributes:
        settings: facts about the bundle for the page, see `build_settings`.
        modules: import name -> content of its JavaScript modules.
        wasm: the WebAssembly of ONNX Runtime Web.
        files: path -> content of the bundle's files.
    """

    settings: Mapping[str, Any]
    modules: Mapping[str, bytes]
    wasm: bytes
    files: Mapping[str, bytes]


def build_playground(
    bundle: Bundle,
    ort_web: OrtWeb,
    *,
    precision: str | None = None,
    picture_shape: tuple[int, ...] | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
) -> Playground:
    """Gather the parts of a playground.

    Args:
        bundle: the bundle.
        ort_web: ONNX Runtime Web.
        precision: precision of the .onnx files; None for the first in the bundle.
        picture_shape: see `view_of`.
        labels: names of classes by input.

    Raises:
        InputError: the bundle has no such .onnx files, or no output is a picture or a signal.
    """
    artifacts = _artifacts(bundle, precision)
    settings = build_settings(bundle, artifacts, picture_shape, labels or {})
    golden = bundle.manifest.golden.arrays.values()
    names = [MANIFEST_FILE, *(entry.file for entry in (*artifacts.values(), *golden))]
    folder = resources.files(f"vae_export.pages.{ROOM}")
    own = sorted(file.name for file in folder.iterdir() if file.name.endswith(".mjs"))
    modules = {name: folder.joinpath(name).read_bytes() for name in own}
    modules[HELPERS["js"]] = helper_bytes("js")
    modules["onnxruntime-web"] = ort_web.module
    files = {name: (bundle.path / name).read_bytes() for name in names}
    return Playground(settings, modules, ort_web.wasm, files)


def write_page(playground: Playground, path: Path) -> int:
    """Write a playground as one file, which opens from disk; returns its bytes.

    Raises:
        InputError: the model is too large for one page.
        OutputError: see `file_result`.
    """
    _check_size(
        playground, MOST_IN_A_PAGE, "one page; make a folder with --split, or export lower precisions"
    )
    with file_result(path, ".html") as write:
        carried = {
            **{f"modules/{name}": data for name, data in playground.modules.items()},
            **{f"bundle/{name}": data for name, data in playground.files.items()},
            "ort.wasm": playground.wasm,
        }
        embedded = {name: _embedded(data) for name, data in carried.items()}
        page = _html(playground, PAGE_POLICY, embedded=embedded, imports={}).encode()
        write(page)
    return len(page)


def write_folder(playground: Playground, path: Path) -> int:
    """Write a playground as a folder to be served; returns the bytes of all its files.

    Raises:
        InputError: the model is too large for a browser.
        OutputError: see `folder_result`.
    """
    _check_size(playground, MOST_IN_A_FOLDER, "a browser; export lower precisions")
    files = {f"bundle/{name}": data for name, data in playground.files.items()}
    files["ort.wasm"] = playground.wasm
    imports = {}
    for name, data in playground.modules.items():
        file = f"modules/{name}" if name.endswith(".mjs") else f"modules/{name}.mjs"
        imports[name] = f"./{file}"
        files[file] = data
    files["index.html"] = _html(playground, FOLDER_POLICY, embedded={}, imports=imports).encode()
    with folder_result(path) as write:
        for name, data in files.items():
            write(name, data)
    return sum(map(len, files.values()))


def _artifacts(bundle: Bundle, precision: str | None) -> dict[str, ArtifactEntry]:
    """Role -> the manifest's entry of its .onnx file."""
    entries = [entry for entry in bundle.artifacts if FORMATS[entry.format].in_browser]
    if not entries:
        raise InputError(
            f"{bundle.path}: holds no .onnx files, which browsers run; export it with --format onnx or all"
        )
    held = bundle.precisions(entries[0].format)
    if precision is not None and precision not in held:
        expected = ", ".join(str(name) for name in held if name) or "none to be given"
        raise InputError(f"precision: got {precision}, expected {expected}, as the bundle's .onnx files are")
    chosen = precision or held[0]
    return {
        role: next(e for e in entries if e.role == role and chosen in (None, e.precision))
        for role in ("encoder", "decoder")
    }


def _check_size(playground: Playground, most: int, place: str) -> None:
    size = sum(map(len, playground.files.values()))
    if size > most:
        raise InputError(
            f"playground: got {size / 2**20:,.0f} MiB of model, expected at most {most >> 20:,} MiB in "
            f"{place}"
        )


def _html(playground: Playground, policy: str, **values: Any) -> str:
    settings = playground.settings
    return render(
        f"{ROOM}/playground.html.jinja",
        {
            "settings": settings,
            "policy": policy,
            "css": Markup(text_of(f"{ROOM}/playground.css")),
            "boot": Markup(text_of(f"{ROOM}/boot.js")),
            **values,
        },
    )


def _embedded(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data, mtime=0)).decode()
