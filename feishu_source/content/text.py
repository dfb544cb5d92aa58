"""Running text: mention tokens become names, links are collected.

Comes in: the text of a body or of one of its elements. Goes out: the text to read; links and
`mentions_all` go to the `Content`. Refuses to know: which message type the text belongs to.
"""

import re

from .values import Content, Names

# A whole token each: @_user_1 must not be found in @_user_10, nor @_all in @_all_hands.
_MENTION = re.compile(r"@_user_[0-9]+|@_all(?![A-Za-z0-9_])")

# Where a bare URL ends: characters that no URL holds, and the punctuation of Chinese prose,
# which follows a URL without a space.
_STOP = r"\s<>\"`，。；：！？（）【】「」『』《》、“”‘’"
_TRAILING = ".,;:!?)]}'\"，。；：！？）】」』"
_LINK = re.compile(
    r"\[(?P<label>(?:[^\[\]\n]|\[[^\[\]\n]*\])*)\]"
    r"\((?P<url>(?:(?i:https?)://|(?i:mailto):)[^\s()]*(?:\([^\s()]*\)[^\s()]*)*)\)"
    rf"|(?P<bare>(?i:https?)://\w[^{_STOP}]*)"
)

_AT_TAG = re.compile(r"<at\b(?P<attributes>[^<>]*)>(?P<name>[^<>]*)</at>")
_AT_ID = re.compile(r"\b(?:user_)?id=[\"']?(?P<id>[^\"'\s]*)")

_EVERYONE = ("@_all", "all")


def read_text(text: str, names: Names, out: Content) -> str:
    """The text with its mentions by name; its links are added to `out`."""
    # Most messages hold neither: two substring searches cost less than starting a pattern.
    if "://" in text or "](" in text:
        _collect_links(text, names, out)
    if "@_" in text:
        return _name_mentions(text, names, out)
    return text


def read_markdown(text: str, names: Names, out: Content) -> str:
    """Markdown is read like text; its `<at>` tags become "@" and the name between them."""
    if "<at" in text:
        text = _AT_TAG.sub(lambda tag: _name_at_tag(tag, names, out), text)
    return read_text(text, names, out)


def name_at(user_id: str, user_name: str, names: Names, out: Content) -> str:
    """An at-element by the best name known: the mention list's, its own, "all", then the id."""
    everyone = user_id in _EVERYONE
    if everyone:
        out.mentions_all = True
    name = names.get(user_id) or user_name or ("all" if everyone else user_id)
    return name if not name or name.startswith("@") else "@" + name


def trim(text: str) -> str:
    """A composed text ends with its last line that says something."""
    end = len(text.rstrip())
    line_end = text.find("\n", end)
    return text if line_end < 0 else text[:line_end]


def is_blank(text: str) -> bool:
    """Nothing, or nothing but whitespace."""
    return not text or text.isspace()


def _name_mentions(text: str, names: Names, out: Content) -> str:
    def name(token: re.Match[str]) -> str:
        key = token[0]
        if key == "@_all":
            out.mentions_all = True
            return "@" + names.get(key, "all")
        return "@" + names[key] if key in names else key

    return _MENTION.sub(name, text)


def _name_at_tag(tag: re.Match[str], names: Names, out: Content) -> str:
    found = _AT_ID.search(tag["attributes"])
    user_id = found["id"] if found else ""
    return name_at(user_id, "" if user_id in _EVERYONE else tag["name"], names, out)


def _collect_links(text: str, names: Names, out: Content) -> None:
    for link in _LINK.finditer(text):
        if bare := link["bare"]:
            out.add_link(bare.rstrip(_TRAILING), None)
        else:
            out.add_link(link["url"], _name_mentions(link["label"], names, out))
