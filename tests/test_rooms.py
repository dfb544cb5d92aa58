"""The rooms are as `feishu_source/__init__.py` draws them, and imports point downward."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import feishu_source

PACKAGE = Path(feishu_source.__file__).parent
NAMES_END = "    cli/                                     words in".index("words")
"""The column of the drawing in which the names end and the words begin."""


def drawn() -> dict[str, int]:
    """Each room with the line of the drawing it stands on, counted from the top."""
    lines = (feishu_source.__doc__ or "").splitlines()
    top = next(number for number, line in enumerate(lines) if line.startswith("    cli/"))
    return {
        name.rstrip("/"): number
        for number, line in enumerate(lines[top:])
        if line.startswith("    ")
        for name in line[:NAMES_END].split()
    }


def modules() -> dict[str, Path]:
    """Every module but the face of the package, by its name below `feishu_source`."""
    paths = (path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*.py")))
    named = {".".join(path.with_suffix("").parts): PACKAGE / path for path in paths}
    return {name.removesuffix(".__init__"): path for name, path in named.items()}


def imports(name: str, path: Path) -> Iterator[str]:
    """What a module imports of this package, lazily or for its types too."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = ["feishu_source", *package][: len(package) + 2 - node.level] if node.level else []
            base = ".".join([*up, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def find_module(imported: str, known: Collection[str]) -> str | None:
    """The module that an import reaches: itself, the home of a public name, or what it is in."""
    package, _, name = imported.partition(".")
    if package != "feishu_source":
        return None
    name = feishu_source._HOMES.get(name, name)
    return name if name in known else name.rpartition(".")[0] or None


def graph() -> dict[str, set[str]]:
    """Every module with those it imports; the face of the package is above all of them."""
    inside = {name: path for name, path in modules().items() if name != "__init__"}
    return {
        name: {found for each in imports(name, path) if (found := find_module(each, inside))}
        for name, path in inside.items()
    }


def room(module: str) -> str:
    """A package's modules share its room."""
    return module.split(".")[0]


def test_every_room_is_drawn_and_every_drawn_room_is_there() -> None:
    """Who adds a module says where it stands."""
    assert {room(module) for module in graph()} == drawn().keys()


def test_imports_point_downward() -> None:
    """To a lower line of the drawing, or to a room on the same one."""
    line = drawn()
    upward = [
        f"{module} imports {imported}"
        for module, found in graph().items()
        for imported in sorted(found)
        if line[room(imported)] < line[room(module)]
    ]
    assert upward == []


def test_the_sandbox_knows_nothing_of_what_it_tests() -> None:
    """Else both could be wrong in the same way."""
    inside = (found for module, found in graph().items() if room(module) == "sandbox")
    assert {room(imported) for found in inside for imported in found} == {"sandbox"}


def test_no_module_imports_itself_by_a_detour() -> None:
    """Not even within a room; in the sandbox a world and its items know each other's types."""
    above = {module: found for module, found in graph().items() if room(module) != "sandbox"}
    assert set(TopologicalSorter(above).static_order()) >= above.keys()
