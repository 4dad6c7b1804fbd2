"""XML parsed without anything that a file could do to its reader: no document types, so no entities, and bounded depth."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from xml.parsers import expat

from labeltool.errors import FormatError

_MOST_DEPTH = 64


class _Refused(Exception):
    """The file asks for something that is not done."""


def load_xml(path: Path) -> ET.Element:
    """The root element of an XML file.

    Raises:
        FormatError: the file is missing, is no XML, declares a document type or entities, or is nested deeper than 64.
    """
    builder = ET.TreeBuilder()
    parser = expat.ParserCreate()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _MOST_DEPTH:
            raise _Refused(f"nested deeper than {_MOST_DEPTH}")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> None:
        raise _Refused("declares a document type, which may hold entities; expected plain XML")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(Path(path).read_bytes(), True)
        return builder.close()
    except _Refused as error:
        raise FormatError(f"{path}: {error}") from None
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise FormatError(f"{path}: not an XML file: {error}") from None
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror or error}") from None
