"""Files that are either written as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import BinaryIO, ClassVar

from nbcy.base.errors import FileError, WriteError


def check_destination(path: str | os.PathLike[str]) -> Path:
    """Make sure, as far as one can tell beforehand, that a file can be written.

    Parameters
    ----------
    path : path-like
        The file to be.

    Returns
    -------
    Path
        Where the bytes will really go: links are followed.

    Raises
    ------
    FileError
        Its folder does not exist or cannot be written to, or it is a folder itself.
    """
    name = os.fspath(path)
    if not name or "\0" in name:
        raise FileError(name, "is no file name")
    # A pipe or a device is known by the name it was given, not by where that leads.
    special = os.path.exists(name) and not os.path.isfile(name)
    target = Path(name) if special else Path(os.path.realpath(name))
    try:
        mode = target.stat().st_mode if target.exists() else None
        if mode is not None and stat.S_ISDIR(mode):
            raise FileError(name, "cannot be written: it is a folder")
        if not target.parent.is_dir():
            raise FileError(name, f"cannot be written: there is no folder {target.parent}")
    except OSError as error:
        raise FileError(name, f"cannot be written: {error.strerror}") from None
    # A device or pipe is written in place; everything else is renamed into its folder, which must
    # not replace a file that is there to stay.
    writable = mode is None or os.access(target, os.W_OK)
    if not writable or not (special or os.access(target.parent, os.W_OK)):
        raise FileError(name, "cannot be written: permission denied")
    return target


class _EndedBySignalError(BaseException):
    """What unwinds a process that a signal ends."""


class _Ending:
    """What SIGTERM and SIGHUP wait for, where nobody else handles them: that files are removed."""

    files = 0  # open ones; they need not be closed in the opposite order
    owner = 0
    taken: ClassVar[list[signal.Signals]] = []
    received: int | None = None

    @classmethod
    def receive(cls, number: int, _: FrameType | None) -> None:
        if os.getpid() != cls.owner:  # a fork, whose parent's files stay
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        cls.received = number
        for each in cls.taken:  # once is enough
            signal.signal(each, signal.SIG_IGN)
        raise _EndedBySignalError

    @classmethod
    def begin(cls) -> None:
        cls.owner, cls.received = os.getpid(), None
        names = ("SIGTERM", "SIGHUP")
        ends = [getattr(signal, name) for name in names if hasattr(signal, name)]
        cls.taken = [each for each in ends if signal.getsignal(each) is signal.SIG_DFL]
        for each in cls.taken:
            signal.signal(each, cls.receive)

    @classmethod
    def end(cls) -> None:
        for each in cls.taken:
            if cls.received is not None or signal.getsignal(each) == cls.receive:
                signal.signal(each, signal.SIG_DFL)
        if cls.received is not None and os.getpid() == cls.owner:
            signal.raise_signal(cls.received)


@contextlib.contextmanager
def _unwound_by_signals() -> Iterator[None]:
    """Keep signals from ending the process before this file and others are removed."""
    if threading.current_thread() is not threading.main_thread():  # others cannot handle signals
        yield
        return
    try:
        _Ending.files += 1
        if _Ending.files == 1:
            _Ending.begin()
        yield
    finally:
        _Ending.files -= 1
        if _Ending.files == 0:
            _Ending.end()


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name only when it is complete.

    The bytes go to a temporary name in the same folder, which is renamed at the end, or removed
    when anything fails. A device or a pipe is written to directly.

    Parameters
    ----------
    path : path-like
        The file.

    Yields
    ------
    binary file

    Raises
    ------
    FileError
        It cannot be written; `WriteError` where that shows only on the way.
    """
    target = check_destination(path)
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as file:
                yield file
            return
        temporary = target.with_name(f".{target.name[:40]}.{os.urandom(6).hex()}.part")
        with _unwound_by_signals():
            try:
                with temporary.open("xb") as file:
                    yield file
                if target.exists():
                    temporary.chmod(stat.S_IMODE(target.stat().st_mode))
                temporary.replace(target)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise WriteError(path, f"cannot be written: {error.strerror or error}") from error


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Offer a name for a library to write to; the file appears in its place when it is complete.

    Parameters
    ----------
    path : path-like
        The file. No device or pipe: libraries seek.

    Yields
    ------
    Path
        The same name in a temporary folder beside the file's place. The folder is removed with
        all it holds when anything fails.

    Raises
    ------
    FileError
        It cannot be written; `WriteError` where that shows only on the way.
    """
    from tempfile import TemporaryDirectory  # late: what most runs need is quicker

    target = check_destination(path)
    temporary = None
    if target.exists() and not target.is_file():
        raise FileError(path, "cannot be written: it is not an ordinary file")
    try:
        with (
            _unwound_by_signals(),
            TemporaryDirectory(prefix=".nbcy-", suffix=".part", dir=target.parent) as folder,
        ):
            temporary = Path(folder) / target.name
            yield temporary
            if target.exists():
                temporary.chmod(stat.S_IMODE(target.stat().st_mode))
            temporary.replace(target)
    except FileError as error:
        if error.path != str(temporary):
            raise
        raise type(error)(path, error.reason) from error  # the name that the user knows
    except OSError as error:
        raise WriteError(path, f"cannot be written: {error.strerror or error}") from error
