"""Where the pictures come from: CelebA, LFW, anime faces, drawn faces, or any folder or zip archive.

A `Source` lists its pictures with their split and labels, and reads one photograph by its name. Archives are
looked for in the folder named by `VAE_KERAS_DATA`, then in `data/` of the project, then downloaded from Kaggle.
"""

import difflib
import hashlib
import io
import os
import re
import threading
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

MEASURED = ("Bright", "Contrasty", "Warm", "Bright_Background", "Light_From_Left")
SPLITS = ("train", "validation", "test")
CARTOONS = 10_000

# HEIC and AVIF are listed although not every OpenCV reads them: left out silently they would never be missed.
_PICTURES = set(".jpg .jpeg .jpe .png .bmp .webp .tif .tiff .gif .ppm .pgm .heic .heif .avif .jp2".split())


@dataclass(frozen=True)
class Source:
    """A set of face pictures: where it lies, how it is cropped and which attributes its lessons show."""

    name: str
    title: str
    crop: float | None  # side of the centre square as a fraction of the width; None: the largest square
    attributes: tuple[str, ...]  # shown in the lessons: labelled ones, or those of MEASURED
    arithmetic: tuple[str, str]  # (A, B) for "A without B" - "neither" + "B without A"
    terms: str  # licence and consent
    make_table: Callable[[], pd.DataFrame] = field(repr=False, compare=False)
    reader: Callable[[str, int], bytes | np.ndarray] = field(repr=False, compare=False)
    group: Callable[[str], str] | None = field(default=None, repr=False, compare=False)  # None: official split
    location: str = ""  # the folder or archive; empty for drawn faces
    stamp: str = ""  # changes whenever the pictures or their labels change
    find_face: bool = False  # crop around the largest face that is found, instead of the centre

    def table(self) -> pd.DataFrame:
        """One row a picture: index "name", column "split" and the labels as int8 0/1 (there may be none).

        Raises:
            ValueError, FileNotFoundError: a table is missing or does not belong to the pictures.
        """
        table = self.make_table().rename_axis("name")
        if self.group is not None:
            table.insert(0, "split", split_by_hash([self.group(name) for name in table.index]))
        return table

    def read(self, name: str, size: int = 256) -> bytes | np.ndarray:
        """The file of one picture; for drawn faces the picture itself, uint8 (size, size, 3). Thread-safe."""
        return self.reader(name, size)


class Files:
    """The files of a folder or a zip archive, under names with forward slashes. Nothing is ever unpacked."""

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._lock = threading.Lock()
        self._zip = None if self.path.is_dir() else _open_zip(self.path)
        entries = self._walk() if self._zip is None else self._entries()
        entries = sorted(entry for entry in entries if not _is_hidden(entry[0]))
        self.names = [entry[0] for entry in entries]
        self.stamp = hashlib.sha256(repr(entries).encode("utf-8", "backslashreplace")).hexdigest()

    def _walk(self):
        for folder, _, files in os.walk(self.path):
            for file in files:
                path = Path(folder, file)
                if path.exists():  # not a link that leads nowhere
                    status = path.stat()
                    yield path.relative_to(self.path).as_posix(), status.st_size, status.st_mtime_ns

    def _entries(self):
        for entry in self._zip.infolist():
            parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
            if ".." in parts or parts[:1] == ("/",) or (parts and parts[0].endswith(":")):
                raise ValueError(
                    f"{self.path} holds the entry {entry.filename!r}, which climbs out of its folder: "
                    "do not use this archive, get a copy from its publisher."
                )
            if not entry.is_dir():
                yield entry.filename, entry.file_size, entry.CRC

    def read(self, name: str) -> bytes:
        """The content of one file; its checksum is verified in an archive."""
        if self._zip is None:
            return (self.path / name).read_bytes()
        with self._lock:  # one file handle, several threads
            return self._zip.read(name)

    def find(self, *names: str) -> str | None:
        """The entry with one of these file names that lies highest; None when there is none."""
        found = [name for name in self.names if PurePosixPath(name).name.lower() in names]
        return min(found, key=lambda name: (name.count("/"), name), default=None)

    def pictures(self) -> list[str]:
        """The names of all pictures, by their suffix."""
        return [name for name in self.names if PurePosixPath(name).suffix.lower() in _PICTURES]


