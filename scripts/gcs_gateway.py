"""Stands between the tests and fake-gcs-server, which does not know how to write by Google's XML interface.

    python3 gcs_gateway.py PORT ADDRESS_OF_FAKE_GCS_SERVER

A PUT of an object becomes an upload by the JSON interface, of the one kind whose precondition is obeyed; what a listing
begins after is cut off. Everything else passes as it is.
"""

import html
import http.client
import json
import re
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, SERVER = int(sys.argv[1]), urllib.parse.urlparse(sys.argv[2]).netloc
HOP = {"connection", "transfer-encoding", "content-length", "host", "keep-alive"}


UPLOAD = threading.Lock()


def later(entry, after):
    """An entry of a listing if it comes after a key, else nothing."""
    return entry[0] if html.unescape(entry[1].decode()) > after else b""


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server_side = http.client.HTTPConnection(SERVER)

    def finish(self):
        self.server_side.close()
        super().finish()

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        method, path = self.command, self.path
        bucket, _, name = path.lstrip("/").partition("/")
        is_upload = method == "PUT" and name and "?" not in path
        if is_upload:
            query = {"uploadType": "multipart", "name": urllib.parse.unquote(name)}
            facts = json.dumps({"name": query["name"]}).encode()
            body = (b"--EDGE\r\nContent-Type: application/json\r\n\r\n%b\r\n--EDGE\r\n"
                    b"Content-Type: application/octet-stream\r\n\r\n%b\r\n--EDGE--\r\n" % (facts, body))
            headers = {"Content-Type": "multipart/related; boundary=EDGE"}
            generation = self.headers.get("x-goog-if-generation-match")
            if generation is not None:
                query["ifGenerationMatch"] = generation
            method, path = "POST", f"/upload/storage/v1/b/{bucket}/o?{urllib.parse.urlencode(query)}"
        with UPLOAD if is_upload else threading.Lock():
            self.server_side.request(method, path, body, headers)
            answer = self.server_side.getresponse()
            data = answer.read()
        after = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query).get("start-after")
        if after:
            data = re.sub(rb"<Contents><Key>(.*?)</Key>.*?</Contents>", lambda m: later(m, after[0]), data)
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in HOP | {"date", "server"}:
                self.send_header(key, value)
        if is_upload and answer.status == 200:
            self.send_header("ETag", '"uploaded"')
        length = answer.getheader("Content-Length", "0") if method == "HEAD" else len(data)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if method != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


Server(("127.0.0.1", PORT), Gateway).serve_forever()
