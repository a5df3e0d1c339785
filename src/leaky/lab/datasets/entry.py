"""What is known of a data set: where its bytes come from, how they are recognised, whose they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class File:
    """One file, known by the hash of its content.

    Args:
        name: how `fetch` calls it.
        url: where it is published, at a pinned commit or release.
        sha256: of the bytes at `url`.
        mirror: its path in a mirror; ending in ".gz" where the mirror keeps it compressed and `name` does not.
        mirror_sha256: of the mirror's content (decompressed) where it is not that of `url`, such as an extract.
    """

    name: str
    url: str
    sha256: str
    mirror: str
    mirror_sha256: str = ""

    @property
    def digest(self) -> str:
        """What tells this version of the file from another."""
        return self.sha256


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Many files, known by one digest over their names and contents, whatever archive they come in.

    Args:
        name: how `fetch` calls it.
        url: a tar archive; with `members`, what their addresses start with.
        digest: see `folder_digest`.
        mirror: the path of a tar archive in a mirror.
        inside: the folder in either archive to keep (below the one folder that GitHub's archives start with);
            empty keeps everything.
        members: the files one by one, where they are published so.
    """

    name: str
    url: str
    digest: str
    mirror: str
    inside: str = ""
    members: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """A published data set.

    Args:
        name: what `--task` and `fetch` call it.
        title: what people call it.
        field: the field it belongs to, such as "speech".
        parts: its files and folders.
        licence: under which it is published.
        citation: whom to name when it is used.
        homepage: where to read about it.
    """

    name: str
    title: str
    field: str
    parts: tuple[File | Folder, ...]
    licence: str
    citation: str
    homepage: str

    @property
    def digest(self) -> str:
        """A hash over all parts: what tells this version of the data from another."""
        text = "\n".join(f"{part.name} {part.digest}" for part in self.parts)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def credit(self) -> str:
        """Title, citation and licence in one phrase."""
        return f"{self.title} ({self.citation}; {self.licence})"


def folder_digest(folder: Path) -> str:
    """SHA-256 over the sorted relative names of the files in `folder`, each with the SHA-256 of its content."""
    digest = hashlib.sha256()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for name in names:
        digest.update(f"{name}\0{file_sha256(folder / name)}\n".encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
