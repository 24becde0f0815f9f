"""The settings of a run, and the profiles that scale it from a test to a full training."""

import difflib
import hashlib
import numbers
import os
import re
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

REPOSITORY = ""  # "owner/name" on GitHub; `make colab REPO=owner/name` writes it here and into the lessons

TARS = (".tgz", ".tar.gz", ".tar")  # suffixes
ARCHIVES = (".zip", *TARS, "")  # suffixes in the order in which they are looked for
# Names of archives (without a suffix) and folders that may hold CelebA.
CELEBA_ARCHIVES = ("celeba-dataset", "celeba", "img_align_celeba", "Img/img_align_celeba", "CelebA")
KAGGLE_INPUT = Path("/kaggle/input")  # where a Kaggle notebook has the data sets that were added to it
DRAWN_FACES_INSTEAD = (
    "Pictures: drawn faces. For CelebA's photographs put celeba-dataset.zip from "
    'https://www.kaggle.com/datasets/jessicali9530/celeba-dataset into data/, or set dataset="celeba", which '
    "downloads it."
)

# Amounts and nothing else: image size, architecture and latent size are the same in every profile, so that what a
# lesson says about shapes and formulas is true in all of them.
AMOUNTS = ("epochs", "comparison_epochs", "pictures", "comparison_pictures", "evaluation_pictures")
PROFILES = {
    "quick": (2, 1, 256, 128, 128),
    "cpu": (7, 3, 6_000, 1_500, 1_000),
    "gpu": (20, 10, 40_000, 20_000, 5_000),
    "full": (8, 5, None, 3_000, 5_000),
}


def _buys(text, **default):
    """Return a field of `Settings` with a note on what a larger value buys."""
    return field(metadata={"buys": text}, **default)


@dataclass(frozen=True)
class Settings:
    """Everything a lesson can be told. Made by `settings`; `dataclasses.replace` gives a copy with changes."""

    profile: str = _buys("scales the amounts below: quick, cpu, gpu or full")
    dataset: str = _buys("whose faces: a data set's name, or the path of a folder or zip")
    epochs: int = _buys("passes over the pictures: more are sharper, and take longer")
    comparison_epochs: int = _buys("passes for each of the small models that lesson 03 compares")
    pictures: int | None = _buys("training pictures at most (None: all): more overfit less")
    comparison_pictures: int = _buys("training pictures of the small models")
    evaluation_pictures: int = _buys("pictures behind every distance, map and statistic")
    precision: str = _buys("number format of the layers: what this device computes fastest")
    image_size: int = _buys("pixels a side: 128 shows more and takes two to three times as long", default=64)
    latent_dim: int = _buys("latent variables per face: more keep more detail", default=128)
    batch_size: int = _buys("pictures per step of the optimizer", default=64)
    seed: int = _buys("the same run again", default=0)

    @property
    def model_folder(self) -> Path:
        """Folder of the model that lesson 03 trains with these settings, under `VAE_KERAS_RUNS` or `runs/`."""
        runs = Path(os.environ.get("VAE_KERAS_RUNS") or working_folder() / "runs")
        path = Path(self.dataset).expanduser()
        path = path.resolve() if path.exists() else path
        name = re.sub(r"\W+", "-", path.stem).strip("-") or "pictures"
        if path.exists():  # two folders of the same name are two sets of faces
            name += "-" + hashlib.sha256(str(path).encode()).hexdigest()[:6]
        return runs / f"{name}-{self.image_size}-{self.latent_dim}-{self.profile}"

    def __str__(self):
        notes = {f.name: f.metadata["buys"] for f in self.__dataclass_fields__.values()}
        return "\n".join(f"{name:<20} {value!s:<15} {notes[name]}" for name, value in asdict(self).items())


def working_folder() -> Path:
    """Return the folder for runs and archives.

    It is the checkout that the module is imported from, and the current folder where the module is installed.
    """
    checkout = Path(__file__).resolve().parent.parent
    is_checkout = (checkout / "pyproject.toml").exists() and (checkout / "notebooks").is_dir()
    return checkout if is_checkout else Path.cwd()


