"""Bundles that tests share: each is exported once, and kept for later runs as long as nothing changes."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import pickle
import shutil
import time
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parent.parent
A_DAY = 24 * 60 * 60
KEPT = ROOT / ".cache" / "exports"
# What bundles are made of: the code, the models, and the tests that build models and choose options.
SOURCES = ("vae_export", "models", "tests/exports.py", "tests/conftest.py", "tests/tiny_models.py")
SOURCES += ("tests/gallery", "tests/pages/report/bundles.py")


def folder_of_exports(config, tmp_path_factory):
    """Where all workers of a run find them: kept between runs, but not in CI, and not if coverage is measured."""
    if "CI" in os.environ or config.getoption("cov_source", None):
        temporary = tmp_path_factory.getbasetemp()
        return (temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary) / "exports"
    folder = KEPT / _digest_of_sources()
    folder.mkdir(parents=True, exist_ok=True)
    for other in KEPT.iterdir():
        # Younger ones may be in use: the code is edited while tests run.
        if other != folder and time.time() - other.stat().st_mtime > A_DAY:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def export_once(folder, export):
    """The result of `export(path)`, made by the first worker that asks for it; nobody may change the bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    kept, bundle = folder / "result.pickle", folder / "bundle"
    with FileLock(folder / "lock"):
        if kept.exists():
            result, digest = pickle.loads(kept.read_bytes())
            if digest == _digest(bundle):
                return result
        shutil.rmtree(bundle, ignore_errors=True)
        result = export(bundle)
        # The last thing: what failed is made again, and fails again.
        kept.write_bytes(pickle.dumps((result, _digest(bundle))))
        return result


def _digest_of_sources():
    digest = hashlib.sha256()
    for distribution in sorted(importlib.metadata.distributions(), key=lambda one: one.name):
        digest.update(f"{distribution.name} {distribution.version}\n".encode())
    for source in SOURCES:
        digest.update(_digest(ROOT / source).encode())
    return digest.hexdigest()[:16]


def _digest(path: Path):
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(f"{file.relative_to(path)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
