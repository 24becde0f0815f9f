"""Where the pictures come from: CelebA, LFW, anime faces, drawn faces, or any folder or zip archive.

A `Source` lists its pictures with their split and labels, and reads one photograph by its name. Archives are
looked for in the folder named by `VAE_KERAS_DATA`, then in `data/` of the project, then downloaded from Kaggle.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from vae_keras.archives import KAGGLE, Files, existing, locate

MEASURED = ("Bright", "Contrasty", "Warm", "Bright_Background", "Light_From_Left")
SPLITS = ("train", "validation", "test")
CARTOONS = 10_000
_INNER = {"repr": False, "compare": False}


@dataclass(frozen=True)
class Source:
    """A set of face pictures: where it lies, how it is cropped and which attributes its lessons show."""

    name: str
    title: str
    crop: float | None  # side of the centre square as a fraction of the width; None: the largest square
    attributes: tuple[str, ...]  # shown in the lessons: labelled ones, or those of MEASURED
    arithmetic: tuple[str, str]  # (A, B) for "A without B" - "neither" + "B without A"
    terms: str  # licence and consent
    labels: Callable = field(**_INNER)  # () -> one row a picture
    # (name, size=256) -> the file of one picture, or a drawn face itself, uint8 (size, size, 3). Thread-safe.
    read: Callable[..., bytes | np.ndarray] = field(**_INNER)
    group: Callable | None = field(default=None, **_INNER)  # (name) -> split as one; None: official split
    draw: Callable | None = field(default=None, **_INNER)  # (names, size) -> drawn faces, many at once
    location: str = ""  # the folder or archive; empty for drawn faces
    address: str = ""  # what `get_source` finds it by: its name, or the whole path of a folder or zip
    stamp: str = ""  # changes whenever the pictures or their labels change
    find_face: bool = False  # crop around the largest face that is found, instead of the centre

    def table(self) -> pd.DataFrame:
        """One row a picture: index "name", column "split" and the labels as int8 0/1 (there may be none).

        Raises ValueError or FileNotFoundError: a table is missing or does not belong to the pictures.
        """
        table = self.labels().rename_axis("name")
        if self.group is not None:
            table.insert(0, "split", split_by_hash([self.group(name) for name in table.index]))
        return table


def name_hash(name: str) -> str:
    """Pseudo-random but stable: the order and the split of pictures follow it (SHA-256, hexadecimal)."""
    return hashlib.sha256(_plain(name).encode("utf-8", "surrogateescape")).hexdigest()


def _plain(text):
    return unicodedata.normalize("NFC", text)  # macOS writes an accented letter as two characters


def split_by_hash(groups: list[str], total: int | None = None) -> list[str]:
    """Splits 80/10/10 by the hash of each row's group; a group stays where it is when others are added.

    Small sets are topped up in the order of the hash: 8 groups to test and 4 to validation from 24 groups on,
    a fifth and a tenth below. `total`: the number of groups to judge that by (default: those given).
    """
    hashes = {group: name_hash(group) for group in set(groups)}
    total = total or len(hashes)
    least_test, least_validation = (8, 4) if total >= 24 else (max(1, total // 5), max(1, total // 10))
    order = sorted(hashes, key=hashes.get, reverse=True)
    shares = [int(hashes[group][:8], 16) / 2**32 for group in order]
    test = max(sum(share >= 0.9 for share in shares), least_test)
    validation = max(sum(0.8 <= share < 0.9 for share in shares), least_validation)
    place = {group: position for position, group in enumerate(order)}
    return [SPLITS[2 - (place[group] >= test) - (place[group] >= test + validation)] for group in groups]


def get_source(name_or_path: str | Path, find_face: bool = False) -> Source:
    """The source of that name ("celeba", "lfw", "anime", "cartoon"), or a folder or zip of pictures.

    A folder or zip laid out like CelebA, LFW or the anime faces is taken for what it is. `find_face` crops each
    picture around the largest face found in it; pictures without one are left out.

    Raises ValueError for an unknown name (the nearest are offered) or an archive that must not be used,
    FileNotFoundError where there is no such folder, no picture in it, or the download fails.
    """
    name = str(name_or_path)
    if name == "cartoon":
        source = _cartoon()
    elif name in KAGGLE:
        source = _LAYOUTS[name](Files(locate(name)))
    else:
        files = Files(existing(Path(name_or_path).expanduser()))
        source, name = _layout(files)(files), str(files.path.resolve())
    return replace(source, address=name, find_face=find_face)


def _layout(files):
    """Which data set a folder or archive holds, told by how its files are named."""
    if files.find("list_attr_celeba.csv", "list_attr_celeba.txt"):
        return _celeba
    if files.find("tags.csv"):
        return _anime
    pictures = files.pictures(str, "pictures (.jpg, .png and so on)")
    return _lfw if all(re.search(r"(^|/)([^/]+)/\2_\d{4}\.\w+$", name) for name in pictures) else _folder


def _make(files, members, **fields):
    fields = {"attributes": MEASURED, "arithmetic": ("Bright_Background", "Light_From_Left"), **fields}
    return Source(
        read=lambda name, size=256: files.read(members[name]),
        location=str(files.path),
        stamp=files.stamp,
        **fields,
    )


def _celeba(files):
    archive = files.find("img_align_celeba.zip")
    pictures = Files(files.path / archive) if archive and files.path.is_dir() else files
    in_folder = re.compile(r"(?:^|/)img_align_celeba/([^/]+)$")
    members = pictures.pictures(lambda name: (m := in_folder.search(name)) and m[1], "CelebA pictures")
    source = _make(
        pictures,
        members,
        name="celeba",
        title="CelebA",
        crop=148 / 178,
        attributes=("Smiling", "Eyeglasses", "Male", "Blond_Hair", "Young"),
        arithmetic=("Smiling", "Male"),
        terms="CelebA: for non-commercial research only; the rights stay with the owners of the "
        "photographs, which must not be passed on. Its labels are opinions of annotators.",
        labels=partial(_celeba_table, files, list(members)),
    )
    return replace(source, location=str(files.path), stamp=f"{files.stamp}-{pictures.stamp}")


def _celeba_table(files, names):
    """Partition and 40 attributes from Kaggle's tables (CSV) or the official ones (count, header, blanks)."""
    tables = []
    forms = {
        "list_eval_partition": ([0, 1, 2], {"header": None, "index_col": 0}),
        "list_attr_celeba": ([-1, 0, 1], {"skiprows": 1}),
    }
    for stem, (values, official) in forms.items():
        entry = files.find(f"{stem}.csv", f"{stem}.txt")
        if entry is None:
            raise FileNotFoundError(f"{files.path} lacks {stem}.csv (or .txt): put it beside the pictures.")
        form = {"index_col": 0} if entry.endswith(".csv") else {"sep": r"\s+", **official}
        table = files.read_table(entry, **form)
        missing = pd.Index(names).difference(table.index)
        if len(missing):
            count = f"{len(missing)} of the pictures, as {missing[0]}"
            raise ValueError(f"{entry} of {files.path} lacks {count}: get a whole copy.")
        if not table.size or not table.isin(values).all(axis=None):
            known = ", ".join(map(str, values))
            raise ValueError(
                f"{entry} of {files.path} lacks numbers, or has others than {known}: get a whole copy."
            )
        tables.append(table.loc[names])
    labels = (tables[1] == 1).astype("int8")
    labels.insert(0, "split", tables[0].iloc[:, 0].map(dict(enumerate(SPLITS))))
    return labels


