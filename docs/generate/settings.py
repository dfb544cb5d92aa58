"""The page of the settings: what each means, and every place where it may be set.

In: the arguments of the source with their docstring, the bounds, the options of the command line,
the files in .dlt, whose headings order the page. Out: Markdown.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from docs.generate.markdown import code, page, table
from docs.generate.words import Words
from feishu_source import feishu_source, load, open_pipeline, plan
from feishu_source.cli.options import Options, command
from feishu_source.settings import BOUNDS, CARD_CONTENTS, DAY_S, HOUR_S, MINUTE_S
from feishu_source.tenancy import PLACE

FILES = Path(__file__).parents[2] / ".dlt"
TYPES = {
    "str": "text",
    "TSecretStrValue": "text, a secret",
    "list[str]": "list of texts",
    "bool": "true or false",
    "int": "whole number",
    "float": "number",
}
CHOICES = {"card_content": [value for value in CARD_CONTENTS if value]}
LENGTHS = {DAY_S: ("1 day", "{} days"), HOUR_S: ("1 hour", "{} hours"), MINUTE_S: ("", "{} min")}
PLACES = {
    "destination": "its destination; default that of `--destination`",
    "database": "its DuckDB file; default that of `--database`",
    "dataset": "the dataset of its tables; default `feishu_` and its name",
    "pipeline": "the name its state is kept under; default `feishu_history_` and its name",
}


def write(words: Words) -> str:
    """The page."""
    return page(
        f"# {words('Settings')}",
        words(
            "A setting is looked for in this order: an argument in Python or an option of the "
            "command line, the section of a tenant, an environment variable, `.dlt/secrets.toml` "
            "and `.dlt/config.toml` in the working directory, then in `~/.dlt`. A secret in "
            "`config.toml` is refused. A name that no setting has is told with a warning."
        ),
        words(
            "In the files a setting stands under `[sources.feishu]`. In Python it is an argument "
            "of `load`, `check`, `plan` and `feishu_source`. Lists are written as "
            '`["one", "two"]`, in the environment too.'
        ),
        *_settings(words),
        f"## {words('Options of the command line')}",
        words(
            "What is not given is left to the settings above. The last column names the argument "
            "in Python."
        ),
        table(
            [words("option"), words("meaning"), words("argument")],
            [_option_row(option, words) for option in _options()],
        ),
        f"## {words('Keys of a tenant')}",
        words(
            "Under `[sources.feishu.tenants.NAME]`, beside any setting: see "
            "[several tenants]({page})."
        ).format(page=words.pair("../tenants.md", "../../tenants.md")),
        table([words("key"), words("meaning")], [[code(key), words(PLACES[key])] for key in PLACE]),
        f"## {words('Other settings')}",
        words(
            "A destination has settings of its own, those of DuckDB and the others are on "
            "[their pages]({pages}). dlt's are in "
            "[its documentation](https://dlthub.com/docs/general-usage/credentials/)."
        ).format(pages=words.pair("../README.md#warehouses", "../README.md#数据仓库")),
    )


@dataclass(frozen=True, slots=True)
class Setting:
    """An argument of the source: what its docstring and its signature say."""

    name: str
    type: str
    default: Any
    meaning: str


def read_arguments(function: Callable[..., Any]) -> dict[str, str]:
    """The `Args:` of a docstring, each in one line."""
    text = inspect.getdoc(function) or ""
    block = re.search(r"^Args:\n((?:    .*\n|\n)*)", text + "\n", re.MULTILINE)
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", block[1] if block else "", re.MULTILINE)
    return {name: " ".join(meaning.split()) for name, meaning in found}


def settings() -> dict[str, Setting]:
    """Every setting of the source by its name."""
    meanings = read_arguments(feishu_source)
    return {
        name: Setting(
            name,
            str(parameter.annotation).removesuffix(" | None"),
            parameter.default,
            meanings[name],
        )
        for name, parameter in inspect.signature(feishu_source).parameters.items()
    }


def groups() -> Iterator[tuple[str, list[str]]]:
    """Headings of the files in .dlt, each with the names of the settings below it."""
    yield "credentials", _names((FILES / "example.secrets.toml").read_text("utf-8"))
    text = (FILES / "config.toml").read_text("utf-8")
    parts = re.split(r"^# --- (.*?) -+$", text, flags=re.MULTILINE)
    for heading, part in zip(parts[1::2], parts[2::2], strict=True):
        if names := _names(part):
            yield heading, names


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE)))


def _settings(words: Words) -> Iterator[str]:
    known = settings()
    for heading, names in groups():
        yield f"## {_sentence(words(heading))}"
        for name in names:
            yield f"### {name}"
            yield _sentence(words(known[name].meaning))
            yield "\n".join(f"- {fact}" for fact in _facts(known[name], words))


def _facts(setting: Setting, words: Words) -> Iterator[str]:
    unit = f"{words.pair(', ', '，')}{words('seconds')}" if setting.name.endswith("_s") else ""
    yield words.colon("type", words(TYPES[setting.type]) + unit)
    yield words.colon("default", _default(setting, words))
    bounds = {name: (least, most) for name, least, most in BOUNDS}.get(setting.name)
    if bounds:
        least, most = (f"{bound:,.15g}" for bound in bounds)
        yield words.colon("bounds", words("{least} to {most}").format(least=least, most=most))
    if choices := CHOICES.get(setting.name):
        yield words.colon("values", words.list(map(code, choices)))
    file = "secrets.toml" if setting.type == "TSecretStrValue" else "config.toml"
    place = words("`{name}` in `.dlt/{file}`").format(name=setting.name, file=file)
    places = [place, f"`SOURCES__FEISHU__{setting.name.upper()}`"]
    options = [name for name, argument in option_arguments().items() if setting.name in argument]
    yield words.colon("set by", words.list([*places, *map(code, options)]))


def _default(setting: Setting, words: Words) -> str:
    value = setting.default
    if value is None or value == "":
        return words("none")
    if isinstance(value, bool):
        return code(str(value).lower())
    if isinstance(value, int) and setting.name.endswith("_s"):
        return f"`{value}`{words.pair(' ({})', '（{}）').format(_length(value, words))}"
    return code(str(value))


def _length(seconds: int, words: Words) -> str:
    unit = next(unit for unit in LENGTHS if seconds % unit == 0)
    one, many = LENGTHS[unit]
    number = seconds // unit
    return words(one) if number == 1 else words(many).format(number)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _options() -> list[click.Option]:
    found = command.get_params(click.Context(command))
    return [option for option in found if isinstance(option, click.Option)]


def _option_row(option: click.Option, words: Words) -> list[str]:
    name = _long_name(option)
    value = "" if option.is_flag else f" {option.metavar or '|'.join(_choices(option))}"
    return [
        code(name + value),
        words(" ".join((option.help or "").split())),
        words.list(map(code, _calls(name))),
    ]


def _choices(option: click.Option) -> tuple[str, ...]:
    return tuple(option.type.choices) if isinstance(option.type, click.Choice) else ()


def _calls(option: str) -> Iterator[str]:
    """The arguments an option becomes, with the functions that take them."""
    functions: dict[str, Callable[..., Any]] = {
        "open_pipeline": open_pipeline,
        "load": load,
        "plan": plan,
    }
    known = {name: inspect.signature(each).parameters for name, each in functions.items()}
    for argument in option_arguments().get(option, ()):
        takers = [name for name, parameters in known.items() if argument in parameters]
        if argument in settings() or argument == "tenant":
            takers.append("load")
        yield from (f"{taker}({argument}=…)" for taker in dict.fromkeys(takers))


def _long_name(option: click.Option) -> str:
    return next(name for name in option.opts if name.startswith("--"))


def option_arguments() -> dict[str, tuple[str, ...]]:
    """Of each option the arguments of the library that it becomes, found by giving it alone."""
    found = {}
    for option in _options():
        if option.name not in Options.__dataclass_fields__ or option.name == "demo":
            continue
        value: Any = True if option.is_flag else ("x",) if option.multiple else 7
        given = Options(**{option.name: value})
        kinds = ("pipeline", "load", "plan", "source")
        names = [name for kind in kinds for name in getattr(given, f"{kind}_arguments")()]
        found[_long_name(option)] = tuple(dict.fromkeys(names))
    return found
