"""What the label server is asked to be."""

from __future__ import annotations

import getpass
import hashlib
from pathlib import Path


def default_user() -> str:
    """The name that saves are signed with: the account's, or `labeller` where it has none."""
    try:
        name = getpass.getuser().strip()
    except (OSError, KeyError, ImportError):
        name = ""
    return name if name and not name.startswith(("model:", "import:")) else "labeller"


def project_id(path: Path) -> str:
    """A short name for a project folder that says nothing about where it lies."""
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]
