"""Strict models whose keys are described by the docstrings below them, in the JSON schema and wherever it is shown.

Pydantic can do so by itself (`use_attribute_docstrings`), but reads the source whenever a class is made: a sixth of the
CPU time of `molgun status`. Here it is read when a schema is asked for.
"""

import ast
import inspect
import textwrap

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class DocumentedModel(BaseModel):
    """A model whose attribute docstrings are the descriptions of its keys in the JSON schema."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        keys = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in _attribute_docstrings(cls).items():
            if name in keys:
                keys[name].setdefault("description", text)
        return schema


def _attribute_docstrings(cls: type) -> dict[str, str]:
    """Of a class and those that it comes from, its own instead of theirs."""
    found: dict[str, str] = {}
    for one in reversed(cls.__mro__[: cls.__mro__.index(DocumentedModel)]):
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        assert isinstance(tree, ast.ClassDef)
        for field, below in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                match below:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        found[field.target.id] = inspect.cleandoc(text)
    return found
