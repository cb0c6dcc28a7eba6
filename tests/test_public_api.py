import importlib.metadata
import re

import vae_export
from vae_export import errors


def test_the_public_names():
    assert vae_export.__all__ == [
        "ExportResult",
        "__version__",
        "bench",
        "errors",
        "explain",
        "export",
        "inspect",
        "load",
        "playground",
        "report",
        "train",
        "verify",
    ]
    assert all(hasattr(vae_export, name) for name in vae_export.__all__)


def test_the_version_is_the_distributions():
    assert vae_export.__version__ == importlib.metadata.version("vae-export")


def test_the_tree_of_errors_is_as_drawn():
    drawn = re.findall(r"[│├└─ ]*(\w+Error)\b", errors.__doc__.split("::")[1].split("The command")[0])
    classes = {name for name in errors.__all__ if name.endswith("Error")}
    assert set(drawn) == classes
    parents = {name: getattr(errors, name).__mro__[1].__name__ for name in classes}
    assert parents == {
        "VaeExportError": "Exception",
        "InputError": "VaeExportError",
        "ModelError": "InputError",
        "SamplingSiteError": "ModelError",
        "DataError": "InputError",
        "BundleError": "InputError",
        "OutputError": "InputError",
        "MissingDependencyError": "VaeExportError",
        "ConversionError": "VaeExportError",
        "ParityError": "VaeExportError",
    }


def test_one_line():
    assert errors.one_line(ValueError("a\n  b")) == "a b"
    assert errors.one_line("\x1b[1mbold\x1b[0m") == "bold"
    assert errors.one_line("x" * 10, limit=4) == "…xxxx"
