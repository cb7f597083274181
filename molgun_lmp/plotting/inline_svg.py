"""A stored figure as part of a page: its colours follow the page's theme, its ids stay its own."""

import re
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from molgun_lmp.errors import InputFileError
from molgun_lmp.palette import INK, PAPER, RULE
from molgun_lmp.plotting.style import PAGE_INCHES

_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_POINTS_PER_INCH: Final = 72

THEME: Final = {INK: "var(--ink)", RULE: "var(--rule)", PAPER: "var(--paper)"}
"""Colour in the file -> variable of the page's style sheet."""


def inline_svg(path: Path, label: str, prefix: str = "") -> str:
    """The figure as an `svg` element with `label` for screen readers, safe to put into a page as it is.

    Its ids begin with `prefix`, or with the file's, which must be unique on the page.

    Comments, metadata and links are dropped, so nothing in it can be fetched or run. Raises `InputFileError` where
    the file is missing or not an SVG.
    """
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except (OSError, ElementTree.ParseError) as error:
        raise InputFileError(f"figure {path} cannot be put into the report: {error}. Draw it again.") from error
    if root.tag != f"{{{_SVG}}}svg":
        raise InputFileError(f"figure {path} is not an SVG: its root element is {root.tag!r}. Draw it again.")
    _drop(root)
    prefix = re.sub(r"\W", "_", prefix or path.stem)
    for element in root.iter():
        for name, value in element.attrib.items():
            element.set(name, _attribute(name, value, prefix))
    share = _share_of_page(root)
    for size in ("width", "height"):
        root.attrib.pop(size, None)
    root.attrib |= {"role": "img", "aria-label": label, "style": f"--share: {share:.3f}"}
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    return ElementTree.tostring(root, encoding="unicode")


def _share_of_page(root: ElementTree.Element) -> float:
    """The figure's width as a part of the page's, so that letters of all figures are of one size."""
    width = re.fullmatch(r"([0-9.]+)pt", root.get("width", ""))
    return min(1.0, float(width[1]) / (_POINTS_PER_INCH * PAGE_INCHES)) if width else 1.0


def _drop(root: ElementTree.Element) -> None:
    unwanted = {f"{{{_SVG}}}{name}" for name in ("metadata", "script", "foreignObject", "a")}
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in unwanted]:
            parent.remove(child)
        for name in [n for n in parent.attrib if n.startswith("on") or (n.endswith("href") and not _local(parent, n))]:
            del parent.attrib[name]


def _local(element: ElementTree.Element, name: str) -> bool:
    return element.attrib[name].startswith(("#", "data:image/png;base64,"))


def _attribute(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return f"{prefix}-{value}"
    if name.endswith("href") and value.startswith("#"):
        return f"#{prefix}-{value[1:]}"
    if name in ("style", "fill", "stroke"):
        for colour, variable in THEME.items():
            value = value.replace(colour, variable)
    return value.replace("url(#", f"url(#{prefix}-")
