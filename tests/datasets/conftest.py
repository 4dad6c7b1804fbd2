"""Makes datasets/ importable: it is data and its maker, no package of labeltool."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "datasets"))
