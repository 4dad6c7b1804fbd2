"""Who is labelled blind: chance decides by a keyed hash, so that a labeller, the order of work and the time of day do not.

A person is chosen when

    HMAC-SHA256(key, "<image id>/<annotation id>"), its first 8 bytes read as a number, < share x 2^64

The key is made with the project and stays in it: the same project always chooses the same people, and nobody who sees only the
pages can tell whom.
"""

from __future__ import annotations

import hmac
import secrets
from functools import lru_cache

_SCALE = 2**64


def new_key() -> str:
    """A fresh secret of 256 bits, hexadecimal."""
    return secrets.token_hex(32)


@lru_cache(maxsize=8)
def _keyed(key: str) -> hmac.HMAC:
    """A hash that has seen the key alone: a copy of it takes less time than a new one."""
    return hmac.new(bytes.fromhex(key), digestmod="sha256")


def is_chosen(key: str, share: float, image_id: int, annotation_id: int) -> bool:
    """Whether chance chooses a person to be labelled blind.

    Args:
        key: the project's, hexadecimal.
        share: the share of people to choose, 0..1. Whom a share chooses, every greater one chooses too.
        image_id: the COCO image id.
        annotation_id: the COCO annotation id.
    """
    if share <= 0:
        return False
    keyed = _keyed(key).copy()
    keyed.update(f"{image_id}/{annotation_id}".encode())
    return int.from_bytes(keyed.digest()[:8]) < share * _SCALE
