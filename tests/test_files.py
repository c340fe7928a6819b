"""Data files: verified before anything is read, fetched whole or not at all."""

import gc
import hashlib
import io
import resource
import tarfile
import threading
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bench.errors import DataError
from bench.files import DataFile, data_home

CONTENT = b"published content " * 10_000
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data home, and no proxy between the test and its server."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "keras" / "datasets"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/garbage":
            self.wfile.write(b"this is not HTTP\r\n\r\n")
        elif self.path in ("/good", "/altered", "/cut", "/chunked"):
            content = CONTENT if self.path != "/altered" else CONTENT[:-1] + b"!"
            self.send_response(200)
            if self.path == "/chunked":  # ends in the middle of a chunk
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"ffff\r\n" + content[:100])
                return
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if self.path == "/cut" else content)
        else:
            self.send_error(404)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def forgotten_sockets() -> Iterator[None]:
    """urllib forgets its socket where the answer is no HTTP; collected here, it cannot fail a test that runs later."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def place(home: Path) -> Callable[[str, bytes], Path]:
    """`place(name, content)` puts a file into the data home."""

    def write(name: str, content: bytes) -> Path:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(content)
        return home / name

    return write


def left_in(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.is_file())


def test_data_lies_where_keras_keeps_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_home() == home
    monkeypatch.delenv("KERAS_HOME")
    assert data_home() == Path.home() / ".keras" / "datasets"
    monkeypatch.setenv("KERAS_HOME", "")
    assert data_home() == Path.home() / ".keras" / "datasets"


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_file_with_the_published_digest_is_verified(place: Any, algorithm: str) -> None:
    path = place("sub/file.bin", CONTENT)
    digest = f"{algorithm}:{hashlib.new(algorithm, CONTENT).hexdigest()}"
    assert DataFile("sub/file.bin", digest).verified() == path


def test_a_missing_file_says_what_to_place_where_and_how_to_fetch_it(home: Path) -> None:
    with pytest.raises(DataError) as caught:
        DataFile("file.bin", DIGEST, "https://example.org/file.bin").verified()
    for part in (str(home / "file.bin"), "archbench data fetch", "https://example.org/file.bin", DIGEST):
        assert part in str(caught.value)


@pytest.mark.parametrize("content", [CONTENT[:-1], b"", CONTENT[:-1] + b"!", CONTENT + b" "])
def test_a_truncated_or_altered_file_is_named_with_both_digests_and_the_way_out(place: Any, content: bytes) -> None:
    path = place("file.bin", content)
    found = "sha256:" + hashlib.sha256(content).hexdigest()
    with pytest.raises(DataError) as caught:
        DataFile("file.bin", DIGEST).verified()
    for part in (str(path), f"expected {DIGEST}", f"found {found}", "delete it", "archbench data fetch"):
        assert part in str(caught.value)
    assert path.read_bytes() == content


def test_a_file_that_cannot_be_read_is_named(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place("file.bin", CONTENT)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=f"cannot read data file {path}: Permission denied"):
        DataFile("file.bin", DIGEST).verified()


def test_a_folder_in_the_place_of_a_file_is_no_data_file(home: Path) -> None:
    (home / "file.bin").mkdir(parents=True)
    with pytest.raises(DataError, match="no data file"):
        DataFile("file.bin", DIGEST).verified()


def test_a_fetched_file_is_whole_verified_and_readable_by_others(home: Path, server: str) -> None:
    path = DataFile("sub/file.bin", DIGEST, f"{server}/good").fetch()
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o777 == 0o644
    assert left_in(home) == ["file.bin"]


def test_a_file_that_is_there_is_not_fetched_again(place: Any) -> None:
    path = place("file.bin", CONTENT)
    assert DataFile("file.bin", DIGEST, "http://127.0.0.1:1/never").fetch() == path


def test_an_altered_file_is_not_overwritten_by_a_fetch(place: Any, server: str) -> None:
    path = place("file.bin", b"mine")
    with pytest.raises(DataError, match="delete it and run"):
        DataFile("file.bin", DIGEST, f"{server}/good").fetch()
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("answer", ["altered", "cut", "chunked", "missing"])
def test_a_wrong_download_is_refused_and_leaves_nothing(home: Path, server: str, answer: str) -> None:
    with pytest.raises(DataError) as caught:
        DataFile("file.bin", DIGEST, f"{server}/{answer}").fetch()
    assert str(caught.value).isprintable()
    assert left_in(home) == []
    if answer == "altered":
        found = hashlib.sha256(CONTENT[:-1] + b"!").hexdigest()
        assert f"expected {DIGEST}, found sha256:{found}" in str(caught.value)
    if answer == "missing":
        assert "Not Found" in str(caught.value)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # urllib forgets its socket then
def test_a_server_that_talks_nonsense_is_one_line(home: Path, server: str) -> None:
    with pytest.raises(DataError, match=r"cannot fetch .*this is not HTTP; place the file at") as caught:
        DataFile("file.bin", DIGEST, f"{server}/garbage").fetch()
    assert str(caught.value).isprintable()
    assert left_in(home) == []


def test_without_a_network_the_error_says_which_file_to_place_where(home: Path) -> None:
    with pytest.raises(DataError) as caught:
        DataFile("file.bin", DIGEST, "http://127.0.0.1:1/file.bin").fetch()
    for part in ("http://127.0.0.1:1/file.bin", "refused", f"place the file at {home / 'file.bin'}"):
        assert part in str(caught.value)
    assert left_in(home) == []


def test_a_full_disk_is_said_and_leaves_nothing(home: Path, server: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(DataError, match=r"cannot fetch .*; place the file at"):
            DataFile("file.bin", DIGEST, f"{server}/good").fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert left_in(home) == []


def test_a_data_home_that_is_a_file_is_said(home: Path, server: str) -> None:
    home.parent.parent.joinpath("keras").write_text("in the way")
    with pytest.raises(DataError, match=r"cannot fetch .*; place the file at"):
        DataFile("file.bin", DIGEST, f"{server}/good").fetch()


def test_a_file_without_an_address_is_never_fetched() -> None:
    with pytest.raises(DataError, match="no data file"):
        DataFile("file.bin", DIGEST).fetch()


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("members", [{"a/file.bin": CONTENT}, {"a/file.bin": b"other"}, {"../file.bin": CONTENT}, {}])
def test_only_the_published_member_of_an_archive_is_unpacked(home: Path, place: Any, members: dict[str, bytes]) -> None:
    content = packed(members)
    place("a.tar.gz", content)
    archive = DataFile("a.tar.gz", "sha256:" + hashlib.sha256(content).hexdigest())
    file = DataFile("a/file.bin", DIGEST, archive=archive)
    if members == {"a/file.bin": CONTENT}:
        assert file.fetch().read_bytes() == CONTENT
        return
    with pytest.raises(DataError):
        file.fetch()
    assert left_in(home.parent) == ["a.tar.gz"]


def test_an_archive_that_is_no_archive_is_said(home: Path, place: Any) -> None:
    place("a.tar.gz", CONTENT)
    with pytest.raises(DataError, match=r"cannot fetch a/file.bin"):
        DataFile("a/file.bin", DIGEST, archive=DataFile("a.tar.gz", DIGEST)).fetch()
    assert left_in(home) == ["a.tar.gz"]
