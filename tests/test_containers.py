"""Tars, archives in archives, arrays and Parquet tables: read like folders, in bounded memory, or refused."""

import contextlib
import gzip
import io
import json
import os
import pickle
import sys
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from made_pictures import celeba, encode, lfw, new_generator, picture, smooth, write

from vae_keras.data import archives, containers, get_dataset, load_faces
from vae_keras.data import parquet as tables
from vae_keras.data.archives import Files, locate


@pytest.fixture
def generator(request):
    return new_generator(request)


def pack(path, files, entries=()):
    """Writes {name: bytes or text} as a tar, compressed when the name ends in gz, and more entries; the path."""
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, content in files.items():
            content = content if isinstance(content, bytes) else content.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for entry in entries:
            archive.addfile(entry)
    return path


def zipped(files):
    """{name: bytes or text} as the bytes of a zip."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def some_pictures(generator, count=12, height=30, width=24):
    return {f"{i:03d}.png": smooth(generator, height, width) for i in generator.permutation(1000)[:count]}


@contextlib.contextmanager
def little_memory(most=20_000_000):
    """Fails where the block takes more bytes of memory."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


# Tar.


@pytest.mark.parametrize("name", ["mine.tar", "mine.tgz", "mine.tar.gz", "./mine"])
def test_a_tar_is_read_like_a_folder(name, tmp_path, generator):
    pictures = some_pictures(generator)
    rows = "".join(f"{one},{i % 2}\n" for i, one in enumerate(pictures))
    files = {f"./faces/{one}": encode(pixels, "PNG") for one, pixels in pictures.items()}
    files |= {"./faces/attributes.csv": "name,Happy\n" + rows, "./faces/._x.png": b"", ".git/x.png": b""}
    path = tmp_path / name
    path = pack(path, files) if "tar" in name or "tgz" in name else write(path, files)
    dataset = get_dataset(path)
    assert dataset.name == "mine" and len(dataset.members) == 12 and dataset.table()["Happy"].sum() == 6
    for one, pixels in pictures.items():
        (member,) = (member for member in dataset.members if member.endswith(one))
        assert np.array_equal(dataset.photograph(member), pixels)


def test_lfw_as_its_authors_publish_it(tmp_path, monkeypatch):
    files = {f"lfw/P_{p}/P_{p}_{i:04d}.jpg": picture(p * 9 + i, 250, 250) for p in range(30) for i in (1, 2)}
    path = pack(tmp_path / "lfw.tgz", files)
    dataset = get_dataset(path)
    assert dataset.name == "lfw" and dataset.crop == 118 / 250 and dataset.split == "person"
    assert dataset.read("P_3/P_3_0002.jpg") == files["lfw/P_3/P_3_0002.jpg"]
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path))
    assert locate("lfw", "owner/x") == path and len(get_dataset("lfw").table()) == 60


def test_the_stamp_of_a_tar_changes_with_it(tmp_path):
    stamp = Files(pack(tmp_path / "x.tar", {"a.jpg": picture(1)})).stamp
    assert Files(tmp_path / "x.tar").stamp == stamp
    assert Files(pack(tmp_path / "x.tar", {"a.jpg": picture(2)})).stamp != stamp


def entry(name, kind=tarfile.REGTYPE, **more):
    one = tarfile.TarInfo(name)
    one.type = kind
    for key, value in more.items():
        setattr(one, key, value)
    return one


HOSTILE_ENTRIES = {
    "up": (entry("../../out.jpg"), "entry '../../out.jpg', which climbs out"),
    "root": (entry("/etc/out.jpg"), "entry '/etc/out.jpg', which climbs out"),
    "drive": (entry("C:\\out.jpg"), "which climbs out"),
    "link": (entry("a.jpg", tarfile.SYMTYPE, linkname="/etc/passwd"), "'a.jpg', a link to '/etc/passwd'"),
    "hard link": (
        entry("b.jpg", tarfile.LNKTYPE, linkname="x.jpg"),
        "a link to 'x.jpg' .*--hard-dereference",
    ),
    "device": (entry("d.jpg", tarfile.CHRTYPE, devmajor=1, devminor=5), "'d.jpg', a device or a pipe"),
    "block": (entry("e.jpg", tarfile.BLKTYPE), "'e.jpg', a device or a pipe"),
    "pipe": (entry("f.jpg", tarfile.FIFOTYPE), "'f.jpg', a device or a pipe"),
}


