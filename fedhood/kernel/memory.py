"""How much memory a small machine is left with."""

import contextlib
import gc

_M_TRIM_THRESHOLD = -1  # of glibc's malloc.h


def keep_little() -> None:
    """Give freed memory back to the machine from 64 KiB on; without this glibc keeps ever larger pieces to itself.

    Said before the program is loaded it saves about 1.5 MB. Nothing depends on it: where there is no such call, or a
    hardened machine does not let ctypes load, nothing happens.
    """
    with contextlib.suppress(ImportError, MemoryError, OSError, AttributeError):
        import ctypes  # noqa: PLC0415 - it may not be there

        ctypes.CDLL(None).mallopt(_M_TRIM_THRESHOLD, 64 * 1024)


def give_back() -> None:
    """Give back to the machine what starting took and needs no more: some 2 MB after the first start.

    Where there is no such call nothing happens.
    """
    gc.collect()
    with contextlib.suppress(ImportError, MemoryError, OSError, AttributeError):
        import ctypes  # noqa: PLC0415 - it may not be there

        ctypes.CDLL(None).malloc_trim(0)
