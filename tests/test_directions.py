"""The direction of imports: which room may know which, and what no import may bring in."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys

import pytest

from tests.runtime.toolchain import need_npm_package

# Room -> the rooms it may import.
LOW = {"_version", "errors"}
CORE = LOW | {"core", "io"}
LIBRARIES = CORE | {"private"}
ALLOWED = {
    "core": LOW,
    "io": LOW,
    "private": LOW,
    "runtime": LOW | {"core"},
    "verify": CORE | {"runtime", "formats"},
    "bundle": CORE | {"runtime", "verify"},
    "bytecode": LOW,
    "split": LIBRARIES | {"bytecode"},
    "sources": LIBRARIES | {"split", "bytecode"},
    "train": CORE | {"runtime", "split", "sources", "verify"},
    "formats": LIBRARIES | {"runtime"},
    "bench": CORE | {"runtime", "verify", "bundle", "formats"},
    "explain": CORE | {"runtime", "verify", "bundle", "formats"},
    "pages": CORE | {"runtime", "verify", "bundle", "bench", "formats"},
    "pipeline": CORE
    | {"runtime", "verify", "bundle", "bench", "explain", "train", "split", "formats", "sources", "pages"},
    "cli": CORE
    | {"runtime", "verify", "bundle", "bench", "explain", "pages", "train", "formats", "pipeline"},
}


def imports_of(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vae_export"):
            module = (node.module or "").split(".")
            yield from [module[1]] if len(module) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (
                alias.name.split(".")[1] for alias in node.names if alias.name.startswith("vae_export.")
            )


def rooms(root):
    for file in sorted((root / "vae_export").rglob("*.py")):
        parts = file.relative_to(root / "vae_export").parts
        yield file, parts[0].removesuffix(".py")


def test_rooms_import_only_what_they_may(root):
    seen = set()
    for file, room in rooms(root):
        if room == "__init__":
            continue
        allowed = LOW if room in LOW else ALLOWED[room] | {room}
        wrong = set(imports_of(file)) - allowed
        assert not wrong, f"{file}: imports {wrong}"
        seen.add(room)
    assert seen == LOW | set(ALLOWED)


@pytest.mark.parametrize(
    "statement",
    [
        "import vae_export",
        "from vae_export.cli import main, export, train, inspect_model, verify, encode, decode, generate",
        "import vae_export.pipeline, vae_export.bundle.reader, vae_export.verify.gate",
        "from vae_export import load; load(sys.argv[1]).generate(1)",
        "from vae_export.cli.main import main; assert main(['verify', sys.argv[1]]) == 0",
        "from vae_export.cli.main import main; assert main(['generate', sys.argv[1], '-o', 'a.png']) == 0",
        "from vae_export.cli.main import main; assert main(['report', sys.argv[1], '-o', 'a.html']) == 0",
    ],
)
def test_tensorflow_is_not_imported(statement, dense_bundle, tmp_path):
    run_without_tensorflow(statement, dense_bundle, tmp_path)


@pytest.mark.parametrize("file", ["decoder.int8.tflite", "decoder.int8.onnx"])
def test_explain_does_not_import_tensorflow(file, dense_int8_bundle, tmp_path):
    run = f"assert main(['explain', sys.argv[1], '--artifact', '{file}']) == 0"
    run_without_tensorflow(f"from vae_export.cli.main import main; {run}", dense_int8_bundle, tmp_path)


def test_a_playground_does_not_import_tensorflow(root, dense_bundle, tmp_path):
    ort_web = need_npm_package(root, "onnxruntime-web")
    run = f"assert main(['playground', sys.argv[1], '--ort-web', {str(ort_web)!r}]) == 0"
    run_without_tensorflow(f"from vae_export.cli.main import main; {run}", dense_bundle, tmp_path)


def run_without_tensorflow(statement, bundle, folder):
    code = f"import sys; {statement}; assert not {{'tensorflow', 'keras'}} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(bundle)], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_package_imports_no_runtime():
    code = "import sys, vae_export; assert not {'onnxruntime', 'ai_edge_litert', 'onnx'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_private_names_of_libraries_stand_in_private(root):
    """And in the runtime helper, which imports nothing of this package."""
    pattern = re.compile(
        r"keras\.src\b(?!\.)|from keras\.src|import keras\.src|tensorflow(\.\w+)*\.python|schema_py_generated"
        r"|ort_flatbuffers_py|\b(?!self|cls|choosing)\w+\._(?!replace|exit|asdict|repr_html_)[a-z]\w+"
        r"|[\"']_[a-z]\w+_\w+[\"']"
    )
    for file, room in rooms(root):
        if room == "private" or file.name == "vae_runtime.py":
            continue
        found = [
            line for line in file.read_text().splitlines() if pattern.search(line) and "_version" not in line
        ]
        assert not found, f"{file}: {found}"


def test_no_modules_import_each_other_in_a_circle(root):
    """Not even inside of functions."""
    modules = {}
    for file, _ in rooms(root):
        name = ".".join(file.relative_to(root).with_suffix("").parts)
        modules[name.removesuffix(".__init__")] = file
    graph = {name: set(modules_imported(file, modules)) - {name} for name, file in modules.items()}
    # CycleError tells the circle.
    assert len(list(graphlib.TopologicalSorter(graph).static_order())) == len(modules)


def modules_imported(file, modules):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vae_export"):
            submodules = [f"{node.module}.{alias.name}" for alias in node.names]
            found = [name for name in submodules if name in modules]
            yield from found
            # What is no module is a name in the package.
            if len(found) < len(submodules):
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
