"""`fetch`: a data set's files on this machine, from a mirror or from where they are published, always checked."""

from __future__ import annotations

import gzip
import logging
import lzma
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

import pooch
import requests

from leaky.errors import DataError, one_line, unknown_name
from leaky.lab.datasets import place
from leaky.lab.datasets.entry import DataSet, File, Folder, file_sha256, folder_digest
from leaky.lab.datasets.registry import DATASETS

_TIMEOUT_SECONDS = 30
_DAMAGED = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)


def fetch(name: str | DataSet) -> dict[str, Path]:
    """The files and folders of a data set, by their names in the registry.

    They come from the mirror that the environment variable `LEAKY_DATA_DIR` names; without one they are downloaded
    once, by pooch, into the system's cache (or `LEAKY_CACHE_DIR`). Each file's SHA-256 is checked every time, a
    folder's digest when it is unpacked.

    Args:
        name: of an entry of `leaky.lab.datasets.DATASETS`, or an entry of your own.

    Returns:
        A path per part: a file, or a folder with the files of an archive.

    Raises:
        UnknownNameError: no such data set.
        DataError: no network, no space, or bytes that are not what they should be; the message says what to do.

    Example:
        >>> from leaky.lab.datasets import fetch
        >>> fetch("co2")["co2.csv"].name                                          # doctest: +SKIP
        'co2.csv'
    """
    if isinstance(name, str) and name not in DATASETS:
        raise unknown_name("data set", name, DATASETS)
    entry = DATASETS[name] if isinstance(name, str) else name
    return {
        part.name: _file(entry, part) if isinstance(part, File) else _folder(entry, part)
        for part in entry.parts
    }


def _file(entry: DataSet, part: File) -> Path:
    mirror = place.mirror()
    if mirror is None:
        return _download(part.url, part.sha256, place.cache() / entry.name / part.name)
    wanted = part.mirror_sha256 or part.sha256
    if not part.mirror.endswith(".gz") or part.name.endswith(".gz"):
        path = _in_mirror(mirror, part.mirror)
        with place.told(f"reading {part.name}"):
            _check(path, wanted, file_sha256(path))
        return path
    target = place.cache() / entry.name / f"mirror-{wanted[:12]}"
    with place.made_once(target, f"unpacking {part.name}") as making:
        if making:
            packed, unpacked = _in_mirror(mirror, part.mirror), making / part.name
            try:
                with gzip.open(packed) as source, unpacked.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
            except _DAMAGED as error:
                raise _broken(packed, error) from error
            _check(packed, wanted, file_sha256(unpacked))
    return target / part.name


def _folder(entry: DataSet, part: Folder) -> Path:
    target = place.cache() / entry.name / f"{part.name}-{part.digest[:12]}"
    with place.made_once(target, f"unpacking {entry.name}") as making:
        if making:
            mirror = place.mirror()
            if mirror is None and part.members:
                for member in part.members:
                    _download(part.url + member, None, making / member)
                source = part.url
            else:
                kept = target.parent / PurePosixPath(part.url).name
                archive = _in_mirror(mirror, part.mirror) if mirror else _download(part.url, None, kept)
                source = str(archive)
                try:
                    _unpack(archive, part.inside, making)
                except _DAMAGED as error:
                    kept.unlink(missing_ok=True)  # so that the next try downloads it anew
                    raise _broken(archive, error) from error
                kept.unlink(missing_ok=True)
            found = folder_digest(making)
            if found != part.digest:
                raise _changed(source, f"files with digest {part.digest}", found)
    return target


def _unpack(archive: Path, inside: str, into: Path) -> None:
    """The regular files below `inside`, at the archive's root or in its only top folder, with tarfile's filter."""
    start = PurePosixPath(inside).parts
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = PurePosixPath(member.name).parts
            for skipped in (0, 1) if start else (0,):
                if member.isfile() and parts[skipped : skipped + len(start)] == start:
                    name = "/".join(parts[skipped + len(start) :])
                    tar.extract(member.replace(name=name, deep=False), into, filter="data")
                    break


def _download(url: str, sha256: str | None, target: Path) -> Path:
    known = f"sha256:{sha256}" if sha256 else None
    pooch.get_logger().addFilter(_no_advice)  # the same filter is added once only
    downloader = pooch.HTTPDownloader(progressbar=False, timeout=_TIMEOUT_SECONDS)
    try:
        with place.told(f"downloading {target.name}"):
            found: str = pooch.retrieve(url, known, target.name, target.parent, downloader=downloader)
    except DataError as error:
        if isinstance(error.__cause__, requests.exceptions.RequestException):  # those are OSErrors too
            raise DataError(
                f"data: {url} cannot be downloaded ({one_line(error.__cause__)}); connect to the network, or name a "
                "mirror in LEAKY_DATA_DIR"
            ) from error.__cause__
        raise
    except ValueError as error:  # pooch: another hash
        raise _changed(url, f"sha256 {sha256}", "another") from error
    return Path(found)


def _no_advice(record: logging.LogRecord) -> bool:
    """Keep "Downloading ..."; what pooch advises those to do who know no hash is not for our users."""
    return "known_hash" not in record.msg


def _in_mirror(mirror: Path, path: str) -> Path:
    found = mirror / path
    if not found.is_file():
        raise DataError(
            f"data: `{found}` is missing; complete the mirror that LEAKY_DATA_DIR names, or unset it to download"
        )
    return found


def _check(path: Path, wanted: str, found: str) -> None:
    if found != wanted:
        raise _changed(str(path), f"sha256 {wanted}", found)


def _changed(source: str, wanted: str, found: str) -> DataError:
    return DataError(
        f"data: `{source}` is cut off or was changed: expected {wanted}, got {found}; fetch it again, and report it "
        "if that does not help"
    )


def _broken(archive: Path, error: BaseException) -> DataError:
    return DataError(f"data: `{archive}` is cut off or damaged ({one_line(error)}); fetch it again")