def _lfw(files):
    person = re.compile(r"[^/]+/[^/]+$")
    members = files.pictures(lambda name: (m := person.search(name)) and m[0], "LFW pictures (NAME/1.jpg)")
    return _make(
        files,
        members,
        name="lfw",
        title="Labeled Faces in the Wild",
        crop=118 / 250,
        terms="LFW: news photographs of people who were not asked, collected for research on recognition.",
        labels=lambda: pd.DataFrame(index=list(members)),
        group=lambda name: name.split("/")[0],  # nobody is in two parts
    )


def _anime(files):
    members = files.pictures(lambda name: PurePosixPath(name).name, "anime faces (images/0.jpg)")
    labels = _anime_colours(files, list(members))
    counts = labels.sum().sort_values(ascending=False, kind="stable")
    common = counts.index[counts >= 4]
    hair, eyes = ([name for name in common if name.endswith(end)][:3] for end in ("_Hair", "_Eyes"))
    shown = {"attributes": (*hair, *eyes), "arithmetic": (hair[0], eyes[0])} if hair and eyes else {}
    return _make(
        files,
        members,
        name="anime",
        title="Anime faces",
        crop=1.0,
        terms="Anime faces: drawn by artists whose rights are open; for education only.",
        labels=labels.copy,
        group=str,
        **shown,
    )


