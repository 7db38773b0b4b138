"""Repeatable chance: numbers that follow from a seed and a place, so that nothing needs to be remembered."""

from zlib import crc32

GOLDEN = 0x9E3779B97F4A7C15
MASK = 0xFFFFFFFFFFFFFFFF
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def mix(number: int) -> int:
    """Give 64 well-stirred bits for a number (the finalizer of splitmix64)."""
    number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    number = (number ^ (number >> 27)) * 0x94D049BB133111EB & MASK
    return number ^ (number >> 31)


def chance(seed: int, *place: int | str) -> int:
    """Give the 64 bits that belong to one place under one seed."""
    number = seed & MASK
    for part in place:
        number = mix(number + GOLDEN + (part if isinstance(part, int) else crc32(part.encode())) & MASK)
    return number


def short_name(number: int, length: int = 10) -> str:
    """Give letters and digits such as LinkedIn's person ids have."""
    letters = []
    for _ in range(length):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return "".join(letters)
