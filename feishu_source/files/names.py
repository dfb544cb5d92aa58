"""A file's name as somebody chose it, made into one that every system takes.

In: a name from a message or a header, and the content's type. Out: a name without a path, without
what is reserved or cannot be seen, at most 150 bytes long. Refuses to know where the file is: no
path here is made of a name, it is for whoever copies files out.
"""

from __future__ import annotations

import mimetypes
import unicodedata

from pathvalidate import sanitize_filename

MOST_BYTES = 150
"""Most systems take 255; what copies files about adds to their names."""

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Control characters, and those that only change how others are shown: an override of the
direction makes `exe.gpj` look like `jpg.exe`, or the other way round."""


def safe_name(names: tuple[str | None, ...], content_type: str | None, key: str) -> str:
    """The first of these names that leaves something, else the key; with an ending."""
    name = next((made for each in names if (made := _clean(each or ""))), "")
    if name:
        return name
    ending = mimetypes.guess_extension(content_type or "") or ""
    return _clean(f"{key}{ending}") or f"file{ending}"


def _clean(name: str) -> str:
    seen = "".join(c for c in name if unicodedata.category(c) not in _HIDDEN)
    last = seen.replace("\\", "/").rpartition("/")[2].strip(" .")
    plain = str(sanitize_filename(_shorten(last), platform="universal"))
    return plain.strip(" .").lstrip("-")


def _shorten(name: str) -> str:
    """At most so many bytes, cut before its ending and never within a character."""
    if len(name.encode()) <= MOST_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or not 0 < len(ending.encode()) <= 16:
        stem, dot, ending = name, "", ""
    kept = stem.encode()[: MOST_BYTES - len(f"{dot}{ending}".encode())].decode(errors="ignore")
    return f"{kept.rstrip(' .')}{dot}{ending}"
