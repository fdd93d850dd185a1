"""Drives an authorization server with Authlib, a client that is not ours.

    authlib_client.py '{"issuer": URL, "endpoints": {NAME: URL}, "registrations": {…}}'

The endpoints are named as in RFC 8414; the registrations are the very file the server imported. One line per step. A step that fails prints what it expected and ends the run with exit 1.
"""

import json
import secrets
import sys
import time
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url

from pages import Walk

TIMEOUT = 20


class Run:
    def __init__(self, subject):
        self.issuer = subject["issuer"]
        self.endpoints = subject["endpoints"]
        registrations = subject["registrations"]
        registered = registrations["clients"] + registrations["resource_servers"]
        self.clients = {client["client_id"]: client for client in registered}
        self.user = registrations["users"][0]
        self.browser = with_timeout(requests.Session())

    def steps(self):
        """In order: a later step uses what an earlier one obtained."""
        return [
            self.discovery,
            self.refused_consent,
            self.authorization_code_with_pkce,
            self.authorization_code_of_a_public_client,
            self.wrong_verifier,
            self.refresh,
            self.introspection,
            self.introspection_by_a_stranger,
            self.revocation,
            self.replayed_code,
            self.client_credentials,
            self.wrong_secret,
            self.signed_access_token,
        ]

    # Discovery, RFC 8414

    def discovery(self):
        url = get_well_known_url(self.issuer, external=True)
        response = self.browser.get(url)
        equal(response.status_code, 200, f"status of {url}")
        metadata = AuthorizationServerMetadata(response.json())
        metadata.validate()
        equal(metadata["issuer"], self.issuer, "issuer in the metadata (RFC 8414, section 3.3)")
        for name, endpoint in self.endpoints.items():
            equal(metadata.get(name), endpoint, f"{name} in the metadata")
        holds("S256" in metadata.get("code_challenge_methods_supported", []), "the metadata offers PKCE S256")
        holds(
            metadata.get("authorization_response_iss_parameter_supported") is True,
            "the metadata announces `iss` in authorization responses (RFC 9207)",
        )
        self.metadata = metadata
        return f"{len(metadata)} members, valid to Authlib"

    # The authorization endpoint

    def authorize(self, client, decision="approve", code_verifier=None):
        """Walks the pages; the location the browser was sent to, checked for `state` and `iss`."""
        session = self.session(client)
        verifier = code_verifier or secrets.token_urlsafe(48)
        url, state = session.create_authorization_url(
            self.endpoints["authorization_endpoint"], code_verifier=verifier
        )
        walk = Walk(self.browser, self.user["username"], self.user["password"])
        location, met = walk.to(client["redirect_uris"][0], url, decision)
        answer = {name: values for name, values in parse_qs(urlsplit(location).query).items()}
        equal(answer.get("state"), [state], "`state` in the authorization response")
        equal(answer.get("iss"), [self.issuer], "`iss` in the authorization response (RFC 9207)")
        return session, verifier, state, location, answer, met

    def obtain(self, client):
        session, verifier, state, location, _, met = self.authorize(client)
        token = session.fetch_token(
            self.endpoints["token_endpoint"],
            authorization_response=location,
            state=state,
            code_verifier=verifier,
        )
        holds(token.get("access_token"), "the token response carries an access token")
        equal(token.get("token_type", "").lower(), "bearer", "token_type")
        holds(token.get("expires_in", 0) > 0, "expires_in is positive")
        return session, token, location, verifier, met

    def refused_consent(self):
        *_, answer, met = self.authorize(self.clients["public"], decision="deny")
        equal(met, ["login", "consent"], "forms met by a browser without a session")
        equal(answer.get("error"), ["access_denied"], "`error` after a refusal")
        holds("code" not in answer, "no code after a refusal")
        return "access_denied, with state and iss"

    def authorization_code_with_pkce(self):
        self.web, token, self.web_location, self.web_verifier, met = self.obtain(self.clients["web"])
        holds("consent" in met, "a third party's client asks for consent")
        holds(token.get("refresh_token"), "the token response carries a refresh token")
        return f"forms met: {', '.join(met)}"

    def authorization_code_of_a_public_client(self):
        _, token, *_ = self.obtain(self.clients["public"])
        return f"no secret, scope {token.get('scope')!r}"

    def wrong_verifier(self):
        session, _, state, location, _, _ = self.authorize(self.clients["public"])
        refused(
            "invalid_grant",
            lambda: session.fetch_token(
                self.endpoints["token_endpoint"],
                authorization_response=location,
                state=state,
                code_verifier=secrets.token_urlsafe(48),
            ),
        )
        return "invalid_grant"

    # The life of a token

    def refresh(self):
        before = dict(self.web.token)
        after = self.web.refresh_token(self.endpoints["token_endpoint"])
        holds(after["access_token"] != before["access_token"], "a refresh gives a new access token")
        holds(after.get("refresh_token"), "a refresh token is still held after a refresh")
        rotated = after["refresh_token"] != before["refresh_token"]
        return "the refresh token rotated" if rotated else "the refresh token stayed"

    def introspection(self):
        for client in (self.clients["rs1"], self.clients["web"]):
            answer = self.introspect(client, self.web.token["access_token"])
            equal(answer.get("active"), True, f"`active` of a live token, asked by {client['client_id']}")
            equal(answer.get("client_id"), self.clients["web"]["client_id"], "client_id of the token")
            equal(set(answer.get("scope", "").split()), {"read", "write"}, "scope of the token")
            holds(answer.get("exp", 0) > time.time(), "`exp` is to come")
            holds(answer.get("sub"), "`sub` names the user")
        return "active to the resource server and to its own client"

    def introspection_by_a_stranger(self):
        answer = self.introspect(self.clients["machine"], self.web.token["access_token"])
        equal(answer, {"active": False}, "what a stranger learns of a token")
        return "a stranger learns nothing"

    def revocation(self):
        endpoint = self.endpoints["revocation_endpoint"]
        access, refresh = self.web.token["access_token"], self.web.token["refresh_token"]
        for token, hint in ((access, "access_token"), (refresh, "refresh_token")):
            response = self.web.revoke_token(endpoint, token=token, token_type_hint=hint)
            equal(response.status_code, 200, f"status of revoking the {hint}")
        equal(self.introspect(self.clients["web"], access), {"active": False}, "a revoked access token")
        refused(
            "invalid_grant",
            lambda: self.session(self.clients["web"]).refresh_token(self.endpoints["token_endpoint"], refresh),
        )
        unknown = self.web.revoke_token(endpoint, token="no-such-token", token_type_hint="access_token")
        equal(unknown.status_code, 200, "status of revoking an unknown token (RFC 7009, section 2.2)")
        return "inactive, and its refresh token is invalid_grant"

    def replayed_code(self):
        session, token, location, verifier, _ = self.obtain(self.clients["web"])
        refused(
            "invalid_grant",
            lambda: self.session(self.clients["web"]).fetch_token(
                self.endpoints["token_endpoint"], authorization_response=location, code_verifier=verifier
            ),
        )
        answer = self.introspect(self.clients["web"], token["access_token"])
        equal(answer, {"active": False}, "the first token after its code came back (RFC 6749, section 4.1.2)")
        return "invalid_grant, and what the code had given is revoked"

    # Clients by themselves

    def client_credentials(self):
        for method in ("client_secret_basic", "client_secret_post"):
            client = self.clients["machine" if method == "client_secret_basic" else "machine-post"]
            token = self.fetch_as_client(client)
            holds(token.get("access_token"), f"an access token, by {method}")
            holds(not token.get("refresh_token"), "no refresh token (RFC 6749, section 4.4.3)")
            equal(self.introspect(client, token["access_token"]).get("active"), True, "`active` of that token")
        return "by client_secret_basic and by client_secret_post"

    def wrong_secret(self):
        client = dict(self.clients["machine"], client_secret="not-the-secret")
        refused("invalid_client", lambda: self.fetch_as_client(client))
        return "invalid_client"

    def signed_access_token(self):
        jwks_uri = self.metadata.get("jwks_uri")
        holds(jwks_uri, "the metadata names the jwks_uri")
        keys = self.browser.get(jwks_uri).json()
        private = {"d", "p", "q", "dp", "dq", "qi", "k"}
        holds(not any(private & key.keys() for key in keys["keys"]), "the key set holds no private member")
        client = self.clients["signed"]
        token = self.fetch_as_client(client)["access_token"]
        algorithms = ["ES256", "ES384", "EdDSA", "RS256", "PS256"]
        claims = JsonWebToken(algorithms).decode(token, JsonWebKey.import_key_set(keys))
        claims.validate(leeway=5)
        equal(claims.header.get("typ", "").lower().removeprefix("application/"), "at+jwt", "`typ` (RFC 9068)")
        equal(claims["iss"], self.issuer, "`iss` of the token")
        equal(claims["client_id"], client["client_id"], "`client_id` of the token")
        for name in ("exp", "aud", "sub", "iat", "jti"):
            holds(claims.get(name), f"`{name}` is in the token (RFC 9068, section 2.2)")
        return f"{claims.header['alg']}, verified by the published keys"

    # How each step reaches the server

    def session(self, client):
        method = client.get("token_endpoint_auth_method", "client_secret_basic")
        return with_timeout(
            OAuth2Session(
                client["client_id"],
                client.get("client_secret"),
                scope=client.get("scope"),
                redirect_uri=client.get("redirect_uris", [None])[0],
                token_endpoint_auth_method=method,
                revocation_endpoint_auth_method=method,
                code_challenge_method="S256",
            )
        )

    def fetch_as_client(self, client):
        return self.session(client).fetch_token(self.endpoints["token_endpoint"], grant_type="client_credentials")

    def introspect(self, client, token):
        response = self.session(client).introspect_token(
            self.endpoints["introspection_endpoint"], token=token, token_type_hint="access_token"
        )
        equal(response.status_code, 200, f"status of introspection by {client['client_id']}")
        return response.json()


def with_timeout(session):
    """No request may hang the run."""
    send = session.request
    session.request = lambda *args, **kwargs: send(*args, **{"timeout": TIMEOUT, **kwargs})
    return session


def equal(found, expected, what):
    assert found == expected, f"{what}: expected {expected!r}, found {found!r}"


def holds(condition, what):
    assert condition, f"does not hold: {what}"


def refused(code, attempt):
    try:
        attempt()
    except OAuthError as error:
        equal(error.error, code, "the refusal")
        return
    raise AssertionError(f"expected the refusal {code!r}, but the server issued a token")


def main():
    run = Run(json.loads(sys.argv[1]))
    for step in run.steps():
        name = step.__name__.replace("_", " ")
        try:
            print(f"authlib: {name}: {step()}", flush=True)
        except Exception as error:  # Whatever a server makes a client raise is a finding.
            print(f"authlib: {name}: FAILED: {type(error).__name__}: {error}", flush=True)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
