"""A local stand-in for the Hugging Face hub: as much of its HTTP interface as an upload needs.

It speaks what the hub's own client sends: who is asking, repositories and branches, the check of a
card's metadata, the question which files are large, git-lfs for those, and commits as lines of
JSON. It is as strict as the hub where a client could go wrong: a commit may only name large files
that were uploaded, and an upload must have the SHA-256 it was announced with.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

GOOD, READER = "hf_goodToken", "hf_readerToken"
USER = "someone"
LARGE = (".onnx", ".safetensors")
REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"
HEX = r"(?P<oid>[0-9a-f]{64})"


class Refusal(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, message: str, code: str | None = None, **further: str) -> None:
        self.status, self.message, self.code = status, message, code
        self.answer = {"error": message, **further}


@dataclass
class Repository:
    """What the stand-in keeps of one repository."""

    private: bool
    branches: dict[str, dict[str, bytes]] = field(
        default_factory=lambda: {"main": {".gitattributes": b"*.onnx filter=lfs\n"}}
    )
    large: set[str] = field(default_factory=set)
    """The paths that came by git-lfs."""
    commits: list[str] = field(default_factory=list)
    """The commits' messages, the oldest first."""


@dataclass
class Hub:
    """The stand-in's state, and its address."""

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    """Method and path of everything that was asked, in order."""
    failing: dict[str, int] = field(default_factory=dict)
    """Part of a path → the status to refuse it with."""

    def files(self, repo: str, branch: str = "main") -> dict[str, bytes]:
        """What a branch holds, less what a new repository holds anyway."""
        held = self.repositories[repo].branches[branch]
        return {path: content for path, content in held.items() if path != ".gitattributes"}

    def answer(self, method: str, target: str, token: str | None, body: bytes) -> Any:
        """The answer to one request, as JSON.

        Raises
        ------
        Refusal
            The request is refused.
        """
        path = unquote(urlsplit(target).path)
        self.requests.append(f"{method} {path}")
        for part, status in self.failing.items():
            if part in path:
                raise Refusal(status, "made to fail")
        # An upload goes to an address that is its own permission.
        if token not in (GOOD, READER) and not path.startswith("/lfs-put/"):
            raise Refusal(401, "Invalid credentials in Authorization header")
        for verb, pattern, handler in ROUTES:
            found = re.fullmatch(pattern, path)
            if verb == method and found:
                return handler(self, body, token=token, **found.groupdict())
        raise Refusal(404, f"no such place: {method} {path}")

    def who(self, body: bytes, token: str) -> Any:
        return {"type": "user", "name": USER, "orgs": [], "auth": {"type": "access_token"}}

    def create(self, body: bytes, token: str) -> Any:
        asked = json.loads(body)
        repo = f"{asked['organization'] or USER}/{asked['name']}"
        self._may_write(repo, token)
        if repo in self.repositories:
            url = f"{self.address}/{repo}"
            raise Refusal(409, "You already created this model repo", url=url)
        self.repositories[repo] = Repository(private=asked.get("visibility") == "private")
        return {"url": f"{self.address}/{repo}", "id": repo}

    def describe(self, body: bytes, token: str, repo: str, revision: str = "main") -> Any:
        held = self._repository(repo)
        files = self._branch(repo, revision)
        return {
            "id": repo,
            "private": held.private,
            "sha": f"{len(held.commits):040x}",
            "siblings": [{"rfilename": path} for path in sorted(files)],
        }

    def check_card(self, body: bytes, token: str) -> Any:
        content = json.loads(body)["content"]
        try:
            block = yaml.safe_load(content.split("---\n")[1])
        except (IndexError, yaml.YAMLError) as error:
            raise Refusal(400, f"Invalid metadata: {error}") from None
        warnings = [{"message": f"{name} is missing"} for name in ("license",) if name not in block]
        return {"errors": [], "warnings": warnings}

    def branch(self, body: bytes, token: str, repo: str, revision: str) -> Any:
        self._may_write(repo, token)
        branches = self._repository(repo).branches
        if revision in branches:
            raise Refusal(409, "Reference already exists")
        branches[revision] = dict(branches["main"])
        return {}

    def preupload(self, body: bytes, token: str, repo: str, revision: str) -> Any:
        self._may_write(repo, token)
        held, there = self._repository(repo), self._branch(repo, revision)
        files = []
        for one in json.loads(body)["files"]:
            path = one["path"]
            answer = {
                "path": path,
                "uploadMode": "lfs" if path.endswith(LARGE) else "regular",
                "shouldIgnore": False,
            }
            if path in there:
                oid = hashlib.sha256 if path in held.large else _git_sha1
                answer["oid"] = oid(there[path]).hexdigest()
            files.append(answer)
        return {"files": files}

    def batch(self, body: bytes, token: str, repo: str) -> Any:
        self._may_write(repo, token)
        objects = []
        for one in json.loads(body)["objects"]:
            if one["oid"] not in self.blobs:
                one["actions"] = {
                    "upload": {"href": f"{self.address}/lfs-put/{one['oid']}"},
                    "verify": {"href": f"{self.address}/lfs-verify/{one['oid']}"},
                }
            objects.append(one)
        return {"transfer": "basic", "objects": objects}

    def put(self, body: bytes, token: str | None, oid: str) -> Any:
        if hashlib.sha256(body).hexdigest() != oid:
            raise Refusal(400, "the content is not what was announced")
        self.blobs[oid] = body
        return {}

    def verify(self, body: bytes, token: str, oid: str) -> Any:
        asked = json.loads(body)
        if asked["oid"] != oid or len(self.blobs.get(oid, b"")) != asked["size"]:
            raise Refusal(404, "the object was not uploaded")
        return {}

    def commit(self, body: bytes, token: str, repo: str, revision: str) -> Any:
        self._may_write(repo, token)
        held, files = self._repository(repo), dict(self._branch(repo, revision))
        large, message = set(held.large), None
        for line in body.splitlines():
            one = json.loads(line)
            value = one["value"]
            if one["key"] == "header":
                message = value["summary"]
            elif one["key"] == "file" and value["encoding"] == "base64":
                files[value["path"]] = base64.b64decode(value["content"], validate=True)
            elif one["key"] == "lfsFile":
                if value["oid"] not in self.blobs:
                    raise Refusal(400, f"{value['path']} points to a file that does not exist")
                files[value["path"]] = self.blobs[value["oid"]]
                large.add(value["path"])
            else:
                raise Refusal(400, f"unknown operation {one['key']}")
        if message is None:
            raise Refusal(400, "the commit has no header")
        held.branches[revision], held.large = files, large
        held.commits.append(message)
        oid = f"{len(held.commits):040x}"
        return {
            "success": True,
            "commitOid": oid,
            "commitUrl": f"{self.address}/{repo}/commit/{oid}",
        }

    def _may_write(self, repo: str, token: str) -> None:
        if token != GOOD or not repo.startswith(f"{USER}/"):
            raise Refusal(403, f"You don't have the rights to write to {repo}")

    def _repository(self, repo: str) -> Repository:
        if repo not in self.repositories:
            raise Refusal(404, "Repository not found", "RepoNotFound")
        return self.repositories[repo]

    def _branch(self, repo: str, revision: str) -> dict[str, bytes]:
        branches = self._repository(repo).branches
        if revision not in branches:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return branches[revision]


ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", r"/api/whoami-v2", Hub.who),
    ("POST", r"/api/repos/create", Hub.create),
    ("POST", r"/api/validate-yaml", Hub.check_card),
    ("GET", rf"/api/models/{REPO}", Hub.describe),
    ("GET", rf"/api/models/{REPO}/revision/(?P<revision>.+)", Hub.describe),
    ("POST", rf"/api/models/{REPO}/branch/(?P<revision>.+)", Hub.branch),
    ("POST", rf"/api/models/{REPO}/preupload/(?P<revision>.+)", Hub.preupload),
    ("POST", rf"/api/models/{REPO}/commit/(?P<revision>.+)", Hub.commit),
    ("POST", rf"/{REPO}\.git/info/lfs/objects/batch", Hub.batch),
    ("PUT", rf"/lfs-put/{HEX}", Hub.put),
    ("POST", rf"/lfs-verify/{HEX}", Hub.verify),
]


@contextmanager
def serving() -> Iterator[Hub]:
    """Run a stand-in on a free port of the loopback interface."""
    hub, lock = Hub(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = self._body()
            words = self.headers.get("Authorization", "").split()
            status, headers = 200, {"X-Request-Id": "stand-in"}
            try:
                with lock:
                    answer = hub.answer(self.command, self.path, words[-1] if words else None, body)
            except Refusal as refusal:
                status, answer = refusal.status, refusal.answer
                headers["X-Error-Message"] = refusal.message
                if refusal.code is not None:
                    headers["X-Error-Code"] = refusal.code
            content = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = handle_one

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def log_message(self, format: str, *arguments: object) -> None:
            pass  # the requests are in Hub.requests

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _git_sha1(content: bytes) -> Any:
    return hashlib.sha1(b"blob %d\0" % len(content) + content)