@pytest.mark.parametrize("name", HOSTILE_ENTRIES)
@pytest.mark.parametrize("suffix", ["tar", "tgz"])
def test_an_entry_that_must_not_be_read_is_refused(name, suffix, tmp_path):
    one, words = HOSTILE_ENTRIES[name]
    path = pack(tmp_path / f"evil.{suffix}", {"x.jpg": picture(0)}, [one])
    with pytest.raises(ValueError, match=words) as error:
        get_dataset(path)
    assert str(error.value).startswith(f"{path} holds ") and "\n" not in str(error.value)


def header(name, size, kind=tarfile.REGTYPE):
    return entry(name, kind, size=size).tobuf(tarfile.GNU_FORMAT)


HEADERS = {
    "file": header("a.jpg", 10**13),
    "last file": header("a.jpg", 5_000),
    "long name": header("././@LongLink", 10**13, tarfile.GNUTYPE_LONGNAME),
    "pax": header("pax", 10**13, tarfile.XHDTYPE),
    "negative": header("a.jpg", 0)[:124] + b"\xff" * 12 + header("a.jpg", 0)[136:],
    "a thousand names": header("././@LongLink", 0, tarfile.GNUTYPE_LONGNAME) * 3000,
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_promises_what_is_not_there(name, tmp_path):
    path = tmp_path / "evil.tar"
    data = HEADERS[name]
    if name == "negative":  # its checksum is mended
        head = bytearray(data)
        head[148:156] = b"        "
        data = bytes(head[:148]) + b"%06o\0 " % sum(head) + bytes(head[156:])
    one = pack(tmp_path / "x.tar", {"x.jpg": picture(0)[:500]}).read_bytes()[:1024]  # a header and a block
    path.write_bytes(one + data + bytes(1024))
    with little_memory(), pytest.raises(ValueError, match="evil.tar (promises|is no whole tar)"):
        get_dataset(path)


@pytest.mark.parametrize("suffix", ["tar", "tgz"])
def test_a_tar_that_is_cut_short(suffix, tmp_path, generator):
    files = {name: encode(pixels, "PNG") for name, pixels in some_pictures(generator, 20).items()}
    path = pack(tmp_path / f"cut.{suffix}", files)
    whole = path.read_bytes()
    for end in generator.integers(100, len(whole) * 3 // 4, 8):
        path.write_bytes(whole[:end])
        try:
            dataset = get_dataset(path)
        except ValueError as error:
            assert str(error).startswith(f"{path} ") and "download it again" in str(error)  # noqa: PT017
        else:
            assert f"{path} has no end mark, so it may be cut short" in dataset.notes


def test_a_gzip_that_grows_without_end_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "ALWAYS_ALLOWED", 5_000_000)
    path = tmp_path / "bomb.tgz"
    with gzip.open(path, "wb") as file:
        for _ in range(100):
            file.write(bytes(1_000_000))
    with pytest.raises(ValueError, match="bomb.tgz grows to over 0.0 GB, which no pictures do"):
        get_dataset(path)


def test_a_disk_without_room_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "LEFT_ON_DISK", 10**18)
    with pytest.raises(ValueError, match="mine.tgz does not fit on the disk of .* by TMPDIR"):
        get_dataset(pack(tmp_path / "mine.tgz", {"a.jpg": picture(1)}))


def test_a_tar_of_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "MOST_ENTRIES", 10)
    files = {f"{i}.jpg": b"" for i in range(11)}
    with pytest.raises(ValueError, match="mine.tar holds over 10 files: give a part of them"):
        get_dataset(pack(tmp_path / "mine.tar", files))


