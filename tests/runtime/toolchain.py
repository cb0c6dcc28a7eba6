"""Compilers, emulators, a browser and packages that tests need, beside Python's."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess

import pytest


def need(tool):
    """The path of a tool; without it the test is skipped, but in CI it fails."""
    return shutil.which(tool) or missing(f"{tool} is not installed")


def need_npm_package(root, name):
    """The folder of a package that tests/package.json names; without it as for a tool."""
    folder = root / "tests" / "node_modules" / name
    return folder if folder.is_dir() else missing(f"{name} is not installed: npm install --prefix tests")


def need_module(name):
    """Without a Python module that is optional the test is skipped, but in CI it fails."""
    if importlib.util.find_spec(name) is None:
        missing(f"{name} is not installed")


def missing(reason, remedy=".ci/run must install it"):
    """Skip a test that lacks something, but fail it in CI."""
    assert os.environ.get("CI") != "true", f"{reason}; {remedy}"
    pytest.skip(reason)


def compile_program(command, **options):
    """Run a compiler, which must not say anything but yes."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
