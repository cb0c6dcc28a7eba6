import os

import numpy as np
import pytest
from PIL import Image

from vae_export.errors import DataError, OutputError
from vae_export.io.pictures import grid
from vae_export.io.results import array_result, check_file, file_result, folder_result, image_result

RNG = np.random.default_rng(0)
IMAGES = RNG.random((12, 60, 60, 1), np.float32)
PARTS = (slice(0, 5), slice(5, 6), slice(6, 12))


def write(path, images, above=None, value_range=None, first=0):
    with image_result(path, len(IMAGES), value_range, first) as add:
        for part in PARTS:
            named = {n: a[part] for n, a in images.items()} if isinstance(images, dict) else images[part]
            add(named, None if above is None else above[part])


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize(
    "array",
    [IMAGES, IMAGES.astype(np.float64), RNG.random((12, 3)), np.arange(12), IMAGES.swapaxes(1, 2)],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_npy_is_what_numpy_writes(tmp_path, array):
    write(tmp_path / "a.npy", array)
    np.save(tmp_path / "b.npy", np.ascontiguousarray(array))
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


def test_npz_is_what_numpy_writes(tmp_path):
    arrays = {"mu": RNG.random((12, 3), np.float32), "logvar": RNG.random((12, 3)), "a b": IMAGES}
    with array_result(tmp_path / "a.npz", 12) as add:
        for part in PARTS:
            add({name: array[part] for name, array in arrays.items()})
    np.savez(tmp_path / "b.npz", **arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with array_result(tmp_path / "folder", 12) as add:
        add(arrays)
    assert {file.name for file in (tmp_path / "folder").iterdir()} == {"mu.npy", "logvar.npy", "a b.npy"}
    np.testing.assert_array_equal(np.load(tmp_path / "folder" / "mu.npy"), arrays["mu"])


def test_one_array_has_the_name_that_it_has_in_the_graph(tmp_path):
    write(tmp_path / "a.npz", IMAGES)
    assert list(np.load(tmp_path / "a.npz")) == ["reconstruction"]


def test_a_picture_of_all(tmp_path):
    write(tmp_path / "a.png", IMAGES)
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), grid(IMAGES))


def test_pairs_of_rows(tmp_path):
    write(tmp_path / "p.png", np.zeros((12, 60, 60, 1)), above=np.full((12, 60, 60, 1), 0.4))
    picture = pixels(tmp_path / "p.png")
    assert picture.shape == (4 * 62 + 2, 10 * 62 + 2)
    # Rows: ten inputs, ten reconstructions, two inputs, two reconstructions, then nothing.
    for column, expected in ((0, [102, 0, 102, 0]), (1, [102, 0, 102, 0]), (2, [102, 0, 255, 255])):
        assert [picture[row * 62 + 30, column * 62 + 30] for row in range(4)] == expected
    assert (picture[62:64] == 255).all()


def test_what_is_shaped_otherwise_is_not_shown_above(tmp_path):
    write(tmp_path / "a.png", IMAGES, above=np.zeros((12, 3)))
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), grid(IMAGES))


@pytest.mark.parametrize(
    ("first", "names"),
    [
        (0, ["000000.png", "000011.png"]),
        (999_990, ["0999990.png", "1000001.png"]),
        (7 * 10**18, ["7000000000000000000.png", "7000000000000000011.png"]),
    ],
)
def test_a_folder_of_pictures(tmp_path, first, names):
    write(tmp_path / "a", IMAGES * 2 - 1, value_range=(-1.0, 1.0), first=first)
    files = sorted((tmp_path / "a").iterdir())
    assert [files[0].name, files[-1].name] == names
    assert len(files) == 12
    for file, image in zip(files, IMAGES, strict=True):
        np.testing.assert_allclose(pixels(file), image[..., 0] * 255, rtol=0, atol=0.501)


def test_pictures_of_three_colours(tmp_path):
    images = RNG.random((12, 4, 5, 3))
    write(tmp_path / "a", images)
    np.testing.assert_array_equal(pixels(tmp_path / "a" / "000003.png"), np.rint(images[3] * 255))


def test_of_several_outputs_the_picture_is_taken(tmp_path):
    outputs = {"digit": np.zeros((12, 10)), "picture": IMAGES}
    write(tmp_path / "a.npy", outputs)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), IMAGES)
    write(tmp_path / "a", outputs)
    assert len(list((tmp_path / "a").iterdir())) == 12


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        (
            "a.png",
            np.zeros((12, 8)),
            r"^picture: got arrays of shape \(5, 8\), expected \[n, height, width, 1",
        ),
        ("a", np.zeros((12, 8)), r"^picture: got arrays of shape \(5, 8\), expected \[n, height, width, 1"),
        (
            "a.npy",
            {"b": np.zeros((12, 8)), "c": np.zeros((12, 8, 8))},
            r"^picture: got the outputs b \[8\], c \[8, 8\], expected one of \[height, width, 1 or 3\]; write "
            r"them as \.npz instead$",
        ),
    ],
)
def test_what_is_no_picture(tmp_path, name, arrays, message):
    with pytest.raises(DataError, match=message):
        write(tmp_path / name, arrays)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.png", "a"])
