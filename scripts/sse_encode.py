#!/usr/bin/env python3
"""sse_encode.py SERVER RUNNER NODE_MODULES: the table of SSE payloads against a running server.

The table's runner publishes JSON objects with topic, event, data and id, which is no format of ours: here they become
CloudEvents on their way to SERVER (http://host:port). What is no such object goes on as it is. Exit code: the runner's."""
import http.client
import json
import os
import subprocess
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SERVER, RUNNER, MODULES = sys.argv[1:]
HOST = urllib.parse.urlsplit(SERVER).netloc


def cloudevent(body):
    """The topic and the event of one object of the runner; ids that are its own stay what they are."""
    try:
        given = json.loads(body)
        event = {"specversion": "1.0", "id": "1", "source": "/table", "datacontenttype": "text/plain"}
        event.update({"type": given["event"] or "message", "data": given["data"]})
        event.update({"id": given["id"]} if "id" in given else {})
        return given["topic"], json.dumps(event).encode()
    except (ValueError, KeyError, TypeError):
        return "default", body


class Translate(BaseHTTPRequestHandler):
    def do_POST(self):
        topic, event = cloudevent(self.rfile.read(int(self.headers["content-length"])))
        server = http.client.HTTPConnection(HOST, timeout=10)
        path = "/api/v1/topics/%s/events" % urllib.parse.quote(topic, safe="")
        server.request("POST", path, event, {"content-type": "application/cloudevents+json"})
        answer = server.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


proxy = ThreadingHTTPServer(("127.0.0.1", 0), Translate)
threading.Thread(target=proxy.serve_forever, daemon=True).start()
environment = dict(
    os.environ,
    NODE_PATH=MODULES,
    SSE_URL=SERVER + "/api/v1/events/stream",
    PUBLISH_URL="http://127.0.0.1:%d/" % proxy.server_port,
)
sys.exit(subprocess.call(["node", RUNNER], env=environment))
