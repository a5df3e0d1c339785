"""Files come from the source or a mirror, and whatever is wrong with them is one line that says what to do."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from leaky.errors import DataError, UnknownNameError
from leaky.lab.datasets import DataSet, File, Folder, fetch, place
from leaky.lab.datasets.entry import folder_digest

CONTENT = b"a,b\n1,2\n" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MEMBERS = {"one.txt": b"1", "sub/two.txt": b"22"}


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a log, and remembers what was asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEAKY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("LEAKY_DATA_DIR", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path: Path, cache: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """A folder, the address it is served at, and what was asked for."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}", server.asked  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def packed(path: Path, inside: str, members: dict[str, bytes] = MEMBERS) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(inside + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def one(part: File | Folder) -> DataSet:
    return DataSet(name="d", title="", field="", parts=(part,), licence="", citation="", homepage="")


def file(url: str = "http://nowhere.invalid") -> File:
    return File(name="t.csv", url=f"{url}/t.csv", sha256=SHA256, mirror="set/t.csv.gz")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    plain = tmp_path / "plain"
    for name, content in MEMBERS.items():
        (plain / name).parent.mkdir(parents=True, exist_ok=True)
        (plain / name).write_bytes(content)
    url = "http://nowhere.invalid/v1.tar.gz"
    return Folder(name="all", url=url, digest=folder_digest(plain), mirror="d.tar.gz", inside="data")


def test_a_file_is_downloaded_once(source: tuple[Path, str, list[str]]) -> None:
    served, url, asked = source
    (served / "t.csv").write_bytes(CONTENT)
    for _ in range(2):
        assert fetch(one(file(url)))["t.csv"].read_bytes() == CONTENT
    assert asked == ["/t.csv"]


def test_a_file_cut_off_in_the_cache_is_downloaded_again(source: tuple[Path, str, list[str]]) -> None:
    served, url, asked = source
    (served / "t.csv").write_bytes(CONTENT)
    path = fetch(one(file(url)))["t.csv"]
    path.write_bytes(CONTENT[:50])
    assert fetch(one(file(url)))["t.csv"].read_bytes() == CONTENT
    assert len(asked) == 2


def test_another_content_at_the_source_is_refused_and_not_kept(
    source: tuple[Path, str, list[str]], cache: Path
) -> None:
    served, url, _ = source
    (served / "t.csv").write_bytes(CONTENT[:-1])
    with pytest.raises(
        DataError, match=f"t.csv` is cut off or was changed: expected sha256 {SHA256}, got ano"
    ):
        fetch(one(file(url)))
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_download_that_does_not_fit_is_not_kept_by_half(
    source: tuple[Path, str, list[str]], cache: Path
) -> None:
    resource = pytest.importorskip("resource", reason="this system has no limits on the size of files")
    served, url, _ = source
    content = bytes(4_000_000)
    (served / "t.csv").write_bytes(content)
    part = replace(file(url), sha256=hashlib.sha256(content).hexdigest())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(
            DataError, match=r"no space left for downloading t\.csv in `.*`; free some space, or"
        ):
            fetch(one(part))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [path for path in cache.rglob("*") if path.is_file()]
    assert fetch(one(part))["t.csv"].read_bytes() == content


def test_no_network(cache: Path) -> None:
    unused = file("http://127.0.0.1:9")
    with pytest.raises(
        DataError, match=r"cannot be downloaded \(ConnectionError.*name a mirror in LEAKY_DATA"
    ) as told:
        fetch(one(unused))
    assert "\n" not in str(told.value)


def test_nothing_at_the_address(source: tuple[Path, str, list[str]]) -> None:
    with pytest.raises(DataError, match=r"cannot be downloaded \(HTTPError: 404"):
        fetch(one(file(source[1])))


def test_an_archive_is_known_by_its_files_whatever_its_bytes(
    source: tuple[Path, str, list[str]], folder: Folder, cache: Path
) -> None:
    served, url, asked = source
    inside = {f"data/{name}": content for name, content in MEMBERS.items()}
    packed(served / "v1.tar.gz", "repository-v1/", {**inside, "README": b"", "docs/data/README": b""})
    for _ in range(2):
        found = fetch(one(replace(folder, url=f"{url}/v1.tar.gz")))["all"]
    assert {
        p.relative_to(found).as_posix(): p.read_bytes() for p in found.rglob("*") if p.is_file()
    } == MEMBERS
    assert asked == ["/v1.tar.gz"]
    assert not list(cache.rglob("*.tar.gz"))  # once unpacked it is not needed


def test_an_archive_with_other_files_is_refused_and_not_kept(
    source: tuple[Path, str, list[str]], folder: Folder, cache: Path
) -> None:
    served, url, _ = source
    packed(served / "v1.tar.gz", "data/", {**MEMBERS, "one.txt": b"other"})
    with pytest.raises(DataError, match=f"expected files with digest {folder.digest}, got [0-9a-f]{{64}};"):
        fetch(one(replace(folder, url=f"{url}/v1.tar.gz")))
    assert not list(cache.rglob("*.txt"))


def test_a_download_cut_off_is_tried_anew(source: tuple[Path, str, list[str]], folder: Folder) -> None:
    served, url, _ = source
    part, archive = replace(folder, url=f"{url}/v1.tar.gz"), served / "v1.tar.gz"
    packed(archive, "data/", {**MEMBERS, "one.txt": bytes(range(256)) * 9})
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"v1\.tar\.gz` is cut off or .*; fetch it again"):
        fetch(one(part))
    packed(archive, "data/")
    assert fetch(one(part))["all"].is_dir()