def test_a_data_set_by_its_name_says_what_could_not_be_read(tmp_path, monkeypatch):
    files = {f"lfw/P_{p}/P_{p}_0001.jpg": picture(p, 250, 250) for p in range(40)}
    path = pack(tmp_path / "lfw.tar", files)
    path.write_bytes(path.read_bytes().rstrip(b"\0"))
    path.write_bytes(path.read_bytes() + bytes(-path.stat().st_size % 512))
    monkeypatch.setenv("VAE_KERAS_DATA", str(tmp_path))
    assert get_dataset("lfw").notes == [f"{path} has no end mark, so it may be cut short"]


# Archives in archives.


@pytest.mark.parametrize("inner", ["faces.zip", "deep/faces.tgz", "faces.tar"])
@pytest.mark.parametrize("outer", ["outer.zip", "outer.tgz", "outer"])
def test_an_archive_in_an_archive(inner, outer, tmp_path, generator):
    pictures = {name: encode(pixels, "PNG") for name, pixels in some_pictures(generator).items()}
    rows = "".join(f"{name},{i % 2}\n" for i, name in enumerate(pictures))
    content = zipped(pictures)
    if not inner.endswith("zip"):
        content = pack(tmp_path / inner.rpartition("/")[2], pictures).read_bytes()
    files = {inner: content, "readme.txt": "x", "attributes.csv": "name,Happy\n" + rows}
    path = pack(tmp_path / outer, files) if outer.endswith("tgz") else write(tmp_path / outer, files)
    dataset = get_dataset(path)
    assert dataset.table()["Happy"].sum() == 6
    assert {name: dataset.read(name) for name in dataset.members} == pictures
    assert get_dataset(path).stamp == dataset.stamp


def test_celeba_in_archives_in_an_archive(tmp_path):
    celeba("official zip", tmp_path / "parts")
    files = {str(file.relative_to(tmp_path)): file.read_bytes() for file in (tmp_path / "parts").rglob("*.*")}
    dataset = get_dataset(write(tmp_path / "all.zip", files))
    assert (
        dataset.name == "celeba" and len(dataset.table()) == 48 and dataset.read("000003.jpg") == picture(2)
    )


def test_several_archives_are_named(tmp_path):
    path = write(tmp_path / "mine", {"a.zip": zipped({"1.jpg": picture(1)}), "b.tar": b"x"})
    with pytest.raises(
        FileNotFoundError, match="holds no pictures .*but 2 archives, as a.zip: give one of them"
    ):
        get_dataset(path)


def test_an_archive_that_holds_itself_again_and_again_is_refused(tmp_path):
    content = zipped({"1.jpg": picture(1)})
    for _ in range(3):
        content = zipped({"inner.zip": content})
    assert len(get_dataset(write(tmp_path, {"three.zip": content}) / "three.zip").members) == 1
    with pytest.raises(ValueError, match="four.zip holds archives in archives in archives: unpack it"):
        get_dataset(write(tmp_path, {"four.zip": zipped({"inner.zip": content})}) / "four.zip")


def test_an_inner_archive_that_is_damaged_is_named(tmp_path):
    path = write(tmp_path / "outer.zip", {"inner.zip": zipped({"1.jpg": picture(1)})[:-30]})
    with pytest.raises(ValueError, match="outer.zip/inner.zip is no whole zip archive"):
        get_dataset(path)


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_is_unpacked_without_a_limit_is_refused(packing, tmp_path):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("a.jpg", bytes(1_000_000))
    with pytest.raises(ValueError, match="evil.zip holds 'a.jpg', which is not packed by deflate"):
        get_dataset(path)


