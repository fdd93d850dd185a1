//! A client library that is not ours, which reads every answer by its own rules.

use std::convert::Infallible;
use std::time::Duration;

use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse, BasicTokenType};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IntrospectionUrl, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    RefreshToken, RequestTokenError, RevocationUrl, Scope, StandardRevocableToken,
    TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl, http,
};
use serde_json::Value;

use crate::browser::Browser;
use crate::deployment::{ISSUER, PASSWORD, REDIRECT, USER, deployment, secret};
use crate::http::Request;
use crate::world::{Server, World, get};

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointSet, EndpointSet, EndpointSet>;
type Refused = RequestTokenError<Infallible, oauth2::basic::BasicErrorResponse>;

/// The library, told by the metadata document where everything is.
struct Library {
    base: String,
    metadata: Value,
    issuer: String,
}

impl Library {
    fn new(server: &Server) -> Self {
        let document = get(server.public(), "/.well-known/oauth-authorization-server").1;
        Self {
            base: server.public().to_owned(),
            metadata: serde_json::from_str(&document).unwrap(),
            issuer: ISSUER.to_owned(),
        }
    }

    fn client(&self, id: &str) -> Client {
        let at = |name: &str| self.metadata[name].as_str().unwrap_or_else(|| panic!("no {name}")).to_owned();
        let client = BasicClient::new(ClientId::new(id.to_owned()))
            .set_auth_uri(AuthUrl::new(at("authorization_endpoint")).unwrap())
            .set_token_uri(TokenUrl::new(at("token_endpoint")).unwrap())
            .set_introspection_url(IntrospectionUrl::new(at("introspection_endpoint")).unwrap())
            .set_revocation_url(RevocationUrl::new(at("revocation_endpoint")).unwrap())
            .set_redirect_uri(RedirectUrl::new(REDIRECT.to_owned()).unwrap());
        match id {
            "spa" => client,
            "post" => {
                client.set_client_secret(ClientSecret::new(secret(id))).set_auth_type(AuthType::RequestBody)
            }
            _ => client.set_client_secret(ClientSecret::new(secret(id))),
        }
    }

    /// Carries the library's requests, in the place of the proxy that speaks TLS.
    fn http(&self) -> impl Fn(HttpRequest) -> Result<HttpResponse, Infallible> + '_ {
        |request| {
            let uri = request.uri().to_string();
            let target = uri.strip_prefix(&self.issuer).expect("an endpoint under the issuer");
            let mut carried = Request::new(request.method().as_str(), target, request.body());
            for (name, value) in request.headers() {
                carried = carried.header(name.as_str(), value.to_str().unwrap());
            }
            let answer = carried.send(&self.base);
            let mut response = http::Response::builder().status(answer.status);
            for (name, value) in &answer.headers {
                response = response.header(name, value);
            }
            Ok(response.body(answer.body.into_bytes()).unwrap())
        }
    }

    /// Begins a flow, sends the person through it, and gives what came back.
    fn code(&self, client: &Client) -> (AuthorizationCode, PkceCodeVerifier) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state) = client
            .authorize_url(CsrfToken::new_random)
            .add_scope(Scope::new("read".to_owned()))
            .add_scope(Scope::new("write".to_owned()))
            .set_pkce_challenge(challenge)
            .url();
        let target = url.as_str().strip_prefix(&self.issuer).unwrap().to_owned();
        let back = Browser::new(&self.base).approve(&target, USER, PASSWORD).unwrap();
        assert!(back.header("location").unwrap().starts_with(&format!("{REDIRECT}?")));
        assert_eq!(back.parameter("state").unwrap(), *state.secret());
        assert_eq!(back.parameter("iss").unwrap(), ISSUER, "RFC 9207");
        (AuthorizationCode::new(back.parameter("code").unwrap()), verifier)
    }

    fn redeem(&self, client: &Client, code: &str, verifier: &str) -> Result<BasicTokenResponse, Refused> {
        let verifier = PkceCodeVerifier::new(verifier.to_owned());
        client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(verifier)
            .request(&self.http())
    }
}

fn world() -> (World, Server) {
    let world = deployment("");
    let server = world.serve(&[]);
    (world, server)
}

fn assert_legal(tokens: &BasicTokenResponse) {
    assert_eq!(*tokens.token_type(), BasicTokenType::Bearer);
    assert_eq!(tokens.expires_in(), Some(Duration::from_secs(3600)));
    let scopes: Option<Vec<&str>> = tokens.scopes().map(|scopes| scopes.iter().map(|s| s.as_str()).collect());
    assert!(
        scopes.is_none_or(|scopes| scopes == ["read", "write"]),
        "told only if it is not what was asked for"
    );
}

fn assert_refused(error: &Refused, expected: &BasicErrorResponseType) {
    let RequestTokenError::ServerResponse(response) = error else {
        panic!("the library cannot read the answer: {error}")
    };
    assert_eq!(response.error(), expected);
}

