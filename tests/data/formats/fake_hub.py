"""A hub of Hugging Face on this machine, as far as its library asks it for one dataset."""

import contextlib
import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.data.serving import running

COMMIT = "a" * 40
GATED = {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to dataset owner/gated is restricted."}
NOT_FOUND = {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"}


class _Hub(BaseHTTPRequestHandler):
    """The hub's answers; `fake_hub` gives it the datasets, and the list of the paths asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.asked.append(self.path)
        owner, name, *rest = self.path.removeprefix("/api").removeprefix("/datasets/").split("?")[0].split("/")
        files = self.datasets.get(f"{owner}/{name}", {})
        if files is None:
            self.answer(403, GATED)
        elif not files:
            self.answer(401, NOT_FOUND)
        elif rest[:1] == ["resolve"]:
            self.file(files.get("/".join(rest[2:])))
        elif rest[:1] == ["tree"]:
            self.listing(files, "/".join([*rest[2:], ""]))
        else:
            siblings = [{"rfilename": one} for one in files]
            self.json({"id": f"{owner}/{name}", "sha": COMMIT, "private": False, "tags": [], "siblings": siblings})

    def do_HEAD(self):
        self.do_GET()

    def file(self, content):
        if content is None:
            self.answer(404, {"X-Error-Code": "EntryNotFound"})
        else:
            etag = hashlib.sha1(content).hexdigest()
            self.answer(200, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, content)

    def listing(self, files, folder):
        inside = [name.removeprefix(folder) for name in files if name.startswith(folder) or folder == "/"]
        names = {f"{folder}{one.split('/')[0]}".lstrip("/"): one for one in inside}
        self.json(
            [
                {
                    "type": "directory" if "/" in one else "file",
                    "oid": COMMIT,
                    "size": len(files.get(name, b"")),
                    "path": name,
                }
                for name, one in names.items()
            ]
        )

    def json(self, content):
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(content).encode())

    def answer(self, code, headers, content=b""):
        self.send_response(code)
        for name, value in {**headers, "Content-Length": len(content)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def fake_hub(datasets):
    """Serve datasets, name → file → content; None is a gated one. Yields the address and the paths asked for."""
    asked = []
    handler = type("Handler", (_Hub,), {"datasets": datasets, "asked": asked})
    with running(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as address:
        yield address, asked
