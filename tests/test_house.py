"""The house keeps its measures: short functions, short modules, no circles among modules."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACES = ("handoff", "channels", "bot", "bench", "tests")
GENERATED = {".venv", "versions"}  # a migration is a record of what was done, not code to be read
LONGEST_FUNCTION = 50
LONGEST_MODULE = 400


def sources(*places: str) -> Iterator[tuple[Path, ast.Module]]:
    for place in places:
        for path in sorted((ROOT / place).rglob("*.py")):
            if not GENERATED.intersection(path.parts):
                yield path.relative_to(ROOT), ast.parse(path.read_text("utf-8"))


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring not counted."""
    first = function.body[0]
    has_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    text = (first.end_lineno or first.lineno) - first.lineno + 1 if has_text else 0
    return (function.end_lineno or 0) - function.lineno + 1 - text


def imported(tree: ast.Module) -> Iterator[str]:
    """What a module imports when it is loaded: not what only type checkers or functions import."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_function_is_over_fifty_lines() -> None:
    found = [(str(path), node.name, length(node)) for path, tree in sources(*PLACES) for node in functions(tree)]
    assert len(found) > 100
    assert [row for row in found if row[2] > LONGEST_FUNCTION] == []


def test_no_module_is_over_four_hundred_lines() -> None:
    sizes = {
        path: len((ROOT / path).read_text("utf-8").splitlines()) for path, _ in sources("handoff", "channels", "bot")
    }
    assert {path: size for path, size in sizes.items() if size > LONGEST_MODULE} == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    trees = {".".join(path.with_suffix("").parts): tree for path, tree in sources("handoff", "channels")}
    trees = {name.removesuffix(".__init__"): tree for name, tree in trees.items()}
    graph = {name: {target for target in imported(tree) if target in trees} - {name} for name, tree in trees.items()}
    assert sum(map(len, graph.values())) > 10
    list(TopologicalSorter(graph).static_order())  # raises CycleError with the modules of the circle
