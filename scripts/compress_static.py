"""Compress the text files of the static folders with Brotli: `make compress`, after one of them was changed.

A compressed file is named after the version of its source, so that an outdated one is never sent.
"""

from __future__ import annotations

from pathlib import Path

import brotli

from genkan.web.static_files import COMPRESSED, version_of

ROOT = Path(__file__).parents[1]
FOLDERS = (ROOT / "static", ROOT / "genkan/web/static")
TEXT = {".css", ".js"}
MIN_SIZE = 1000
"""Bytes. For a smaller file Brotli saves less than fifty bytes against gzip."""


def main() -> None:
    """Write the compressed files of each folder, and delete those of earlier versions."""
    for folder in FOLDERS:
        target = folder / COMPRESSED
        target.mkdir(exist_ok=True)
        wanted = {f"{version_of(path.read_bytes())}.br": path for path in sources(folder)}
        for outdated in {path.name for path in target.iterdir()} - wanted.keys():
            (target / outdated).unlink()
        for name, path in wanted.items():
            if not (target / name).exists():
                (target / name).write_bytes(brotli.compress(path.read_bytes(), mode=brotli.MODE_TEXT, quality=11))


def sources(folder: Path) -> list[Path]:
    """Return the files of a static folder that are compressed."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in TEXT)
    return [path for path in files if path.stat().st_size >= MIN_SIZE]


if __name__ == "__main__":
    main()
