"""Writes the files of vectors again."""

from tests.vectors.made import FOLDER, MAKERS, make

for file in sorted(MAKERS):
    (FOLDER / f"{file}.json").write_bytes(make(file))
