"""LSP and LSPET behind the registry's signature."""

from __future__ import annotations

from pathlib import Path

from labeltool.errors import FormatError
from labeltool.formats.building import fixed_skeleton
from labeltool.formats.imported import Imported
from labeltool.formats.lsp import read_lsp
from labeltool.skeleton import LSP_14, Skeleton


def read(path: Path, images: Path | None, skeleton: Skeleton | None) -> Imported:
    """`read_lsp`, which tells the two layouts apart by their shape.

    Raises:
        FormatError: no folder of photos was named, or the file or its photos are not in order.
    """
    fixed_skeleton(path, "LSP", LSP_14, skeleton)
    if images is None:
        raise FormatError(f"{path}: the format has no image sizes, expected the folder of the photos (--images)")
    return read_lsp(images, path)
