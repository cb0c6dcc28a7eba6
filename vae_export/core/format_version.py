"""The version of the bundle format, and how to raise it.

The number is raised when a reader of the old number would misread a new bundle: a key of the
manifest is renamed, removed or given another meaning, or a file moves. Adding a key that old readers
may ignore does not raise it. To raise it: change the number here and in every runtime helper (a
test compares them), describe the change in CHANGELOG.md, and keep a bundle of the old version among
the tests, so that what happens to it stays decided.
"""

__all__ = ["FORMAT_VERSION"]

FORMAT_VERSION = 1