def test_nothing_is_seen_before_it_is_whole(tmp_path, name):
    old = tmp_path / name
    if name != "a":
        old.write_text("old")
    with image_result(old, 12, None) as add:
        for part in PARTS:
            add(IMAGES[part])
            assert not old.exists() if name == "a" else old.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert old.is_dir() if name == "a" else old.read_bytes()[:3] != b"old"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.png", "a"])
def test_after_an_error_nothing_is_left(tmp_path, name, error):
    (tmp_path / "a.npy").write_text("old")

    def fail():
        with image_result(tmp_path / name, 12, None) as add:
            add(IMAGES[:5])
            raise error

    with pytest.raises(error):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]
    assert (tmp_path / "a.npy").read_text() == "old"


def test_files_and_folders_have_the_usual_permissions(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "a.npy", IMAGES)
        write(tmp_path / "a", IMAGES)
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "a.npy", tmp_path / "a")]
    assert modes == [0o640, 0o750]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "a.b").mkdir()
    write(tmp_path / "a.b", IMAGES)
    assert len(list((tmp_path / "a.b").iterdir())) == 12


def test_a_link_stays_one(tmp_path):
    (tmp_path / "real.npy").write_text("old")
    (tmp_path / "link.npy").symlink_to("real.npy")
    write(tmp_path / "link.npy", IMAGES)
    assert (tmp_path / "link.npy").is_symlink()
    np.testing.assert_array_equal(np.load(tmp_path / "real.npy"), IMAGES)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "a.jpg",
            r"a\.jpg: got a file named \*\.jpg, expected \.png, \.npy, \.npz or a folder \(a name without a dot\)$",
        ),
        ("none/a.npy", r"none/a\.npy: cannot be written, there is no folder .*none; make it first$"),
        ("none/a", r"none/a: cannot be written, there is no folder .*none; make it first$"),
        ("file/a.npy", r"file/a\.npy: cannot be written, there is no folder .*file; make it first$"),
        ("full", r"full: is not empty; choose a new or an empty folder with -o$"),
        ("file", r"file: is a file, expected a folder; choose another name with -o$"),
        ("folder.png", r"folder\.png: is a folder, expected a file; choose another name with -o$"),
        ("here", r"here: is in use, it cannot be replaced; choose a folder inside it with -o$"),
        ("a" * 250 + ".npy", r"\.npy: cannot be written \(File name too long\)$"),
    ],
)
def test_places_that_are_refused_before_any_work(tmp_path, monkeypatch, name, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = sorted(tmp_path.rglob("*"))
    with (
        pytest.raises(OutputError, match=message),
        image_result(tmp_path / name, 1, None),
    ):
        pytest.fail("work was begun")
    assert sorted(tmp_path.rglob("*")) == before


def test_arrays_by_name_need_a_place_for_several(tmp_path):
    with (
        pytest.raises(OutputError, match=r"a\.npy: got a file named \*\.npy, expected \.npz or a folder"),
        array_result(tmp_path / "a.npy", 1),
    ):
        pytest.fail("work was begun")


def test_a_place_without_permission(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with (
        pytest.raises(OutputError, match=r"a\.npy: cannot be written \(Permission denied\)$"),
        image_result(tmp_path / "a.npy", 1, None),
    ):
        pytest.fail("work was begun")


def test_a_file_and_a_folder_of_files(tmp_path):
    with file_result(tmp_path / "a.html", ".html") as write:
        write(b"page")
        assert not (tmp_path / "a.html").exists()
    with folder_result(tmp_path / "site") as write:
        write("index.html", b"page")
        write("golden/x.f32", b"values")
        assert not (tmp_path / "site").exists()
    files = {
        str(file.relative_to(tmp_path)): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()
    }
    assert files == {"a.html": b"page", "site/index.html": b"page", "site/golden/x.f32": b"values"}


def test_of_a_file_or_a_folder_nothing_is_left_after_an_error(tmp_path):
    def interrupted(result, *arguments):
        with result as write:
            write(*arguments)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted(file_result(tmp_path / "a.html", ".html"), b"page")
    with pytest.raises(KeyboardInterrupt):
        interrupted(folder_result(tmp_path / "b"), "index.html", b"page")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.png", r"a\.png: got a file named \*\.png, expected \.html$"),
        ("a", r"a: got a name without a suffix, expected \.html$"),
        ("no/a.html", r"a\.html: cannot be written, there is no folder .*/no; make it first$"),
    ],
)
def test_places_for_one_file_that_are_refused(tmp_path, name, message):
    with pytest.raises(OutputError, match=message), file_result(tmp_path / name, ".html"):
        pass


def test_a_place_for_a_folder_is_no_file(tmp_path):
    expected = r"a\.html: got a file named \*\.html, expected a folder \(a name without a dot\)$"
    with pytest.raises(OutputError, match=expected), folder_result(tmp_path / "a.html"):
        pass


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("chart.gif", r"chart\.gif: got a file named \*\.gif, expected \.png"),
        ("none/chart.png", r"chart\.png: cannot be written, there is no folder .*none; make it first"),
        ("folder.png", r"folder\.png: is a folder, expected a file; choose another name with -o"),
    ],
)
def test_places_are_checked_before_the_work(tmp_path, name, message):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match=message):
        check_file(tmp_path / name, ".png")
