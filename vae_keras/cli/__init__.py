"""The command line: `python -m vae_keras train | generate | edit | ...`, or `vae-keras` where it is installed.

Each command is a module of this package. Its docstring is the help text, `add_arguments(parser)` declares its options,
and `run(options)` does the work. Heavy libraries are imported inside `run`, so that `--help` and a mistyped option are
answered at once. A new command is a module here and its name in `COMMANDS`.
"""

import argparse
import gc
import importlib
import inspect
import os
import shlex
import sys

import vae_keras
from vae_keras import backend, storage
from vae_keras.config import printable, require

PROGRAM = "python -m vae_keras"
COMMANDS = (
    "faces",
    "train",
    "generate",
    "reconstruct",
    "edit",
    "interpolate",
    "morph",
    "transfer",
    "denoise",
    "anomaly",
    "compress",
    "decompress",
    "search",
    "evaluate",
    "directions",
    "classifier",
)
RENAMED = {"judge": "classifier"}
HOMELESS = "home directory"  # in what Python says where ~ or HOME leads nowhere
RESUMED = ("train", "classifier")  # commands that go on after an interruption
GOES_ON = "the same command without --force goes on from the last checkpoint"


class Parser(argparse.ArgumentParser):
    """A parser that reports a mistake as an exception, which `main` prints in one sentence."""

    def error(self, message):
        """Raise ValueError instead of ending the program."""
        raise ValueError(f"{message} (see {self.prog} --help)")


def build_parser(chosen: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the program.

    Args:
        chosen: the command whose options are needed. None: those of all. The help texts of some list the data sets,
            which takes a second to find out.
    """
    parser = Parser(
        prog=PROGRAM,
        description="Variational autoencoders for faces. Each command explains itself: "
        f"{PROGRAM} train --help",
        formatter_class=_help_formatter,
    )
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        command = importlib.import_module(f"vae_keras.cli.{name}")
        summary, _, more = inspect.getdoc(command).partition("\n\n")
        subparser = subparsers.add_parser(
            name,
            allow_abbrev=False,
            help=summary,
            description=summary,
            epilog=more,
            formatter_class=_help_formatter,
        )
        subparser.set_defaults(command=name, run=command.run)
        if chosen in (None, name):
            command.add_arguments(subparser)
    return parser


def _help_formatter(prog):
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=32, width=110)


def main(arguments=None) -> int:
    """Run one command.

    Args:
        arguments: the words after the program's name. None: those that the program was started with.

    Returns:
        The exit code: 0, 2 after an error, which is one sentence on stderr, or 130 after an interruption.
    """
    if arguments is not None:
        return _run([str(argument) for argument in arguments])
    prepare_streams()
    status = _run(sys.argv[1:])
    gc.freeze()  # or Python looks for garbage in all that was imported before it ends, for most of a second
    return status


class PatientOutput:
    """A stream whose reader may leave, as `| head -1` does: what comes later is dropped, the work goes on."""

    def __init__(self, stream):
        self._stream = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        """Write a text and return its length."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._write_nowhere()
            return len(text)

    def flush(self):
        """Write what waits to be written."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._write_nowhere()

    def _write_nowhere(self):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def prepare_streams() -> None:
    """Let nothing that is printed end the program: a closed stream, a reader that leaves, a narrow encoding."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file that is opened gets the number
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if number == 0 else "w", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = PatientOutput(sys.stdout), PatientOutput(sys.stderr)


def _run(arguments):
    """Run the command in a list of words and return its exit code."""
    try:
        check_command(arguments)
        options = build_parser("".join(arguments[:1])).parse_args(arguments)
        options.command_line = shlex.join([*PROGRAM.split(), *arguments])
        load_keras()
        options.run(options)
    except KeyboardInterrupt:
        hint = f"; once training has begun, {GOES_ON}" if arguments and arguments[0] in RESUMED else ""
        print(f"interrupted{hint}", file=sys.stderr)
        return 130
    except (ValueError, OSError, MemoryError, ImportError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and HOMELESS not in str(error):
            raise
        print("error:", printable(" ".join(describe_error(error, arguments).split())), file=sys.stderr)
        return 2
    return 0


def check_command(arguments) -> None:
    """Check that the first word, if there is one and it is no option, is a command.

    Raises:
        ValueError: It is not. The sentence names the command's new name, or the nearest commands.
    """
    if not arguments or arguments[0].startswith("-"):
        return
    name = arguments[0]
    if name in RENAMED:
        raise ValueError(f"There is no command {name!r} any more; it is called {RENAMED[name]}.")
    require([name], COMMANDS, "There is no command")


def describe_error(error: Exception, arguments=()) -> str:
    """Return what an exception means to somebody who typed a command with these arguments."""
    if isinstance(error, MemoryError):
        return "That needs more memory than there is: ask for fewer or smaller pictures."
    if isinstance(error, RuntimeError):
        return "There is no such home folder: write whole paths without ~, and name the cache by VAE_KERAS_CACHE."
    if isinstance(error, OSError) and error.filename:
        what_next = "give another place or name"
        if error.errno in storage.NO_ROOM:
            resumed = arguments and arguments[0] in RESUMED
            what_next = f"make room there; {GOES_ON}" if resumed else "make room there, or give another place"
        return f"{error.filename} cannot be read or written ({error.strerror}): {what_next}."
    return str(error)


def load_keras() -> None:
    """Import Keras and what it computes on without the notes that their libraries write to stderr.

    Neither a variable nor Python's logging turns all of them off.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        vae_keras.register()
        backend.gpus()  # where there is no GPU, looking for one is noted too
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
