"""One name, one class: who reads an import knows which class is meant."""

import ast
from collections import defaultdict
from pathlib import Path

import molgun_lmp


def test_no_class_name_is_defined_twice() -> None:
    package = Path(molgun_lmp.__file__).parent
    where = defaultdict(list)
    for file in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                where[node.name].append(f"{file.relative_to(package)}:{node.lineno}")
    assert len(where) > 100, "the package was read"
    assert {name: places for name, places in where.items() if len(places) > 1} == {}
