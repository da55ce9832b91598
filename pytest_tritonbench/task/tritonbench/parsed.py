"""What the test of a TritonBench task uses of the code above it, read from the syntax tree."""

from __future__ import annotations

import ast
import re
import symtable
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

# ``def linalg.svd(A, ...)``, ``torch.permute_copy(input, dims)``, ``softmax(input, dim)``.
_SIGNATURE = re.compile(r"(?:def\s+)?(?:\w+\.)*(\w+)\s*\(")


@dataclass(frozen=True)
class Parsed:
    """What a test uses of the code above its separator."""

    entry: str | None
    """The name that the task is about; ``None`` where the test uses nothing of that code."""

    names: tuple[str, ...]
    """Functions, classes and other callables of that code that the test uses, in its order."""

    test_function: str
    """Name of the one function ``test_*``."""

    result: str | None
    """The module's variable that takes the test's result; ``None`` where nobody calls the test."""

    constants: tuple[str, ...] = ()
    """Values of that code that the test uses as well."""

    imports: tuple[str, ...] = ()
    """Names that that code imports and the test uses without importing them itself."""

    lent: tuple[str, ...] = ()
    """The statements that import those names, one each."""

    brought: tuple[str, ...] = ()
    """Import statements of the test itself. One file has both parts: that code may use them."""

    own_import: bool = False
    """Whether the test imports those names from a module of the task's own name."""

    @property
    def surroundings(self) -> str:
        """Code that gives an answer, below it, the names that it has in one file with its test."""
        lent = zip(self.imports, self.lent, strict=True)
        lines = [f"if {name!r} not in globals(): {statement}" for name, statement in lent]
        return "\n".join(["", *lines, *self.brought, ""])

    @property
    def defines(self) -> tuple[str, ...]:
        """Names that an answer must define; built-in ones such as ``abs`` are among them."""
        return self.names + self.constants


def parse(gold: str, test: str, *, stem: str, signature: str | None = None) -> Parsed:
    """Read the code above the separator and the test below it.

    Args:
        gold: The code.
        test: The test.
        stem: Name of the task, by which a test may import the code.
        signature: Call of the entry point in words, as T's ``func_inputs`` have it.

    Raises:
        ValueError: If there is no function ``test_*`` or there are several.
        SyntaxError: If one of the two is no Python; ``lineno`` counts from its own first line.
    """
    with warnings.catch_warnings():
        # An invalid escape in a docstring is the file's own business.
        warnings.simplefilter("ignore")
        above, below = _named(gold, "code"), _named(test, "test")
        scopes = symtable.symtable(test, "test", "exec")
    functions = _test_functions(below)
    if len(functions) != 1:
        told = ", ".join(functions) or "none"
        raise ValueError(f"one function test_* is wanted below the separator; there is {told}")
    bound, values, imported = _top_level(above)
    called = _called(below)
    classes = {node.name for node in _statements(above.body) if isinstance(node, ast.ClassDef)}
    from_itself = _own_imports(below, stem)
    used = [name for name in _in_order(below) if name in _free(scopes) or name in from_itself]
    names = tuple(n for n in used if n in bound or (n in values and n in called))
    return Parsed(
        entry=_entry(names, called, classes, signature, stem),
        names=names,
        test_function=functions[0],
        result=_result(below, functions[0]),
        constants=tuple(n for n in used if n in values and n not in names),
        imports=tuple(n for n in used if n in imported and n not in names),
        lent=tuple(imported[n] for n in used if n in imported and n not in names),
        brought=tuple(_brought(below, stem)),
        own_import=bool(from_itself),
    )


def _named(source: str, part: str) -> ast.Module:
    try:
        return ast.parse(source, filename=part)
    except (RecursionError, MemoryError, ValueError) as e:
        raise SyntaxError(f"{type(e).__name__}: {e}", (part, None, None, None)) from None


