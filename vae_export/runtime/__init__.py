"""What goes to the device: one helper for each language, and NOISE.md, which they all follow."""

from pathlib import Path

__all__ = ["HELPERS", "helper_bytes"]

# language -> file of the helper, in the folder of its language
HELPERS = {
    "python": "vae_runtime.py",
    "c": "vae_runtime.h",
    "js": "vae_runtime.mjs",
    "java": "VaeRuntime.java",
}


def helper_bytes(language: str) -> bytes:
    """The helper of a language, as it is copied into bundles."""
    return (Path(__file__).parent / language / HELPERS[language]).read_bytes()
