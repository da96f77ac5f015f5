"""Settings as flags: the command line that sets them, and the flags that an error is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nbcy.base.errors import ConfigError
from nbcy.flags.table import CELLS, FLAGS, Flag


def command_line(settings: Mapping[str, Any]) -> str:
    """Return the flags that set configuration paths to values.

    Parameters
    ----------
    settings : mapping of str to object
        As for `Config.with_overrides`; None is left out, and what can only be turned on is named
        as what to do without.

    Raises
    ------
    KeyError
        A path that no flag sets (`nbcy.flags.table.WITHOUT_FLAG`), or not to this value.
    """
    return " ".join(word for path, value in settings.items() for word in _words(path, value))


def _words(path: str, value: Any) -> Iterator[str]:
    if value is None:
        return
    if path == "crystal.cells":
        counts = (value,) * 3 if isinstance(value, int | float) else tuple(value)
        if not all(float(count).is_integer() for count in counts):
            raise KeyError(path)  # -N cuts fractions
        if len(set(counts)) == 1:
            yield f"-N {counts[0]}"
            return
        for name, count in zip(CELLS, counts, strict=True):
            yield from _words(name, count)
        return
    if value is False and (flag := _flag_of(path, True)) and not _sets(path, False):
        yield f"(without {flag.names[0]})"
        return
    flag = _flag_of(path, value)
    yield flag.names[0]
    if flag.takes.most:
        items = value if isinstance(value, tuple | list) else (value,)
        if len(items) > flag.takes.most:
            raise KeyError(path)
        joint = "," if path == "quirks" else " "
        yield joint.join(x if isinstance(x, str) else repr(x) for x in items)


def _sets(path: str, value: Any) -> Flag | None:
    for flag in FLAGS.values():
        alone = flag.sets == (path,) and not flag.unit
        if alone and (flag.takes.most or flag.takes.value == value):
            return flag
    return None


def _flag_of(path: str, value: Any) -> Flag:
    if flag := _sets(path, value):
        return flag
    raise KeyError(f"no flag sets {path} to {value!r}")


def blame(error: ConfigError, given: Mapping[str, str]) -> str:
    """Say which flags an impossible value came from.

    Parameters
    ----------
    error : ConfigError
    given : mapping of str to str
        `nbcy.flags.parsing.Invocation.given`.

    Returns
    -------
    str
        The message, after the names of the flags where there are any; of a value that is
        missing, after the flag that gives it.
    """
    field = re.split(r"[ \[]", error.field)[0]
    flags = {
        flag: None
        for name, flag in given.items()
        if name in (field, f"run.{field}")
        or ("." in field and name.startswith((f"{field}_", f"{field}.")))
    }
    if not flags and error.value is None:  # the flag that would have given it
        flags = dict.fromkeys([n for n, flag in FLAGS.items() if field in flag.sets][:1])
    return ": ".join([", ".join(flags), str(error)] if flags else [str(error)])
