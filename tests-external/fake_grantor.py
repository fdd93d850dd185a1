"""A stand-in for the grantor binary: just enough server to prove that the driver passes what is right and, with one
fault switched on, fails what is wrong. It has the binary's command line, so that `cargo xtask external --binary` can
drive it too. It is a test subject and nothing more: it keeps secrets in clear and everything in memory.

    fake_grantor.py import FILE --config CONFIG
    fake_grantor.py serve --ready-file FILE --config CONFIG      (FAKE_GRANTOR_FAULT names a fault)
"""

import base64
import hashlib
import json
import os
import secrets
import signal
import sys
import threading
import time
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.jose import JsonWebKey, JsonWebToken

# Each fault, and the step of the driver that must notice it.
FAULTS = {
    "other issuer": "discovery",
    "no metadata": "discovery",
    "no iss": "refused consent",
    "state lost": "refused consent",
    "deny approves": "refused consent",
    "no csrf": "refused consent",
    "no consent": "refused consent",
    "login refused": "refused consent",
    "error page": "refused consent",
    "no refresh token": "authorization code with pkce",
    "verifier unchecked": "wrong verifier",
    "same access token": "refresh",
    "stranger sees": "introspection by a stranger",
    "revocation ignored": "revocation",
    "code reusable": "replayed code",
    "replay harmless": "replayed code",
    "secret unchecked": "wrong secret",
    "private key shown": "signed access token",
    "wrong key": "signed access token",
    "no typ": "signed access token",
}


class World:
    """All the server knows."""

    def __init__(self, registrations, fault=None):
        assert fault is None or fault in FAULTS, f"no such fault: {fault}"
        self.fault = fault
        self.clients = {c["client_id"]: c for c in registrations["clients"]}
        self.clients.update({c["client_id"]: c for c in registrations["resource_servers"]})
        self.resource_servers = {c["client_id"] for c in registrations["resource_servers"]}
        self.passwords = {u["username"]: u["password"] for u in registrations["users"]}
        self.sessions, self.codes, self.grants, self.access, self.refresh = {}, {}, {}, {}, {}
        self.key = JsonWebKey.generate_key("EC", "P-256", {"kid": "1"}, is_private=True)
        self.other_key = JsonWebKey.generate_key("EC", "P-256", {"kid": "1"}, is_private=True)

    def issue(self, issuer, client, scope, user=None, grant=None):
        grant = grant or secrets.token_urlsafe(16)
        self.grants.setdefault(grant, True)
        token = secrets.token_urlsafe(16)
        if client.get("access_token_format") == "jwt":
            header = {"alg": "ES256", "kid": "1"} | ({} if self.fault == "no typ" else {"typ": "at+jwt"})
            now = int(time.time())
            claims = {"iss": issuer, "sub": client["client_id"], "client_id": client["client_id"], "aud": issuer,
                      "iat": now, "exp": now + 3600, "jti": token}
            key = self.other_key if self.fault == "wrong key" else self.key
            token = JsonWebToken(["ES256"]).encode(header, claims, key).decode()
        self.access[token] = (grant, client["client_id"], scope, user)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": scope}
        if user and self.fault != "no refresh token":
            answer["refresh_token"] = secrets.token_urlsafe(16)
            self.refresh[answer["refresh_token"]] = (grant, client["client_id"], scope, user)
        return answer


class Refusal(Exception):
    def __init__(self, code, status=400):
        super().__init__(code)
        self.code, self.status = code, status


