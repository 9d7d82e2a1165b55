"""A server on this machine in the place of a publisher's."""

import contextlib
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler


@contextlib.contextmanager
def serve(answers):
    """A web server on this machine. ``answers``: path → content; else 404.

    In the place of a content may stand a raw response, as ``(bytes,)`` or as a function that writes it to a stream.

    Yields its address and the list of the paths that were asked for.
    """
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            answer = answers.get(self.path)
            if answer is None:
                self.send_error(404)
            elif callable(answer):
                answer(self.wfile)
            elif isinstance(answer, tuple):
                self.wfile.write(answer[0])
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_):
            pass

    class Server(socketserver.TCPServer):  # http.server's own would look its name up
        def handle_error(self, *_):
            pass  # the client hung up

    with running(Server(("127.0.0.1", 0), Handler)) as address:
        yield f"{address}/", asked


@contextlib.contextmanager
def running(server):
    """Run a server of this machine in a thread; yield its address."""
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def refusing_address():
    """Return a local address that refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"