def _test_functions(module: ast.Module) -> list[str]:
    return [
        node.name
        for node in _statements(module.body)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when a module does, those inside ``if``, ``try`` and ``with`` as well."""
    for node in body:
        yield node
        match node:
            case ast.If(body=inner, orelse=rest):
                yield from _statements(inner + rest)
            case ast.Try(body=inner, handlers=handlers, orelse=rest, finalbody=last):
                caught = [one for handler in handlers for one in handler.body]
                yield from _statements(inner + caught + rest + last)
            case ast.With(body=inner) | ast.For(body=inner) | ast.While(body=inner):
                yield from _statements(inner)


def _top_level(module: ast.Module) -> tuple[set[str], set[str], dict[str, str]]:
    """Names of functions and classes, of assigned values, and of imports."""
    bound: set[str] = set()
    values: set[str] = set()
    imported: dict[str, str] = {}
    for node in _statements(module.body):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.Assign(targets=targets):
                values.update(name for target in targets for name in _targets(target))
            case ast.AnnAssign(target=target) if node.value is not None:
                values.update(_targets(target))
            case ast.Import(names=aliases):
                for alias in aliases:
                    name = alias.asname or alias.name.partition(".")[0]
                    imported[name] = ast.unparse(ast.Import([alias]))
            case ast.ImportFrom(module=source, names=aliases, level=level):
                for alias in aliases:
                    statement = ast.unparse(ast.ImportFrom(source, [alias], level))
                    imported[alias.asname or alias.name] = statement
    left = {name: text for name, text in imported.items() if name not in bound | values}
    return bound, values - bound, left


def _targets(target: ast.expr) -> Iterator[str]:
    return (n.id for n in ast.walk(target) if isinstance(n, ast.Name))


def _free(table: symtable.SymbolTable) -> set[str]:
    """Names that a module uses without binding them itself."""
    own = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}
    own |= {s.get_name() for s in table.get_symbols() if s.is_namespace()}
    return _global_uses(table, top=True) - own


def _global_uses(table: symtable.SymbolTable, *, top: bool) -> set[str]:
    found = {
        s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())
    }
    for child in table.get_children():
        found |= _global_uses(child, top=False)
    return found


def _in_order(module: ast.Module) -> list[str]:
    """Every name that is read or imported, by where it first stands."""
    places: dict[str, tuple[int, int]] = {}
    for node in ast.walk(module):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                place = node.lineno, node.col_offset
                places[name] = min(places.get(name, place), place)
            case ast.ImportFrom(names=aliases):
                for alias in aliases:
                    places.setdefault(alias.name, (node.lineno, node.col_offset))
    return sorted(places, key=places.__getitem__)


def _called(module: ast.Module) -> Counter[str]:
    """How often a name stands where something is called: ``f()``, ``f[grid]()``, ``f.apply()``."""
    found: Counter[str] = Counter()
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            root = node.func
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            if isinstance(root, ast.Name):
                found[root.id] += 1
    return found


def _brought(module: ast.Module, stem: str) -> Iterator[str]:
    """Import statements that run with a test, but for those of the task itself."""
    for node in _statements(module.body):
        match node:
            case ast.Import() | ast.ImportFrom() if getattr(node, "module", None) != stem:
                yield ast.unparse(node)
            case _:
                pass


def _own_imports(module: ast.Module, stem: str) -> set[str]:
    """Names that a test imports from a module of the task's own name."""
    return {
        alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module == stem
        for alias in node.names
    }


def _entry(
    names: tuple[str, ...],
    called: Counter[str],
    classes: set[str],
    signature: str | None,
    stem: str,
) -> str | None:
    said = _SIGNATURE.match(signature.strip()) if signature else None
    for name in ([said[1]] if said else []) + ([stem] if signature is not None else []):
        if name in names:
            return name
    words = set(_words(stem))

    def rank(name: str) -> tuple[bool, int, int]:
        # A class beside functions holds their settings. Of several that are called as often, the
        # one that is named most like the task; of those, the first.
        return name not in classes, called[name], len(words & set(_words(name)))

    return max(names, key=rank, default=None)


def _words(name: str) -> list[str]:
    return name.lower().split("_")


def _result(module: ast.Module, function: str) -> str | None:
    found = None
    for node in _statements(module.body):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id=callee))
            ) if callee == function:
                found = name
    return found