def _anime_colours(files, names):
    """Colours as 0/1 from tags.csv: `0,aqua hair aqua eyes`, without a header; no columns without that file."""
    entry = files.find("tags.csv")
    if entry is None:
        return pd.DataFrame(index=names)
    tags = files.read_table(entry, header=None, dtype=str).set_index(0).reindex(columns=[1])
    colours = tags[1].astype(str).str.lower().str.extractall(r"(\w+) (hair|eyes)")
    colours = (colours[0] + "_" + colours[1]).str.title().droplevel(1)
    labels = pd.get_dummies(colours, dtype="int8").groupby(level=0).max()
    labels = labels.reindex([PurePosixPath(name).stem for name in names], fill_value=0).set_axis(names)
    if not labels.to_numpy().any():
        raise ValueError(f"{entry} of {files.path} matches no picture: correct or remove it.")
    return labels


def _cartoon():
    from vae_keras import cartoon

    factors = cache(lambda: cartoon.sample_factors(CARTOONS, seed=0))
    names = [f"{row:05d}" for row in range(CARTOONS)]

    def draw(names, size):
        return cartoon.draw_faces(factors().iloc[[int(name) for name in names]], size)

    return Source(
        name="cartoon",
        title="Drawn faces",
        crop=1.0,
        attributes=("Smiling", "Eyeglasses", "Male", "Blond_Hair", "Wearing_Hat"),
        arithmetic=("Smiling", "Male"),
        terms="Drawn by this project, free of anybody's rights: use them as you like.",
        labels=lambda: cartoon.attributes(factors()).astype("int8").set_axis(names),
        read=lambda name, size=256: draw([name], size)[0],
        draw=draw,
        group=str,
        stamp=hashlib.sha256(draw(names[:8], 64)).hexdigest(),  # changes with the way of drawing
    )


def _folder(files):
    members = files.pictures(str, "pictures")
    labels = _attribute_table(files, list(members))
    shown = tuple(name for name in labels if 4 <= labels[name].sum() <= len(labels) - 4)[:5]
    pairs = [(a, b) for a in shown for b in (*shown, *MEASURED[3:]) if a != b]
    mixed = (pair for pair in pairs if not {*pair} <= {*labels} or len(labels[[*pair]].value_counts()) == 4)
    title = files.path.resolve().name
    return _make(
        files,
        members,
        name=re.sub(r"[^\w.-]+", "_", title.removesuffix(".zip")) or "pictures",
        title=title,
        crop=None,
        attributes=(*shown, *MEASURED)[:5],
        arithmetic=next(mixed, MEASURED[3:]),
        terms="Pictures of your own: use photographs of yourself, or of people who agreed.",
        labels=labels.copy,
        group=str,
    )


def _attribute_table(files, names):
    """Labels as 0/1 from attributes.csv: the picture's name, then columns of 0/1, -1/1, true/false or words."""
    entry = files.find("attributes.csv")
    if entry is None:
        return pd.DataFrame(index=names)
    how = dict(sep=None, engine="python", encoding="utf-8-sig", dtype=str, keep_default_na=False)
    rows = files.read_table(entry, **how)
    rows = rows.set_axis(rows.iloc[:, 0].map(_plain).str.strip()).iloc[:, 1:]
    rows = rows[~rows.index.duplicated()].drop(columns=["split", "name", *MEASURED], errors="ignore")
    paths = [PurePosixPath(_plain(name)) for name in names]
    rows_of = [next((key for key in (str(p), p.name, p.stem) if key in rows.index), None) for p in paths]
    if not any(rows_of):
        way_out = f"write their names (as {names[0]!r}) into its first column, or remove it."
        raise ValueError(f"{entry} of {files.path} matches no picture: {way_out}")
    columns = [_as_labels(rows[name].str.strip()) for name in rows]
    labels = pd.concat([pd.DataFrame(index=rows.index), *columns], axis=1)
    return labels.reindex(rows_of, fill_value=0).set_axis(names).astype("int8")


def _as_labels(column):
    """A column of 0/1, -1/1 or true/false as one of 0/1; one of a few words as one of 0/1 for each word."""
    plain = column.str.lower().replace({"true": "1", "yes": "1", "false": "0", "no": "0", "-1": "0", "": "0"})
    if plain.isin(["0", "1", "0.0", "1.0", "-1.0"]).all():
        return plain.isin(["1", "1.0"]).to_frame(column.name)
    words = column[column != ""].str.replace(" ", "_")
    words = words[words.isin(words.value_counts().loc[lambda n: n >= 2].index)]
    few = words if words.nunique() <= 12 else words[:0]  # else they are numbers or remarks, no classes
    return pd.get_dummies(few, prefix=column.name).reindex(column.index, fill_value=False)


_LAYOUTS = {"celeba": _celeba, "lfw": _lfw, "anime": _anime}