#[test]
fn it_completes_the_code_flow_and_all_that_follows_with_every_kind_of_client() {
    let (_world, server) = world();
    let library = Library::new(&server);
    for id in ["web", "post", "spa"] {
        let client = library.client(id);
        // A public client proves nothing, so a resource server asks in its place.
        let asker = library.client(if id == "spa" { "rs" } else { id });
        let asked = |token: &oauth2::AccessToken| asker.introspect(token).request(&library.http()).unwrap();

        let (code, verifier) = library.code(&client);
        let first = library.redeem(&client, code.secret(), verifier.secret()).unwrap();
        assert_legal(&first);
        let worth = asked(first.access_token());
        assert!(worth.active(), "{id}");
        assert_eq!((worth.client_id().unwrap().as_str(), worth.sub().unwrap()), (id, USER));
        assert_eq!(worth.iss().unwrap(), ISSUER);
        let (begins, ends) = (worth.iat().unwrap(), worth.exp().unwrap());
        assert_eq!((ends - begins).num_seconds(), 3600);

        let refreshed =
            client.exchange_refresh_token(first.refresh_token().unwrap()).request(&library.http());
        let second = refreshed.unwrap();
        assert_legal(&second);
        assert_ne!(second.access_token().secret(), first.access_token().secret());
        let refresh: &RefreshToken = second.refresh_token().unwrap();
        assert_ne!(refresh.secret(), first.refresh_token().unwrap().secret(), "rotated");

        let revoke = |token: StandardRevocableToken| {
            client.revoke_token(token).unwrap().request(&library.http()).unwrap();
        };
        revoke(second.access_token().clone().into());
        assert!(!asked(second.access_token()).active());
        assert!(asked(first.access_token()).active(), "an access token takes only itself");
        revoke(refresh.clone().into());
        assert!(!asked(first.access_token()).active(), "a refresh token takes its grant");
        let late = client.exchange_refresh_token(refresh).request(&library.http()).unwrap_err();
        assert_refused(&late, &BasicErrorResponseType::InvalidGrant);
    }
}

#[test]
fn it_gets_tokens_for_a_client_itself() {
    let (_world, server) = world();
    let library = Library::new(&server);
    for id in ["svc", "jws"] {
        let client = library.client(id);
        let asked = client.exchange_client_credentials().add_scope(Scope::new("read".to_owned()));
        let tokens = asked.request(&library.http()).unwrap();
        assert!(tokens.refresh_token().is_none(), "RFC 6749, section 4.4.3");
        let worth = client.introspect(tokens.access_token()).request(&library.http()).unwrap();
        assert!(worth.active());
        assert_eq!(worth.scopes().unwrap(), &vec![Scope::new("read".to_owned())]);
        assert_eq!(worth.username(), None);
        let revoked = client.revoke_token(tokens.access_token().clone().into()).unwrap();
        revoked.request(&library.http()).unwrap();
        assert!(!client.introspect(tokens.access_token()).request(&library.http()).unwrap().active());
    }
}

// B01
#[test]
fn it_reads_every_refusal_and_a_replayed_code_ends_what_it_gave() {
    use BasicErrorResponseType::{InvalidClient, InvalidGrant, InvalidScope, UnauthorizedClient};
    let (_world, server) = world();
    let library = Library::new(&server);
    let client = library.client("web");
    let (code, verifier) = library.code(&client);
    let wrong = "another-verifier-of-more-than-43-characters-in-length";
    let (other, _) = library.code(&client);
    assert_refused(&library.redeem(&client, other.secret(), wrong).unwrap_err(), &InvalidGrant);

    let tokens = library.redeem(&client, code.secret(), verifier.secret()).unwrap();
    let replayed = library.redeem(&client, code.secret(), verifier.secret()).unwrap_err();
    assert_refused(&replayed, &InvalidGrant);
    assert!(!client.introspect(tokens.access_token()).request(&library.http()).unwrap().active());
    let refresh = tokens.refresh_token().unwrap();
    let refreshed = client.exchange_refresh_token(refresh).request(&library.http());
    assert_refused(&refreshed.unwrap_err(), &InvalidGrant);

    let stranger = library.client("svc").set_client_secret(ClientSecret::new("a guess".to_owned()));
    let guessed = stranger.exchange_client_credentials().request(&library.http());
    assert_refused(&guessed.unwrap_err(), &InvalidClient);
    let public = library.client("spa").introspect(tokens.access_token()).request(&library.http());
    assert_refused(&public.unwrap_err(), &InvalidClient);
    let service = library.client("svc");
    let greedy = service.exchange_client_credentials().add_scope(Scope::new("root".to_owned()));
    assert_refused(&greedy.request(&library.http()).unwrap_err(), &InvalidScope);
    let unfit = client.exchange_client_credentials().request(&library.http());
    assert_refused(&unfit.unwrap_err(), &UnauthorizedClient);
}