@pytest.mark.parametrize("count", [1, 200])
def test_a_zip_that_grows_a_hundredfold_is_refused_before_it_is_unpacked(count, tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "ALWAYS_ALLOWED", 1_000_000)
    path = tmp_path / "mine.zip"
    path.write_bytes(zipped({f"{i}.jpg": bytes(20_000_000 // count) for i in range(count)}))
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    with little_memory(5_000_000), pytest.raises(ValueError, match=r"mine.zip grows to over .* GB, which no"):
        get_dataset(path)


def test_a_zip_of_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "MOST_ENTRIES", 20)
    path = tmp_path / "mine.zip"
    path.write_bytes(zipped({f"{i}.jpg": b"" for i in range(21)}))
    with pytest.raises(ValueError, match="mine.zip holds over 20 files: give a part of them"):
        get_dataset(path)


def test_an_archive_that_lies_about_its_packed_size_is_stopped(tmp_path, generator, monkeypatch):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", bytes(10_000_000))
        archive.writestr("padding", generator.bytes(3_000_000))
    files = containers.ZipFiles(containers.open_file(path))
    monkeypatch.setattr(containers, "ALWAYS_ALLOWED", 1_000_000)
    monkeypatch.setattr(containers, "MOST_GROWTH", 1)
    files._entries["x.npy"].compress_size = 10**9
    with pytest.raises(ValueError, match="x.npy grows to over|Overlapped"):  # some Pythons see it first
        files.source("x.npy")


def test_an_entry_that_ends_too_early_is_said(tmp_path, generator):
    path = tmp_path / "cut.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", generator.bytes(200_000))
    files = Files(path)
    os.truncate(path, 100_000)
    with pytest.raises(OSError, match=r"a.jpg in .*cut.zip cannot be read \(it ends too early\)"):
        files.read("a.jpg")


# Arrays.


def save(path, array):
    np.save(path, array)
    return path


@pytest.mark.parametrize("kind", ["uint8", "float16", "float32", ">f8"])
@pytest.mark.parametrize("colours", [(3,), (1,), ()])
def test_an_array_of_pictures(kind, colours, tmp_path, generator):
    pictures = generator.integers(0, 256, (40, 18, 14, *colours)).astype(np.uint8)
    pictures[0].flat[:2] = 0, 255
    stored = pictures if kind == "uint8" else (pictures / 255).astype(kind)
    dataset = get_dataset(save(tmp_path / "mine.npy", stored))
    assert len(dataset.members) == 40 and list(dataset.members)[7] == "00007.ppm"
    wanted = np.broadcast_to(pictures.reshape(40, 18, 14, -1), (40, 18, 14, 3))
    found = np.stack([dataset.photograph(name) for name in dataset.members])
    assert np.array_equal(found, wanted)
    assert len(load_faces(dataset, 8, progress=False).images) == 40


ODD_ARRAYS = {
    "0 to 255": (
        lambda: np.linspace(0, 255, 40 * 8 * 8 * 3).reshape(40, 8, 8, 3),
        "floats from 0 to 19[0-9]|give uint8",
    ),
    "-1 to 1": (lambda: np.linspace(-1, 1, 40 * 64).reshape(40, 8, 8), "holds floats from -1 to"),
    "nan": (
        lambda: np.full((40, 8, 8), np.nan, np.float32),
        "holds floats from nan to nan: give uint8 or floats",
    ),
    "int64": (
        lambda: np.zeros((40, 8, 8), np.int64),
        r"holds int64 of shape \[40, 8, 8\]: give uint8 or floats",
    ),
    "one": (lambda: np.zeros((64, 64, 3), np.uint8), r"uint8 of shape \[64, 64, 3\]: that is one picture"),
    "channels": (lambda: np.zeros((40, 3, 64, 64), np.uint8), r"its colours come first: give numpy.moveaxis"),
    "flat": (lambda: np.zeros((40, 784), np.uint8), r"uint8 of shape \[40, 784\]: give uint8 or floats"),
    "rgba": (lambda: np.zeros((40, 64, 64, 4), np.uint8), r"shape \[40, 64, 64, 4\]: give uint8"),
    "nothing": (lambda: np.array(3), r"int64 of shape \[\]: give uint8"),
    "fortran": (
        lambda: np.asfortranarray(np.zeros((40, 8, 9), np.uint8)),
        "in Fortran's order: save numpy.asc",
    ),
    "no height": (lambda: np.zeros((9, 0, 0, 3), np.float32), r"float32 of shape \[9, 0, 0, 3\]: give uint8"),
    "empty": (lambda: np.zeros((0, 8, 8, 3), np.uint8), "mine.npy holds no pictures"),
}


@pytest.mark.parametrize("name", ODD_ARRAYS)
def test_an_array_of_something_else_is_refused(name, tmp_path):
    make, words = ODD_ARRAYS[name]
    path = save(tmp_path / "mine.npy", make())
    with pytest.raises((ValueError, FileNotFoundError), match=words) as error:
        get_dataset(path)
    assert str(error.value).startswith(f"{path} ") and "\n" not in str(error.value)


def test_one_picture_of_an_array_with_odd_values_is_left_out(tmp_path, generator):
    pictures = generator.uniform(0, 1, (50, 8, 8, 3)).astype(np.float32)
    pictures[1, 3, 3] = 1.5
    faces = load_faces(save(tmp_path / "mine.npy", pictures), 8, progress=False)
    assert [name for name, reason in faces.skipped if "has values outside of 0 to 1" in reason] == [
        "00001.ppm"
    ]


def test_an_array_of_a_billion_pictures_of_nothing_is_refused(tmp_path):
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000, 0, 0, 3)}"
    path = write(tmp_path, {"evil.npy": npy(header)}) / "evil.npy"
    with little_memory(), pytest.raises(ValueError, match=r"holds uint8 of shape \[1000000000, 0, 0, 3\]"):
        get_dataset(path)


