"""The driver on known subjects: it must pass an API that is as it says, and fail it with each fault."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from described_api import try_api

THINGS = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": {"type": "string"}}}}
PROBLEM = {"application/problem+json": {"schema": {"type": "object", "required": ["detail"]}}}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "things", "version": "1"},
    "security": [{"admin": []}],
    "components": {"securitySchemes": {"admin": {"type": "http", "scheme": "bearer"}}},
    "paths": {
        "/api/things": {
            "get": {
                "responses": {
                    "200": {"description": "They.", "content": {"application/json": {"schema": THINGS}}},
                    "401": {"description": "No token.", "content": PROBLEM},
                }
            }
        }
    },
}
FAULTS = {
    "another shape": {"body": {"items": "none"}},
    "a status that is not described": {"status": 418},
    "a fault of the server": {"status": 500},
    "another type": {"type": "text/plain"},
    "a token that nobody needs": {"open": True},
}


def server(fault):
    class Handler(BaseHTTPRequestHandler):
        def answer(self, status, body, kind="application/json"):
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self):
            if self.path == "/api/openapi.json":
                self.answer(200, DOCUMENT)
            elif self.headers.get("Authorization") != "Bearer right" and not fault.get("open"):
                self.answer(401, {"detail": "send a token"}, "application/problem+json")
            else:
                self.answer(fault.get("status", 200), fault.get("body", {"items": []}), fault.get("type", "application/json"))

        def other(self):
            self.send_response(405)
            self.send_header("Allow", "GET")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_HEAD = do_QUERY = other

        def log_message(self, *_):
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def passes(fault):
    serving = server(fault)
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        return try_api(f"http://127.0.0.1:{serving.server_port}", "right")
    finally:
        serving.shutdown()
        thread.join()
        serving.server_close()


def main():
    assert passes({}), "the driver fails an API that is as it says"
    for name, fault in FAULTS.items():
        assert not passes(fault), f"the driver does not notice {name}"
    print(f"the driver passes an API that is as it says, and notices {len(FAULTS)} faults")


if __name__ == "__main__":
    main()