def settings(**changes) -> Settings:
    """Return the `Settings` of this machine, with changes.

    The profile is `VAE_KERAS_PROFILE`, else "gpu" where TensorFlow sees a GPU, else "cpu". The data set is
    `VAE_KERAS_DATASET`, else "celeba" where its archive is at hand or in Google Colab, else "cartoon", which a printed
    line then says. The precision follows the device.

    Args:
        **changes: values of fields of `Settings`; None leaves the default.

    Returns:
        A `Settings`.

    Raises:
        ValueError: There is no such setting or profile, or an amount is not a positive whole number.
        FileNotFoundError: `VAE_KERAS_DATA` names no folder.

    Example:
        >>> vae_keras.settings(dataset="lfw", epochs=30)
    """
    changes = {name: value for name, value in changes.items() if value is not None}
    require(changes, Settings.__dataclass_fields__, "There is no setting")
    gpus, precision = _device()
    usual = os.environ.get("VAE_KERAS_PROFILE") or ("gpu" if gpus else "cpu")
    profile = changes.pop("profile", usual)
    require([profile], PROFILES, "There is no profile")
    dataset = str(changes.pop("dataset", None) or os.environ.get("VAE_KERAS_DATASET") or _usual_dataset())
    amounts = dict(zip(AMOUNTS, PROFILES[profile]))
    defaults = Settings(profile=profile, dataset=dataset, precision=precision, **amounts)
    for name, value in changes.items():
        whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        if name not in ("precision", "seed") and not (whole and value > 0):
            raise ValueError(f"The setting {name} is {value!r}; it has to be a whole number above 0.")
    return replace(defaults, **changes)


def in_colab() -> bool:
    """Return whether this is Google Colab."""
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ


def _usual_dataset():
    """Return the data set where nobody chose one; a printed line says so where it is drawn faces."""
    if in_colab() or find_archive(CELEBA_ARCHIVES):
        return "celeba"
    print(DRAWN_FACES_INSTEAD)
    return "cartoon"


def data_folders() -> list[Path]:
    """Return the folders in which data sets are looked for.

    They are the one that `VAE_KERAS_DATA` names, `data/` of the current folder, `data/` of the checkout, and on Kaggle
    the data sets that were added to the notebook.

    Raises:
        FileNotFoundError: `VAE_KERAS_DATA` names no folder.
    """
    folders = [Path.cwd() / "data"]
    if working_folder() != Path.cwd():  # a lesson runs in notebooks/
        folders.append(working_folder() / "data")
    if KAGGLE_INPUT.is_dir():
        folders.append(KAGGLE_INPUT)
    named = os.environ.get("VAE_KERAS_DATA")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(
                f"VAE_KERAS_DATA names {folder}, which is no folder: correct or unset it."
            )
        folders.insert(0, folder)
    return folders


def short_path(path) -> str:
    """Return a path as text, with ~ for the home folder where there is one."""
    try:
        return str(path).replace(str(Path.home()), "~", 1)
    except RuntimeError:  # no home folder
        return str(path)


def find_archive(names) -> Path | None:
    """Return the archive or folder of a data set; None where it lies in none of `data_folders()`.

    Args:
        names: names of archives (without a suffix) and folders that may hold it.

    Raises:
        FileNotFoundError: `VAE_KERAS_DATA` names no folder.
    """
    for folder in data_folders():
        for name in names:
            for suffix in ARCHIVES:
                if (folder / (name + suffix)).exists():
                    return folder / (name + suffix)
    return None


def require(names, known, complaint: str):
    """Raise ValueError where one of `names` is not among the `known`.

    Args:
        names: the names that were given.
        known: the names that exist.
        complaint: how the sentence begins, such as "There is no setting".

    Raises:
        ValueError: The complaint, the wrong name and the nearest known ones.
    """
    for name in names:
        if name not in known:
            raise ValueError(f"{complaint} {name!r}; {nearest(name, known)}")


def nearest(name, known) -> str:
    """Return the end of a sentence on a wrong name: "did you mean a or b?", or all names where none is like it."""
    known = [str(other) for other in known]
    near = difflib.get_close_matches(str(name), known, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there are {', '.join(known) or 'none'}."


def _device():
    """Return the number of GPUs, and the dtype policy that this device computes fastest."""
    from vae_keras import backend

    if backend.name() == "tensorflow":
        import tensorflow as tf

        # It warns of functions traced anew, as they must be with several models.
        tf.get_logger().setLevel("ERROR")
    gpus, capability = backend.gpus()
    if gpus:
        # A T4 (compute capability 7.5) has float16 alone; Ampere (8.0) and later have bfloat16, which needs no scaling.
        return gpus, "mixed_bfloat16" if capability >= (8, 0) else "mixed_float16"
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        flags = ""
    return 0, "mixed_bfloat16" if re.search(r"avx512_bf16|amx_bf16", flags) else "float32"


def in_a_line(error: Exception) -> str:
    """Return what an error says, in one line of 200 characters at most."""
    return " ".join(str(error).split())[:200]


def printable(text: str) -> str:
    """Return a line that may be shown: what is no valid Unicode in it, or steers a terminal, is escaped."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
