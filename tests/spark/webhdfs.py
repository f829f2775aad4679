"""A file system over a network, as HDFS speaks it by HTTP: enough of WebHDFS for Hadoop's own client, over one folder.

The operations, their parameters and their answers are those of Hadoop's page "WebHDFS REST API".
"""

from __future__ import annotations

import json
import shutil
import threading
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PREFIX = "/webhdfs/v1"
_BLOCK = 128 * 1024**2


class _Handler(BaseHTTPRequestHandler):
    """One request. The name node sends a reader or writer on to a data node: here to itself, with ``datanode=true``."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: else the second waits 40 ms for the first to be acknowledged
    root: ClassVar[Path]
    asked: ClassVar[set[str]]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Stay silent."""

    def handle_any(self) -> None:
        """Answer one operation; what is none of ours is refused as the name node would."""
        address = urlsplit(self.path)
        self.given = {name.lower(): values[-1] for name, values in parse_qs(address.query).items()}
        self.at = self._local(unquote(address.path.removeprefix(_PREFIX)))
        body = self._body()
        operation = self.given["op"].upper()
        self.asked.add(operation)
        answer = getattr(self, f"op_{operation.lower()}", None)
        try:
            if answer is None:
                self._refused(HTTPStatus.BAD_REQUEST, "java.lang.UnsupportedOperationException", operation)
            else:
                answer(body)
        except FileNotFoundError:
            self._refused(HTTPStatus.NOT_FOUND, "java.io.FileNotFoundException", "File does not exist")

    do_GET = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - the library's names

    def op_getfilestatus(self, _body: bytes) -> None:
        """Tell of one file or folder."""
        self._told({"FileStatus": self._status(self.at, "")})

    def op_liststatus(self, _body: bytes) -> None:
        """Tell of what lies in a folder; of a file, of itself."""
        within = sorted(self.at.iterdir()) if self.at.is_dir() else [self.at]
        found = [self._status(path, path.name if self.at.is_dir() else "") for path in within]
        self._told({"FileStatuses": {"FileStatus": found}})

    def op_getfileblocklocations(self, _body: bytes) -> None:
        """Say which machine holds a file."""
        block = {"offset": 0, "length": self.at.stat().st_size, "corrupt": False, "storageTypes": ["DISK"]}
        where = {"hosts": ["localhost"], "cachedHosts": [], "names": ["127.0.0.1:9866"]}
        where["topologyPaths"] = [f"/default-rack/{where['names'][0]}"]
        self._told({"BlockLocations": {"BlockLocation": [block | where]}})

    def op_mkdirs(self, _body: bytes) -> None:
        """Make a folder and those above."""
        self.at.mkdir(parents=True, exist_ok=True)
        self._told({"boolean": True})

    def op_create(self, body: bytes) -> None:
        """Write a file, on the second request."""
        if not self._sent_on():
            self.at.parent.mkdir(parents=True, exist_ok=True)
            with self.at.open("wb" if self.given.get("overwrite") == "true" else "xb") as file:
                file.write(body)
            self._answer(HTTPStatus.CREATED, b"")

    def op_open(self, _body: bytes) -> None:
        """Read a file from an offset on, on the second request."""
        self.at.stat()
        if not self._sent_on():
            since, most = int(self.given.get("offset", 0)), int(self.given.get("length", -1))
            with self.at.open("rb") as file:
                file.seek(since)
                self._answer(HTTPStatus.OK, file.read(most))

    def op_rename(self, _body: bytes) -> None:
        """Move a file or folder, into a folder where there is one of the new name."""
        to = self._local(self.given["destination"])
        if is_possible := self.at.exists() and to.parent.is_dir():
            self.at.rename(to / self.at.name if to.is_dir() else to)
        self._told({"boolean": is_possible})

    def op_delete(self, _body: bytes) -> None:
        """Remove a file or folder; nothing there is no error."""
        was_there = self.at.exists()
        if self.at.is_dir():
            shutil.rmtree(self.at)
        elif was_there:
            self.at.unlink()
        self._told({"boolean": was_there})

    def op_setpermission(self, _body: bytes) -> None:
        """Take the rights."""
        self.at.chmod(int(self.given["permission"], 8))
        self._answer(HTTPStatus.OK, b"")

    def _local(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _sent_on(self) -> bool:
        if "datanode" in self.given:
            return False
        self.send_response(HTTPStatus.TEMPORARY_REDIRECT)
        self.send_header("Location", f"http://{self.headers['Host']}{self.path}&datanode=true")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return True

    def _status(self, path: Path, name: str) -> dict[str, Any]:
        about, is_folder = path.stat(), path.is_dir()
        said = {"pathSuffix": name, "type": "DIRECTORY" if is_folder else "FILE", "owner": "root", "group": "root"}
        said |= {"length": 0 if is_folder else about.st_size, "permission": f"{about.st_mode & 0o777:o}"}
        at = {"modificationTime": int(about.st_mtime * 1000), "accessTime": 0, "fileId": about.st_ino}
        return {**said, **at, "blockSize": 0 if is_folder else _BLOCK, "replication": 0 if is_folder else 1}

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _told(self, said: dict[str, Any]) -> None:
        self._answer(HTTPStatus.OK, json.dumps(said).encode())

    def _refused(self, status: HTTPStatus, error: str, message: str) -> None:
        said = {"exception": error.rpartition(".")[2], "javaClassName": error, "message": message}
        self._answer(status, json.dumps({"RemoteException": said}).encode())

    def _answer(self, status: HTTPStatus, body: bytes) -> None:
        # No Content-Type: the client in Spark's Python package lacks a class that would read it.
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, set[str]]]:
    """Serve a folder; gives the address as Hadoop spells it, and the operations that were asked for."""
    asked: set[str] = set()
    handler = type("Handler", (_Handler,), {"root": folder, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"webhdfs://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
