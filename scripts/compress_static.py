"""Compress the scripts of others in static/vendor with Brotli: `make compress`, after one of them was replaced.

A compressed file is named after the version of its source, so that an outdated one is never sent.
"""

from __future__ import annotations

from pathlib import Path

import brotli

from genkan.web.static_files import COMPRESSED, version_of

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "static"


def main() -> None:
    """Write the compressed files, and delete those of earlier versions."""
    target = FOLDER / COMPRESSED
    target.mkdir(exist_ok=True)
    wanted = {f"{version_of(path.read_bytes())}.br": path for path in sources()}
    for outdated in {path.name for path in target.iterdir()} - wanted.keys():
        (target / outdated).unlink()
    for name, path in wanted.items():
        if not (target / name).exists():
            (target / name).write_bytes(brotli.compress(path.read_bytes(), mode=brotli.MODE_TEXT, quality=11))


def sources() -> list[Path]:
    """Return the files that are compressed. Our own ones are not: each change would need this script."""
    return sorted((FOLDER / "vendor").glob("*.js"))


if __name__ == "__main__":
    main()