def _open_zip(path):
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(
            f"{path} is not a whole zip archive ({error}): download it again, or unpack it and give the folder."
        ) from None


def _is_hidden(name):
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _plain(text):
    """One form for all: macOS writes an accented letter as two characters, other systems as one."""
    return unicodedata.normalize("NFC", text)


def name_hash(name: str) -> str:
    """Pseudo-random but stable: the order and the split of pictures follow it (SHA-256, hexadecimal)."""
    return hashlib.sha256(_plain(name).encode("utf-8", "surrogateescape")).hexdigest()


def split_by_hash(groups: list[str], total: int | None = None) -> list[str]:
    """Splits 80/10/10 by the hash of each row's group; a group never changes sides when others are added.

    Small sets are topped up in the order of the hash: 8 groups to test and 4 to validation from 24 groups on,
    a fifth and a tenth below. `total`: the number of groups to judge that by (default: those given).
    """
    hashes = {group: name_hash(group) for group in set(groups)}
    total = total or len(hashes)
    order = sorted(hashes, key=hashes.get, reverse=True)
    shares = [int(hashes[group][:8], 16) / 2**32 for group in order]
    least_test, least_validation = (8, 4) if total >= 24 else (max(1, total // 5), max(1, total // 10))
    test = max(sum(share >= 0.9 for share in shares), least_test)
    validation = max(sum(0.8 <= share < 0.9 for share in shares), least_validation)
    split = dict.fromkeys(order, "train")
    split.update(dict.fromkeys(order[:test], "test"))
    split.update(dict.fromkeys(order[test : test + validation], "validation"))
    return [split[group] for group in groups]


def get_source(name_or_path: str | Path, find_face: bool = False) -> Source:
    """The source of that name ("celeba", "lfw", "anime", "cartoon"), or a folder or zip of pictures.

    A folder or zip laid out like CelebA, LFW or the anime faces is taken for what it is. `find_face` crops each
    picture around the largest face found in it; pictures without one are left out.

    Raises:
        ValueError: an unknown name (the nearest is offered), no archive, an archive that must not be used.
        FileNotFoundError: there is no such folder, no pictures in it, or the download failed.
    """
    if str(name_or_path) == "cartoon":
        source = _cartoon()
    elif str(name_or_path) in _LAYOUTS:
        source = _LAYOUTS[str(name_or_path)](Files(_locate(str(name_or_path))))
    else:
        files = Files(_existing(name_or_path))
        source = _LAYOUTS[_layout(files)](files)
    return replace(source, find_face=True) if find_face else source


def _existing(path):
    path = Path(path).expanduser()
    if path.name == "img_align_celeba.zip" or (path.name == "img_align_celeba" and path.is_dir()):
        path = path.resolve().parent  # as published: the tables lie beside the pictures, or one folder up
        path = path.parent if path.name in ("Img", "img_align_celeba") else path
    if path.exists():
        return path
    known = ["cartoon", *(name for name in _LAYOUTS if name != "folder")]
    if os.sep in str(path) or path.suffix:
        raise FileNotFoundError(f"There is no folder or zip archive {path}: check the path.")
    near = difflib.get_close_matches(str(path).lower(), known, n=2, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else "and there is no folder of that name here."
    raise ValueError(f"Unknown data set {str(path)!r}; known are {', '.join(known)}, a folder or a zip: {hint}")


def _layout(files):
    """Which data set a folder or archive holds, told by how its files are named."""
    pictures = files.pictures()
    if files.find("list_attr_celeba.csv", "list_attr_celeba.txt", "img_align_celeba.zip"):
        return "celeba"
    if files.find("tags.csv") and pictures and all(re.search(r"\d+\.\w+$", name) for name in pictures):
        return "anime"
    if pictures and all(re.search(r"(^|/)([^/]+)/\2_\d{4}\.\w+$", name) for name in pictures):
        return "lfw"
    return "folder"


_HANDLES = {
    "celeba": ("jessicali9530/celeba-dataset", "celeba-dataset celeba CelebA img_align_celeba Img/img_align_celeba"),
    "lfw": ("jessicali9530/lfw-dataset", "lfw-dataset lfw-deepfunneled lfw"),
    "anime": ("soumikrakshit/anime-faces", "anime-faces anime"),
}


def _locate(name):
    """The archive or folder of a known data set, downloaded when it is nowhere."""
    folders = [Path(__file__).parent.parent / "data"]
    if os.environ.get("VAE_KERAS_DATA"):
        folders.insert(0, Path(os.environ["VAE_KERAS_DATA"]).expanduser())
        if not folders[0].is_dir():
            raise FileNotFoundError(f"VAE_KERAS_DATA names {folders[0]}, which is no folder: correct or unset it.")
    handle, stems = _HANDLES[name]
    for folder in folders:
        for stem in stems.split():
            for path in (folder / f"{stem}.zip", folder / stem):
                if path.exists():
                    return _existing(path)
    return _download(name, handle, folders[0])


def _download(name, handle, folder):
    """The folder of a data set in kagglehub's cache, from the network unless it is there already."""
    import kagglehub
    import requests
    from kagglehub.config import get_cache_folder

    kept = Path(get_cache_folder(), "datasets", handle)
    versions = [int(path.stem) for path in kept.glob("*.complete") if path.stem.isdigit()]
    try:  # a handle with its version needs no network where that version is complete
        return Path(kagglehub.dataset_download(f"{handle}/versions/{max(versions)}" if versions else handle))
    except requests.RequestException as error:
        status = getattr(error.response, "status_code", None)
        whys = {401: "access was refused", 403: "access was refused", 404: "it was not found there"}
        why = whys.get(status, "too many requests, try again later" if status == 429 else "no connection")
        why = f"{why}, HTTP {status}" if status else why
        remove = False  # a cut transfer is resumed by the next call
    except Exception as error:  # kagglehub has a dozen kinds; what it saved is then no archive
        why, remove = f"what came was not its archive: {type(error).__name__}", True
    for archive in kept.glob("*.archive"):
        with open(archive, "rb") as file:
            broken = remove or file.read(2) != b"PK"
        if broken:  # an error page saved as the archive would be resumed on to for ever
            archive.unlink()
    raise FileNotFoundError(
        f"{name} could not be downloaded from Kaggle ({why}): download https://www.kaggle.com/datasets/{handle} "
        f"in a browser and put it, as {handle.split('/')[1]}.zip, into {folder} (or set VAE_KERAS_DATA)."
    ) from None


def _members(files, key, what):
    """{picture's name in the table: its entry}; of two entries with the same name the higher one counts."""
    members = {}
    for entry in sorted(files.pictures(), key=lambda entry: (entry.count("/"), entry)):
        members.setdefault(key(entry), entry)
    members.pop(None, None)
    if not members:
        raise FileNotFoundError(f"{files.path} holds no {what}: check the path, or download the archive again.")
    return dict(sorted(members.items()))


def _source(files, members, **fields):
    return Source(
        reader=lambda name, size: files.read(members[name]), location=str(files.path), stamp=files.stamp, **fields
    )


def _celeba(files):
    inner = files.find("img_align_celeba.zip")
    pictures = Files(files.path / inner) if inner and files.path.is_dir() else files
    members = _members(
        pictures,
        lambda entry: PurePosixPath(entry).name if "img_align_celeba" in entry else None,
        "CelebA pictures (img_align_celeba/000001.jpg and so on)",
    )
    source = _source(
        pictures,
        members,
        name="celeba",
        title="CelebA",
        crop=148 / 178,
        attributes=("Smiling", "Eyeglasses", "Male", "Blond_Hair", "Young"),
        arithmetic=("Smiling", "Male"),
        terms="CelebA: for non-commercial research and education only; the rights stay with the owners of the "
        "photographs and the pictures must not be passed on. Labels are opinions of annotators.",
        make_table=partial(_celeba_table, files, tuple(members)),
    )
    return replace(source, location=str(files.path), stamp=f"{files.stamp}-{pictures.stamp}")


def _celeba_table(files, names):
    labels = _official_table(files, "list_attr_celeba", names)
    partition = _official_table(files, "list_eval_partition", names).iloc[:, 0]
    table = (labels == 1).astype("int8")
    table.insert(0, "split", partition.map(dict(enumerate(SPLITS))))
    return table


def _official_table(files, stem, names):
    """One of CelebA's tables, in Kaggle's form (CSV) or the official one (count, header, blanks)."""
    entry = files.find(f"{stem}.csv", f"{stem}.txt")
    if entry is None:
        raise FileNotFoundError(f"{files.path} lacks {stem}.csv (or .txt): put it beside the pictures.")
    content = io.BytesIO(files.read(entry))
    if entry.endswith(".csv"):
        table = pd.read_csv(content, index_col=0)
    elif stem == "list_attr_celeba":
        table = pd.read_csv(content, sep=r"\s+", skiprows=1)
    else:
        table = pd.read_csv(content, sep=r"\s+", header=None, index_col=0)
    missing = [name for name in names if name not in table.index]
    if missing:
        raise ValueError(f"{entry} in {files.path} lacks {len(missing)} pictures, as {missing[0]}: get a whole copy.")
    return table.loc[list(names)]


def _lfw(files):
    def key(entry):
        return "/".join(entry.split("/")[-2:]) if "/" in entry else None

    members = _members(files, key, "LFW pictures (NAME/NAME_0001.jpg and so on)")
    return _source(
        files,
        members,
        name="lfw",
        title="Labeled Faces in the Wild",
        crop=118 / 250,
        attributes=MEASURED,
        arithmetic=("Bright_Background", "Light_From_Left"),
        terms="LFW: news photographs of people who were not asked, collected for research on recognition.",
        make_table=lambda: pd.DataFrame(index=list(members)),
        group=lambda name: name.split("/")[0],  # nobody is in two parts
    )


def _anime(files):
    members = _members(files, lambda entry: PurePosixPath(entry).name, "anime faces (images/0.jpg and so on)")
    table = _anime_tags(files, list(members))
    counts = table.sum().sort_values(ascending=False, kind="stable")
    counts = counts[(counts >= 2) & (counts <= len(table) - 2)]
    hair, eyes = ([name for name in counts.index if name.endswith(part)][:3] for part in ("_Hair", "_Eyes"))
    return _source(
        files,
        members,
        name="anime",
        title="Anime faces",
        crop=1.0,
        attributes=(*hair, *eyes) if hair and eyes else MEASURED,
        arithmetic=(hair[0], eyes[0]) if hair and eyes else ("Bright_Background", "Light_From_Left"),
        terms="Anime faces: drawn by artists whose rights are open; for education only.",
        make_table=table.copy,
        group=str,
    )


def _anime_tags(files, names):
    """Colours as 0/1 from tags.csv: `0,aqua hair aqua eyes`, without a header; no columns without that file."""
    entry = files.find("tags.csv")
    if entry is None:
        return pd.DataFrame(index=names)
    tags = pd.read_csv(io.BytesIO(files.read(entry)), header=None, dtype=str).fillna("")
    words = dict(zip(tags[0], tags[1].str.lower().str.findall(r"(\w+) (hair|eyes)"), strict=True))
    colours = [{f"{a}_{b}".title() for a, b in words.get(PurePosixPath(name).stem, ())} for name in names]
    columns = sorted(set().union(*colours))
    if not columns:
        raise ValueError(f"{entry} in {files.path} matches no picture: correct or remove it.")
    return pd.DataFrame({c: [np.int8(c in colour) for colour in colours] for c in columns}, index=names)


def _cartoon():
    import cv2

    from vae_keras import cartoon

    @cache
    def factors():
        return cartoon.sample_factors(CARTOONS, seed=0)

    @cache
    def rows():
        return dict(zip(names, factors().to_dict("records"), strict=True))

    names = [f"{row:05d}" for row in range(CARTOONS)]
    columns = cartoon.attributes(cartoon.sample_factors(8)).columns
    code = Path(cartoon.__file__).read_bytes()
    return Source(
        name="cartoon",
        title="Drawn faces",
        crop=1.0,
        attributes=tuple(
            c for c in ("Smiling", "Eyeglasses", "Male", "Blond_Hair", "Wearing_Hat", "Young") if c in columns
        )[:5],
        arithmetic=("Smiling", "Male"),
        terms="Drawn by this project, free of anybody's rights: use them as you like.",
        make_table=lambda: cartoon.attributes(factors()).astype("int8").set_axis(names),
        reader=lambda name, size: cartoon.draw(rows()[name], size),
        group=str,
        stamp=hashlib.sha256(code + cv2.__version__.encode()).hexdigest(),
    )


def _folder(files):
    members = _members(files, str, "pictures")
    table = _attribute_table(files, list(members))
    shown = [name for name in table if 4 <= table[name].sum() <= len(table) - 4][:5]
    stem = re.sub(r"[^\w.-]+", "_", files.path.resolve().name.removesuffix(".zip")) or "pictures"
    return _source(
        files,
        members,
        name=stem,
        title=files.path.resolve().name,
        crop=None,
        attributes=(*shown, *MEASURED)[:5],
        arithmetic=tuple(shown[:2]) if len(shown) > 1 else ("Bright_Background", "Light_From_Left"),
        terms="Pictures of your own: use photographs of yourself, or of people who agreed.",
        make_table=table.copy,
        group=str,
    )


def _attribute_table(files, names):
    """Labels as 0/1 from attributes.csv: the picture's name first, then 0/1, -1/1, true/false, numbers or words."""
    entry = files.find("attributes.csv")
    if entry is None:
        return pd.DataFrame(index=names)
    try:
        text = files.read(entry).decode("utf-8-sig")
        rows = pd.read_csv(io.StringIO(text), sep=None, engine="python", dtype=str, keep_default_na=False)
    except (UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{entry} in {files.path} is no table of comma-separated values in UTF-8: {error}") from None
    keys = rows.iloc[:, 0].map(lambda name: _plain(name.strip()))
    rows = rows.iloc[:, 1:].set_axis(keys).loc[lambda table: ~table.index.duplicated()]
    by_name = {name: next((k for k in _keys(name) if k in rows.index), None) for name in names}
    if not any(by_name.values()):
        raise ValueError(
            f"{entry} in {files.path} matches no picture (it names {keys.iloc[0] if len(keys) else 'nothing'!r}, the "
            f"pictures are called {names[0]!r} and so on): write file names into its first column, or remove it."
        )
    columns = [_as_labels(rows[name]) for name in rows if name not in ("split", *MEASURED)]
    labels = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=rows.index)
    return labels.reindex([by_name[name] for name in names], fill_value=0).set_axis(names).astype("int8")


def _keys(name):
    path = PurePosixPath(_plain(name))
    return str(path), path.name, path.stem


def _as_labels(column):
    """One column of words as one or several columns of 0/1."""
    words = column.str.strip()
    numbers = pd.to_numeric(words.str.lower().replace({"true": 1, "false": 0, "yes": 1, "no": 0, "": 0}), "coerce")
    if numbers.notna().all():  # two values: the higher is "has it"; more: above the middle
        few = numbers.nunique() <= 2 and numbers.isin([-1, 0, 1]).all()
        return (numbers == 1 if few else numbers > numbers.median()).astype("int8").to_frame(column.name)
    counts = words[words != ""].value_counts()
    values = sorted(counts.index[counts >= 2]) if len(counts) <= 12 else []  # else names or remarks, no classes
    return pd.DataFrame({f"{column.name}_{value}".replace(" ", "_"): words == value for value in values}, words.index)


_LAYOUTS = {"celeba": _celeba, "lfw": _lfw, "anime": _anime, "folder": _folder}
