"""The C library's allocator, told to keep the memory that a network or an import frees: the next layer or batch takes it again.

glibc gives a large block back to the kernel as soon as it is free and asks for the next one, which the kernel fills with zeros
page by page: on a processor that is up to a third of a network's time.
"""

from __future__ import annotations

import ctypes
import platform

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4

#: The largest value of an option: they are C ints.
_MOST = 2**31 - 1

#: glibc takes no larger threshold for blocks that are mapped one by one.
_LARGEST_THRESHOLD = 32 * 2**20


def keep_freed_memory(limit: int | None = None) -> bool:
    """Makes freed blocks stay with the process for the rest of its life, where its C library is glibc.

    Args:
        limit: so many bytes of free memory are kept at most, and blocks from 32 MB on are given back at once: for a process that
            lives on after its work. None for a process that works and ends: up to 2 GB of what it had in use stay.

    Returns:
        whether it was done: elsewhere than with glibc nothing is.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    if limit is None:
        options = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: _MOST, _M_TOP_PAD: 64 * 2**20}
    else:
        kept = min(limit, _MOST)
        options = {
            _M_MMAP_THRESHOLD: min(kept, _LARGEST_THRESHOLD),
            _M_TRIM_THRESHOLD: kept,
            _M_TOP_PAD: min(kept // 8, 16 * 2**20),
        }
    return all([mallopt(option, value) == 1 for option, value in options.items()])