def test_arrays_and_tables_of_too_many_pictures_are_refused(tmp_path, generator, monkeypatch):
    monkeypatch.setattr(containers, "MOST_ENTRIES", 10)
    pictures = {name: encode(pixels, "PNG") for name, pixels in some_pictures(generator).items()}
    array = save(tmp_path / "mine.npy", np.zeros((11, 1, 1, 3), np.uint8))
    for path in (array, parquet(tmp_path / "mine.parquet", pictures)):
        with pytest.raises(ValueError, match=f"{path} holds over 10 pictures: give a part of them"):
            get_dataset(path)


class Bad:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was read",))


def npy(text, data=b""):
    """The bytes of an .npy whose header is a text."""
    text = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


HOSTILE_ARRAYS = {
    "terabytes": npy(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000, 1000, 3)}", bytes(99)
    ),
    "negative": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 64, 64, 3)}", bytes(99)),
    "overflow": npy(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296, 8)}", bytes(9)
    ),
    "code": npy("__import__('os').system('false')", bytes(99)),
    "deep": npy("(" * 5000 + ")" * 5000, bytes(99)),
    "cut": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (9, 8, 8, 3)}", bytes(9 * 8 * 8 * 3 - 1)),
    "no header": b"\x93NUMPY\x01\x00\xff\xff",
    "version": b"\x93NUMPY\x09\x00" + bytes(99),
}


@pytest.mark.parametrize("name", HOSTILE_ARRAYS)
def test_a_hostile_array_is_refused_before_memory_is_taken(name, tmp_path):
    path = write(tmp_path, {"evil.npy": HOSTILE_ARRAYS[name]}) / "evil.npy"
    with (
        little_memory(),
        pytest.raises(ValueError, match=f"{path} is no whole array, or promises more than it holds"),
    ):
        get_dataset(path)


def test_no_pickle_is_read(tmp_path):
    np.save(tmp_path / "evil.npy", np.array([Bad()], object), allow_pickle=True)
    np.savez(tmp_path / "evil.npz", x=np.array([Bad()], object))
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Bad()))
    for name, words in (("evil.npy", "holds objects of Python"), ("evil.npz", "holds objects of Python")):
        with pytest.raises(ValueError, match=words):
            get_dataset(tmp_path / name)
    with pytest.raises(ValueError, match="evil.pkl is a pickle, which may run a program"):
        get_dataset(tmp_path / "evil.pkl")


@pytest.mark.parametrize("write_npz", [np.savez, np.savez_compressed])
def test_an_npz_brings_its_labels(write_npz, tmp_path, generator):
    pictures = generator.integers(0, 256, (40, 10, 9, 3)).astype(np.uint8)
    happy, hair = generator.permutation([0, 1] * 20), generator.choice(["dark red", "grey"], 40)
    more = dict(codes=generator.uniform(size=(40, 7)), count=np.array(3), other=np.zeros(39))
    more["name"] = np.array(["somebody"] * 40)
    write_npz(tmp_path / "mine.npz", images=pictures, happy=happy, hair=hair, **more)
    dataset = get_dataset(tmp_path / "mine.npz")
    table = dataset.table()
    assert list(table) == ["split", "hair_dark_red", "hair_grey", "happy"]
    assert table["happy"].tolist() == happy.tolist()
    assert table["hair_grey"].tolist() == (hair == "grey").tolist()
    assert np.array_equal(dataset.photograph("00017.ppm"), pictures[17])
    said = " ".join(dataset.notes)
    for words in (
        "codes.npy is left out: float64 of shape [40, 7]",
        "other.npy is left out",
        "happy.npy is read as",
    ):
        assert words in said


