"""Changes one thing in a module at a time, and says which changes no test notices.

    python tests/mutation/mutate.py                 cbor, cose and chain
    python tests/mutation/mutate.py framing body    others

A report, no gate: some changes make no difference that anybody could see. For each module its own
unit tests run, and nothing else.
"""

from __future__ import annotations

import ast
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).parents[2]
SOURCE = TOP / "src"
TIMEOUT_S = 120
USUAL = ("cbor", "cose", "chain")
TESTS = {
    "cbor": ["unit/test_cbor.py", "unit/test_body.py", "property/test_cbor_values.py"],
    "cose": ["unit/test_cose.py", "unit/layers"],
    "chain": [
        *("unit/test_chain.py", "unit/test_chain_admission.py", "unit/test_chain_binding.py"),
        *("unit/test_chain_plug_ins.py", "unit/test_alternatives.py", "unit/test_algebra.py"),
    ],
}
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
JOINED: dict[type[ast.boolop], type[ast.boolop]] = {ast.And: ast.Or, ast.Or: ast.And}
COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


class Mutant(NamedTuple):
    """One change: where, what, and the whole module with it."""

    line: int
    what: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Give every change of a module."""
    tree = ast.parse(source)
    total = sum(1 for _ in ast.walk(tree))
    for index in range(total):
        changed = copy.deepcopy(tree)
        node = list(ast.walk(changed))[index]
        for what in _changes(node):
            yield Mutant(getattr(node, "lineno", 0), what, ast.unparse(changed))
        for what in _deleted(changed, node):
            yield Mutant(getattr(node, "lineno", 0), what, ast.unparse(changed))


def _changes(node: ast.AST) -> Iterator[str]:
    """Change ``node`` in place, once; say how. The caller takes a new copy for the next."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        before = type(node.ops[0])
        node.ops[0] = COMPARED[before]()
        yield f"{before.__name__} becomes {COMPARED[before].__name__}"
    elif isinstance(node, ast.BoolOp):
        before_bool = type(node.op)
        node.op = JOINED[before_bool]()
        yield f"{before_bool.__name__} becomes {JOINED[before_bool].__name__}"
    elif isinstance(node, ast.BinOp) and type(node.op) in COUNTED:
        before_op = type(node.op)
        node.op = COUNTED[before_op]()
        yield f"{before_op.__name__} becomes {COUNTED[before_op].__name__}"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        node.op = ast.UAdd()
        node.operand = ast.Call(ast.Name("bool", ast.Load()), [node.operand], [])
        ast.fix_missing_locations(node)
        yield "not is left out"
    elif isinstance(node, ast.Constant):
        yield from _constant(node)
    elif isinstance(node, ast.IfExp):
        node.body, node.orelse = node.orelse, node.body
        yield "the branches are exchanged"


def _constant(node: ast.Constant) -> Iterator[str]:
    value = node.value
    if isinstance(value, bool):
        node.value = not value
        yield f"{value} becomes {node.value}"
    elif isinstance(value, int):
        node.value = value + 1
        yield f"{value} becomes {node.value}"
    elif isinstance(value, bytes) and value:
        node.value = value + b"\0"
        yield f"{value!r} gets a byte more"


def _deleted(tree: ast.AST, node: ast.AST) -> Iterator[str]:
    """Leave one statement out: a call for its effect, or what raises."""
    if not isinstance(node, (ast.Raise, ast.Expr)) or _is_text(node):
        return
    for parent in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(parent, field, None)
            if isinstance(block, list) and node in block:
                block[block.index(node)] = ast.copy_location(ast.Pass(), node)
                yield f"{type(node).__name__.lower()} is left out"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def survives(module: str, source_text: str) -> bool:
    """Whether the module's tests pass with this text of it; what is no failed test is an error."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        source = Path(folder) / "sealwire"
        shutil.copytree(SOURCE / "sealwire", source, ignore=shutil.ignore_patterns("__pycache__"))
        (source / f"{module}.py").write_text(source_text, encoding="utf-8")
        tests = [
            str(TOP / "tests" / each) for each in TESTS.get(module, [f"unit/test_{module}.py"])
        ]
        try:
            ran = subprocess.run(
                [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
                cwd=TOP,
                env={**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        # A mistake that ends the collection of tests is noticed too; pytest calls it interrupted.
        if ran.returncode not in {0, 1, 2}:
            raise SystemExit(f"{module}: the tests did not run:\n{ran.stdout.decode()}")
        return ran.returncode == 0


def main(modules: tuple[str, ...]) -> None:
    """Report on each module."""
    for module in modules:
        source = (SOURCE / "sealwire" / f"{module}.py").read_text(encoding="utf-8")
        every = list(mutants(source))
        if not survives(module, ast.unparse(ast.parse(source))):
            raise SystemExit(f"{module}: its tests fail without a change; mend that first")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            alive = list(pool.map(lambda mutant, name=module: survives(name, mutant.source), every))
        killed = len(every) - sum(alive)
        print(f"{module}: {killed} of {len(every)} changes noticed, {killed / len(every):.0%}")
        for mutant, survived in zip(every, alive, strict=True):
            if survived:
                print(f"  line {mutant.line}: {mutant.what}")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]) or USUAL)
