"""A tool for offline devices is silent: no runtime that it starts reports anything."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.runtime.toolchain import need

# ONNX Runtime reports some seconds after it was started.
SECONDS = 13
BARE = "import onnxruntime; onnxruntime.InferenceSession(sys.argv[1] + '/decoder.onnx')"
HELPER = (
    "sys.path.insert(0, sys.argv[1]); import vae_runtime; vae_runtime.load(sys.argv[1], 'onnx').generate(1)"
)
PACKAGE = "from vae_export.cli.main import main; assert main(['verify', sys.argv[1]]) == 0"


def run(code, bundle, home, *before, **environment):
    home.mkdir(exist_ok=True)
    # With CI set ONNX Runtime seems to be silent by itself.
    own = {key: value for key, value in os.environ.items() if key not in ("ORT_DISABLE_TELEMETRY", "CI")}
    subprocess.run(
        [*before, sys.executable, "-c", code, str(bundle)],
        env={**own, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        cwd=home,
        capture_output=True,
        check=True,
    )


@pytest.mark.parametrize("code", [HELPER, PACKAGE], ids=["helper", "package"])
@pytest.mark.parametrize("given", [None, "0"])
def test_the_runtime_is_told_before_it_is_imported(code, given, dense_bundle, tmp_path):
    watch = (
        "import sys, os, importlib.abc\n"
        "class Watch(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'onnxruntime':\n"
        "            open('seen', 'w').write(os.environ.get('ORT_DISABLE_TELEMETRY', 'nothing'))\n"
        "sys.meta_path.insert(0, Watch())\n"
    )
    environment = {} if given is None else {"ORT_DISABLE_TELEMETRY": given}
    run(watch + code, dense_bundle, tmp_path / "home", **environment)
    assert (tmp_path / "home" / "seen").read_text() == (given or "1")


def traced(code, bundle, folder, seconds=SECONDS):
    """Connections beyond this machine and files below the home folder, of a process that lives until there are."""
    log, home = folder / "strace.log", folder / "home"
    strace = [need("strace"), "-f", "-e", "trace=connect,sendto", "-o", str(log)]
    wait = (
        f"until = time.time() + {seconds}\nwhile time.time() < until and not os.listdir('.'): time.sleep(1)"
    )
    run(f"import os, sys, time; {code}\n{wait}", bundle, home, *strace)
    connections = [line for line in log.read_text().splitlines() if "AF_INET" in line]
    return connections, [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.slow
@pytest.mark.parametrize("code", [HELPER, PACKAGE], ids=["helper", "package"])
def test_nothing_is_sent_or_written(code, dense_bundle, tmp_path):
    assert traced(code, dense_bundle, tmp_path) == ([], [])


@pytest.mark.slow
def test_the_bare_runtime_is_not_silent(dense_bundle, tmp_path):
    """Else the test above could not fail; a version of ONNX Runtime without telemetry makes both needless."""
    connections, files = traced(BARE, dense_bundle, tmp_path, seconds=60)
    assert connections or files