def test_an_npz_with_its_own_parts(tmp_path, generator):
    parts = {"train": 30, "test": 10}
    arrays = {
        f"x_{part}": generator.integers(0, 256, (n, 9, 9)).astype(np.uint8) for part, n in parts.items()
    }
    arrays |= {f"y_{part}": generator.permutation([0, 1] * (n // 2)) for part, n in parts.items()}
    np.savez(tmp_path / "mine.npz", **arrays)
    dataset = get_dataset(tmp_path / "mine.npz")
    table = dataset.table()
    assert dataset.split == "given" and (table["split"] == "test").sum() == 10
    for part in parts:
        assert table.loc[table.index.str.startswith(part), "y"].tolist() == arrays[f"y_{part}"].tolist()


def test_arrays_of_a_folder_belong_together(tmp_path, generator):
    np.save(tmp_path / "images.npy", generator.integers(0, 256, (40, 9, 9)).astype(np.uint8))
    np.save(tmp_path / "labels.npy", np.arange(40) % 2)
    table = get_dataset(tmp_path).table()
    assert len(table) == 40 and table["labels"].tolist() == [0, 1] * 20


def test_arrays_of_one_name_keep_all_their_pictures(tmp_path, generator):
    pictures = generator.integers(0, 256, (2, 20, 9, 9)).astype(np.uint8)
    for folder, rows in zip("ac", pictures):
        (tmp_path / folder / "b").mkdir(parents=True)
        np.save(tmp_path / folder / "b" / "x.npy", rows)
    dataset = get_dataset(tmp_path)
    assert len(dataset.members) == 40
    assert np.array_equal(dataset.photograph("c/b/x/00007.ppm")[..., 0], pictures[1, 7])


def test_arrays_whose_names_differ_by_case_alone_are_refused(tmp_path):
    for name in ("x.npy", "x.NPY"):
        np.save((tmp_path / name).open("wb"), np.zeros((20, 9, 9), np.uint8))
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("needs a file system that tells upper from lower case")
    with pytest.raises(ValueError, match=r"x.NPY and .*x.npy have one name but for upper and lower case"):
        get_dataset(tmp_path)


def test_folders_of_arrays_may_be_parts(tmp_path):
    for part, count in (("train", 30), ("test", 10)):
        (tmp_path / part).mkdir()
        np.save(tmp_path / part / f"{count}.npy", np.zeros((count, 9, 9), np.uint8))
    split = get_dataset(tmp_path).table()["split"]
    assert (split == "test").sum() == 10 and split[split == "test"].index.str.startswith("test/").all()


def test_an_array_in_a_gzip(tmp_path, generator):
    pictures = generator.integers(0, 256, (12, 9, 9, 3)).astype(np.uint8)
    stream = io.BytesIO()
    np.save(stream, pictures)
    path = write(tmp_path, {"f.npy.gz": gzip.compress(stream.getvalue())}) / "f.npy.gz"
    assert np.array_equal(get_dataset(path).photograph("00003.ppm"), pictures[3])
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(ValueError, match="f.npy.gz is a gzip in a gzip: unpack it"):
        get_dataset(path)


def test_more_arrays_than_can_be_open_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_OPEN", 3)
    for i in range(4):
        np.save(tmp_path / f"{i}.npy", np.zeros((20, 9, 9), np.uint8))
    with pytest.raises(ValueError, match="holds 4 .npy files, of which at most 3 can be read: write their"):
        get_dataset(tmp_path)


# Parquet, as Hugging Face writes it.


def parquet(path, pictures, columns=None, classes=None, names=True, **options):
    """Writes {name: bytes} and columns of labels as a Parquet table; the path."""
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    rows = [{"bytes": data, "path": name if names else None} for name, data in pictures.items()]
    arrays = {"image": pa.array(rows, struct)} | {k: pa.array(v) for k, v in (columns or {}).items()}
    features = {"image": {"_type": "Image"}}
    features |= {k: {"names": v, "_type": "ClassLabel"} for k, v in (classes or {}).items()}
    table = pa.table(arrays).replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    path.parent.mkdir(exist_ok=True)
    pyarrow.parquet.write_table(table, path, **options)
    return path


@pytest.mark.parametrize("names", [True, False])
def test_a_parquet_table_of_pictures(names, tmp_path, generator):
    pictures = {name: encode(pixels, "PNG") for name, pixels in some_pictures(generator, 42).items()}
    smiling, kind = generator.permutation([-1, 1] * 21), generator.integers(0, 2, 42)
    columns = {
        "Smiling": smiling,
        "hair": kind,
        "id": range(42),
        "box": [[1, 2]] * 42,
        "note": ["x" * 2000] * 42,
    }
    path = parquet(
        tmp_path / "mine.parquet", pictures, columns, {"hair": ["dark red", "grey"]}, names, row_group_size=9
    )
    dataset = get_dataset(path)
    assert dataset.name == "mine"
    members = list(pictures) if names else [f"{row:06d}.png" for row in range(42)]
    assert {dataset.read(name) for name in members} == set(pictures.values())
    table = dataset.table().loc[members]
    assert list(table) == ["split", "Smiling", "hair_dark_red", "hair_grey"]
    assert table["Smiling"].tolist() == (smiling == 1).tolist()
    assert table["hair_grey"].tolist() == kind.tolist()
    said = " ".join(dataset.notes)
    assert "left out box (list<" in said and "left out note (long texts)" in said and "left out id (" in said
    faces = load_faces(dataset, 16, progress=False)
    assert len(faces.images) == 42


def test_parquet_files_of_parts(tmp_path, generator):
    every = list(some_pictures(generator, 60).items())
    names = ["train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"]
    for i, name in enumerate(names):
        part = {
            str(row): encode(pixels, "PNG") for row, (_, pixels) in enumerate(every[i * 20 : i * 20 + 20])
        }
        parquet(tmp_path / "data" / f"{name}.parquet", part, {"happy": np.arange(20) % 2}, names=False)
    (tmp_path / "README.md").write_text("card")
    dataset = get_dataset(tmp_path)
    table = dataset.table()
    assert len(table) == 60 and dataset.split == "given" and (table["split"] == "test").sum() == 20
    found = {name: dataset.photograph(name) for name in table.index[table["split"] == "test"]}
    wanted = [pixels for _, pixels in every[40:]]
    assert all(any(np.array_equal(one, other) for other in wanted) for one in found.values())


def test_parquet_folders_of_parts(tmp_path, generator):
    """As Hugging Face converts data sets: all files have one name."""
    every = [encode(pixels, "PNG") for pixels in some_pictures(generator, 40).values()]
    for part, contents in (("train", every[:30]), ("test", every[30:])):
        pictures = {str(row): content for row, content in enumerate(contents)}
        folder = tmp_path / "default" / part
        folder.mkdir(parents=True)
        parquet(folder / "0000.parquet", pictures, names=False)
    dataset = get_dataset(tmp_path)
    split = dataset.table()["split"]
    assert dataset.split == "given" and (split == "test").sum() == 10
    assert {dataset.read(name) for name in split.index[split == "test"]} == set(every[30:])


def test_the_stamp_of_a_picture_is_that_of_its_own_table(tmp_path, generator):
    every = list(some_pictures(generator, 20).items())
    pictures = {name: encode(pixels, "PNG") for name, pixels in every}
    paths = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    parquet(paths[0], dict(list(pictures.items())[:10]))
    parquet(paths[1], dict(list(pictures.items())[10:]))
    sources = [containers.open_file(path) for path in paths]
    entries = tables.ParquetFiles(sources).entries
    assert [entries[name] for name in pictures] == [source.stamp for source in sources for _ in range(10)]


def test_too_large_rows_are_no_damage(tmp_path, generator, monkeypatch):
    pictures = {name: encode(pixels, "PNG") for name, pixels in some_pictures(generator).items()}
    dataset = get_dataset(parquet(tmp_path / "mine.parquet", pictures))
    monkeypatch.setattr(tables, "LARGEST_FILE", 10)
    with pytest.raises(ValueError, match="mine.parquet holds rows of over 0 MB: make them smaller first"):
        dataset.read(next(iter(pictures)))


def test_a_parquet_table_without_pictures(tmp_path):
    pd.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "mine.parquet")
    with pytest.raises(
        ValueError, match="mine.parquet is a Parquet table without pictures: give one with a column"
    ):
        get_dataset(tmp_path / "mine.parquet")


def test_pictures_that_a_table_only_names_are_left_out(tmp_path, generator):
    pictures = {name: encode(pixels, "PNG") for name, pixels in some_pictures(generator, 44).items()}
    first = next(iter(pictures))
    faces = load_faces(parquet(tmp_path / "mine.parquet", pictures | {first: None}), 16, progress=False)
    assert faces.skipped == [(first, "is named in the table, which does not hold it: get one that does.")]


def test_a_damaged_parquet_table_is_named(tmp_path, generator):
    pictures = {name: encode(pixels, "PNG") for name, pixels in some_pictures(generator).items()}
    path = parquet(tmp_path / "mine.parquet", pictures, {"happy": np.arange(12) % 2})
    whole = path.read_bytes()
    for end in (len(whole) // 2, len(whole) - 9, 4):
        path.write_bytes(whole[:end])
        with pytest.raises(ValueError, match="mine.parquet is no whole Parquet table .*: download it again"):
            get_dataset(path)
    for _ in range(20):  # whatever the damage, it is an error that is said, or pictures that are named
        place = generator.integers(4, len(whole) - 8)
        path.write_bytes(whole[:place] + bytes(generator.integers(0, 256, 4, np.uint8)) + whole[place + 4 :])
        try:
            dataset = get_dataset(path)
            dataset.table()
            dataset.framed(list(dataset.members), 16)
        except ValueError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_a_table_that_promises_more_rows_than_it_has_bytes(tmp_path):
    """Such a table is written by what repeats: a million rows of nothing."""
    pictures = dict.fromkeys(map(str, range(200_000)))
    path = parquet(tmp_path / "mine.parquet", pictures, names=False)
    with pytest.raises(ValueError, match="mine.parquet promises 200,000 rows, more than it holds"):
        get_dataset(path)


def test_without_pyarrow_the_package_is_named(tmp_path, monkeypatch):
    path = write(tmp_path, {"mine.parquet": b"PAR1" + bytes(99)}) / "mine.parquet"
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(
        ImportError, match=r'mine.parquet is a Parquet table, .* pip install "vae-keras\[parquet\]"'
    ):
        get_dataset(path)


def test_a_pipe_and_a_device_are_no_archives(tmp_path):
    os.mkfifo(tmp_path / "pipe.zip")
    (tmp_path / "endless.zip").symlink_to("/dev/zero")
    for name in ("pipe.zip", "endless.zip"):
        with pytest.raises(ValueError, match=f"{name} is a device or a pipe and no file: give a folder"):
            get_dataset(tmp_path / name)


# What is no container.

OTHERS = {
    "faces.7z": (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it"),
    "faces.h5": (b"\x89HDF\r\n", "is an HDF5 file: write its pictures"),
    "faces.zip": (
        b"version https://git-lfs.github.com/spec/v1\n",
        "is a pointer of Git LFS .*: run git lfs pull",
    ),
    "one.jpg": (picture(1), "is one picture: give a folder"),
    "faces.tar": (bytes(2000), "is no whole tar archive|holds no pictures"),
    "faces.tar.gz": (gzip.compress(b"text"), "is no whole tar archive"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_refused_by_what_they_are(name, tmp_path):
    content, words = OTHERS[name]
    path = write(tmp_path, {name: content}) / name
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        get_dataset(path)


def test_lfw_in_a_zip_in_a_folder_is_still_lfw(tmp_path):
    lfw(tmp_path / "mine" / "lfw.zip")
    assert get_dataset(tmp_path / "mine").name == "lfw"