class Handler(BaseHTTPRequestHandler):
    world = None
    protocol_version = "HTTP/1.0"

    def log_message(self, *_):
        pass

    @property
    def issuer(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def do_GET(self):
        url = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        if url.path == "/.well-known/oauth-authorization-server":
            return self.metadata()
        if url.path == "/.well-known/jwks.json":
            key = self.world.key.as_dict(is_private=self.world.fault == "private key shown")
            return self.json(200, {"keys": [key]})
        if url.path == "/oauth2/authorize":
            return self.authorize(url.query, query)
        if url.path == "/login":
            return self.page(query["next"], "/login", '<input name="username"><input name="password" type="password">')
        return self.json(404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        form = {k: v[0] for k, v in parse_qs(body).items()}
        url = urlsplit(self.path)
        if url.path == "/login":
            return self.login(form)
        if url.path == "/oauth2/authorize":
            return self.decide(form)
        try:
            client = self.authenticate(form)
            answer = {"/oauth2/token": self.token, "/oauth2/introspect": self.introspect,
                      "/oauth2/revoke": self.revoke}[url.path](client, form)
            return self.json(200, answer)
        except Refusal as refusal:
            return self.json(refusal.status, {"error": refusal.code})

    def metadata(self):
        if self.world.fault == "no metadata":
            return self.json(404, {})
        at = self.issuer
        return self.json(200, {
            "issuer": at + ("/other" if self.world.fault == "other issuer" else ""),
            "authorization_endpoint": at + "/oauth2/authorize", "token_endpoint": at + "/oauth2/token",
            "introspection_endpoint": at + "/oauth2/introspect", "revocation_endpoint": at + "/oauth2/revoke",
            "jwks_uri": at + "/.well-known/jwks.json", "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"], "authorization_response_iss_parameter_supported": True,
        })

    # Pages

    def authorize(self, raw, query):
        if self.world.fault == "error page":
            return self.html(500, "<h1>broken</h1>")
        if self.session_user() is None:
            return self.redirect("/login?" + urlencode({"next": "/oauth2/authorize?" + raw}))
        if self.world.fault == "no consent":
            return self.decide(query | {"decision": "approve"})
        hidden = "".join(f'<input type=hidden name="{escape(k)}" value="{escape(v)}">' for k, v in query.items())
        buttons = "".join(f'<button name="decision" value="{d}">{d}</button>' for d in ("deny", "approve"))
        return self.page("", "/oauth2/authorize", hidden + buttons)

    def login(self, form):
        known = self.world.passwords.get(form.get("username")) == form.get("password")
        if not known or self.world.fault == "login refused":
            return self.redirect("/login?" + urlencode({"next": form["next"]}))
        session = secrets.token_urlsafe(16)
        self.world.sessions[session] = form["username"]
        return self.redirect(form["next"], {"Set-Cookie": f"session={session}; HttpOnly; Path=/"})

    def decide(self, form):
        answer = {} if self.world.fault == "state lost" else {"state": form["state"]}
        if self.world.fault != "no iss":
            answer["iss"] = self.issuer
        if form["decision"] == "approve" or self.world.fault == "deny approves":
            answer["code"] = secrets.token_urlsafe(16)
            self.world.codes[answer["code"]] = {
                "client_id": form["client_id"], "scope": form.get("scope", ""), "grant": None,
                "challenge": form["code_challenge"], "user": self.session_user(),
            }
        else:
            answer["error"] = "access_denied"
        return self.redirect(form["redirect_uri"] + "?" + urlencode(answer))

    def session_user(self):
        cookies = dict(c.strip().partition("=")[::2] for c in self.headers.get("Cookie", "").split(";"))
        return self.world.sessions.get(cookies.get("session"))

    # Endpoints for clients

    def authenticate(self, form):
        client_id, secret = form.get("client_id"), form.get("client_secret")
        header = self.headers.get("Authorization", "")
        if header.startswith("Basic "):
            client_id, _, secret = base64.b64decode(header[6:]).decode().partition(":")
        client = self.world.clients.get(client_id)
        if client is None:
            raise Refusal("invalid_client", 401)
        if client.get("client_secret") != secret and self.world.fault != "secret unchecked":
            raise Refusal("invalid_client", 401)
        return client

    def token(self, client, form):
        grant_type = form.get("grant_type")
        if grant_type == "client_credentials":
            return self.world.issue(self.issuer, client, form.get("scope") or client["scope"])
        if grant_type == "refresh_token":
            grant, _, scope, user = self.world.refresh.get(form["refresh_token"], (None, None, None, None))
            if not self.world.grants.get(grant):
                raise Refusal("invalid_grant")
            answer = self.world.issue(self.issuer, client, scope, user, grant)
            if self.world.fault == "same access token":
                answer["access_token"] = next(t for t, held in self.world.access.items() if held[0] == grant)
            return answer
        code = self.world.codes.get(form.get("code"))
        if code is None:
            raise Refusal("invalid_grant")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if challenge.rstrip(b"=").decode() != code["challenge"] and self.world.fault != "verifier unchecked":
            raise Refusal("invalid_grant")
        if code["grant"] and self.world.fault != "code reusable":
            self.world.grants[code["grant"]] = self.world.fault == "replay harmless"
            raise Refusal("invalid_grant")
        code["grant"] = secrets.token_urlsafe(16)
        return self.world.issue(self.issuer, client, code["scope"], code["user"], code["grant"])

    def introspect(self, client, form):
        grant, owner, scope, user = self.world.access.get(form["token"], (None, None, None, None))
        asked_by = client["client_id"]
        may = asked_by == owner or asked_by in self.world.resource_servers or self.world.fault == "stranger sees"
        if not may or not self.world.grants.get(grant):
            return {"active": False}
        return {"active": True, "client_id": owner, "scope": scope, "sub": user, "exp": int(time.time()) + 3600}

    def revoke(self, client, form):
        grant, owner, *_ = self.world.access.get(form["token"]) or self.world.refresh.get(form["token"]) or [None] * 2
        if owner == client["client_id"] and self.world.fault != "revocation ignored":
            self.world.grants[grant] = False
        return {}

    # Answers

    def page(self, following, action, fields):
        csrf = "" if self.world.fault == "no csrf" else '<input type="hidden" name="csrf" value="c">'
        following = f'<input type="hidden" name="next" value="{escape(following)}">'
        self.html(200, f'<!doctype html><form method="post" action="{action}">{csrf}{following}{fields}</form>')

    def html(self, status, text):
        self.answer(status, text.encode(), {"Content-Type": "text/html; charset=utf-8"})

    def json(self, status, value):
        self.answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def redirect(self, location, headers=None):
        self.answer(303, b"", {"Location": location} | (headers or {}))

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def server(registrations, fault=None):
    """A server on a free port of this machine, not yet serving."""
    handler = type("Handler", (Handler,), {"world": World(registrations, fault)})
    return ThreadingHTTPServer(("127.0.0.1", 0), handler)


def main():
    verb = sys.argv[1]
    options = dict(zip(sys.argv, sys.argv[1:]))
    beside = Path(options["--config"]).parent / "imported.json"
    if verb == "import":
        beside.write_text(Path(sys.argv[2]).read_text())
        return 0
    assert verb == "serve", f"no such verb: {verb}"
    serving = server(json.loads(beside.read_text()), os.environ.get("FAKE_GRANTOR_FAULT"))
    # shutdown() waits for the loop to end, and the signal arrives on the thread that runs it.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=serving.shutdown).start())
    at = f"http://127.0.0.1:{serving.server_port}"
    print(f"listening on {at}", flush=True)
    Path(options["--ready-file"]).write_text(json.dumps({"public": at, "admin": at, "profiles": {"standard": at}}))
    serving.serve_forever(poll_interval=0.05)
    return 0


if __name__ == "__main__":
    sys.exit(main())