def test_files_that_are_published_one_by_one(source: tuple[Path, str, list[str]], folder: Folder) -> None:
    served, url, asked = source
    for name, content in MEMBERS.items():
        (served / name).parent.mkdir(exist_ok=True)
        (served / name).write_bytes(content)
    part = replace(folder, url=f"{url}/", members=tuple(MEMBERS))
    assert (fetch(one(part))["all"] / "sub" / "two.txt").read_bytes() == b"22"
    assert len(asked) == 2


@pytest.mark.parametrize("name", ["../outside.txt", "/outside.txt"])
def test_an_archive_cannot_write_beside_its_folder(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, folder: Folder, name: str
) -> None:
    packed(tmp_path / "d.tar.gz", "", {"data/one.txt": b"1", name: b"!", f"data/{name}": b"!"})
    monkeypatch.setenv("LEAKY_DATA_DIR", str(tmp_path))
    with pytest.raises(DataError):
        fetch(one(replace(folder, inside="")))
    with pytest.raises(DataError):
        fetch(one(folder))
    assert not list(tmp_path.rglob("outside.txt"))


class TestMirror:
    @pytest.fixture(autouse=True)
    def _named(self, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "mirror" / "set").mkdir(parents=True)
        monkeypatch.setenv("LEAKY_DATA_DIR", str(tmp_path / "mirror"))
        self.mirror = tmp_path / "mirror"

    def test_a_compressed_file_is_unpacked_and_checked(self) -> None:
        (self.mirror / "set" / "t.csv.gz").write_bytes(gzip.compress(CONTENT))
        assert fetch(one(file()))["t.csv"].read_bytes() == CONTENT

    def test_a_plain_file_is_used_where_it_lies(self) -> None:
        (self.mirror / "set" / "t.csv").write_bytes(CONTENT)
        part = replace(file(), mirror="set/t.csv")
        assert fetch(one(part))["t.csv"] == self.mirror / "set" / "t.csv"

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (gzip.compress(CONTENT[:-1]), "is cut off or was changed: expected sha256"),
            (gzip.compress(CONTENT)[:-9], "is cut off or damaged (EOFError"),
            (b"no gzip", "is cut off or damaged (BadGzipFile"),
        ],
        ids=["other content", "cut off", "no gzip"],
    )
    def test_a_damaged_file(self, content: bytes, told: str, cache: Path) -> None:
        (self.mirror / "set" / "t.csv.gz").write_bytes(content)
        with pytest.raises(DataError) as caught:
            fetch(one(file()))
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)
        assert not list(cache.rglob("t.csv"))

    def test_a_missing_file(self) -> None:
        with pytest.raises(
            DataError, match=r"t\.csv\.gz` is missing; complete the mirror that LEAKY_DATA_DIR names"
        ):
            fetch(one(file()))

    def test_a_mirror_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LEAKY_DATA_DIR", str(self.mirror / "nowhere"))
        with pytest.raises(DataError, match="nowhere`, which is no folder; correct or unset it"):
            fetch(one(file()))

    @pytest.mark.parametrize(
        ("number", "told"),
        [
            (
                errno.ENOSPC,
                "no space left for unpacking t.csv in `.*`; free some space, or name another folder in",
            ),
            (errno.EROFS, r"\(no permission\); name a folder of your own in LEAKY_CACHE_DIR"),
        ],
    )
    def test_a_disk_that_takes_no_more(
        self, monkeypatch: pytest.MonkeyPatch, cache: Path, number: int, told: str
    ) -> None:
        (self.mirror / "set" / "t.csv.gz").write_bytes(gzip.compress(CONTENT))

        def full(*_: object) -> None:
            raise OSError(number, "said the system", str(cache / "t.csv"))

        monkeypatch.setattr("shutil.copyfileobj", full)
        with pytest.raises(DataError, match=told):
            fetch(one(file()))
        monkeypatch.undo()


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown data set `etth2`: did you mean `etth1`\?"):
        fetch("etth2")


def test_what_two_make_at_once_is_made_once(tmp_path: Path) -> None:
    made = []

    def make() -> None:
        with place.made_once(tmp_path / "target", "a test") as folder:
            if folder:
                (folder / "file").write_text("whole")
                made.append(folder)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert (tmp_path / "target" / "file").read_text() == "whole"


def test_what_was_made_by_half_is_no_target(tmp_path: Path) -> None:
    def die() -> None:
        with place.made_once(tmp_path / "target", "a test") as folder:
            assert folder is not None
            (folder / "file").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        die()
    assert not (tmp_path / "target").exists()
