//! grantor inside an application that has users, sessions and a login page already, and a consent page of its own.
//!
//! Run it with `cargo run --example inside_your_application -p grantor-http`, open the address it prints, and sign in as `alice` with
//! any password: the consent page asks next, in the application's own words.

#![allow(clippy::print_stdout, reason = "an example tells where it listens")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::extract::{Form, Query, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Router, serve};
use grantor_core::client::ClientMetadata;
use grantor_core::{Lifetime, Profile, RedirectUri, Scope, Secret, ServerKey, SubjectId, Time};
use grantor_directory::{DirectoryError, LoginRefused, Session, User, UserDirectory};
use grantor_engine::Engine;
use grantor_http::{SignIn, SignedIn, Web};
use grantor_pages::{Brand, Look, Page, Replace, Words};
use grantor_store::MemoryStore;

/// What the application had before: its users, and who is signed in by which session.
#[derive(Clone, Default)]
struct Shop {
    sessions: Arc<Mutex<HashMap<String, String>>>,
}

impl Shop {
    const USERS: &[&str] = &["alice", "bob"];

    fn user(name: &str) -> Option<User> {
        let known = Self::USERS.contains(&name).then(|| SubjectId::parse(name).ok()).flatten()?;
        Some(User::new(known, grantor_directory::Profile::default(), Time::from_unix_millis(0)))
    }

    fn begin(&self, user: &str) -> String {
        let mut bytes = [0; 32];
        // A real application refuses to go on without randomness, as this one does.
        getrandom::fill(&mut bytes).unwrap_or_else(|_| std::process::abort());
        let id = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), user.to_owned());
        id
    }

    fn session(&self, headers: &HeaderMap) -> Option<(String, User)> {
        let cookies = headers.get(COOKIE)?.to_str().ok()?;
        let id = cookies.split("; ").find_map(|pair| pair.strip_prefix("shop="))?;
        let user = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(id)?.clone();
        Some((id.to_owned(), Self::user(&user)?))
    }
}

/// Its login, as grantor is told of it.
#[async_trait]
impl SignIn for Shop {
    async fn who(&self, headers: &HeaderMap) -> Result<Option<SignedIn>, DirectoryError> {
        Ok(self.session(headers).map(|(id, user)| SignedIn { user, session: Secret::new(id) }))
    }

    fn login(&self, back: &str) -> String {
        format!(
            "/sign-in?{}",
            form_urlencoded::Serializer::new(String::new()).append_pair("back", back).finish()
        )
    }
}

/// Its users, as grantor is told of them. Sessions are the application's own, so nobody asks for them here.
#[async_trait]
impl UserDirectory for Shop {
    async fn authenticate(
        &self,
        _: &str,
        _: &Secret,
        _: Time,
    ) -> Result<Result<User, LoginRefused>, DirectoryError> {
        Err(elsewhere())
    }

    async fn user(&self, subject: &SubjectId) -> Result<Option<User>, DirectoryError> {
        Ok(Self::user(subject.as_str()))
    }

    async fn start_session(
        &self,
        _: &User,
        _: Option<&Secret>,
        _: Option<&str>,
        _: Time,
        _: Lifetime,
    ) -> Result<(Session, Secret), DirectoryError> {
        Err(elsewhere())
    }

    async fn find_session(&self, _: &Secret, _: Time) -> Result<Option<Session>, DirectoryError> {
        Ok(None)
    }

    async fn end_session(&self, _: &Secret) -> Result<(), DirectoryError> {
        Ok(())
    }
}

fn elsewhere() -> DirectoryError {
    DirectoryError::Elsewhere("the shop signs people in itself".into())
}

/// Its consent page.
struct ShopPages;

impl Replace for ShopPages {
    fn body(&self, page: &Page<'_>, _: &Words) -> Option<Result<String, String>> {
        let Page::Consent(page) = page else { return None };
        let escape = |text: &str| text.replace('&', "&#38;").replace('<', "&#60;").replace('"', "&#34;");
        Some(Ok(format!(
            r#"<div class="card"><h1>May {client} look at your orders, {user}?</h1>
<form method="post" action="{action}">
<input type="hidden" name="csrf" value="{csrf}"><input type="hidden" name="interaction" value="{interaction}">
<button name="decision" value="approve" class="primary">Yes</button> <button name="decision" value="deny">No</button>
</form></div>"#,
            client = escape(page.client),
            user = escape(page.user),
            action = escape(page.action),
            csrf = escape(page.csrf),
            interaction = escape(page.interaction),
        )))
    }
}

/// The application: its own routes, and grantor's beside them.
pub(crate) async fn application(issuer: &str) -> Result<Router, Box<dyn std::error::Error>> {
    let shop = Shop::default();
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::builder(Profile::standard(issuer.parse()?), store, ServerKey::from_bytes([7; 32]))
        .open()
        .await?;

    let mut client = ClientMetadata::new("courier".parse()?);
    client.client_name = Some("Courier".to_owned());
    client.redirect_uris = vec![RedirectUri::parse("https://courier.example/callback")?];
    client.scope = Scope::parse("orders:read")?;
    engine.register_client(client, None).await?;

    let look = Look::builder().brand(Brand::new("The Shop")?).replace(ShopPages).build();
    let grantor = Web::new(engine).users(Arc::new(shop.clone())).sign_in(Arc::new(shop.clone())).look(look);
    let own = Router::new()
        .route("/", get(|| async { "Welcome to the shop.\n" }))
        .route("/sign-in", get(show_sign_in).post(sign_in))
        .with_state(shop);
    Ok(own.merge(grantor.routes()))
}

type Fields = HashMap<String, String>;

async fn show_sign_in(Query(query): Query<Fields>) -> Html<String> {
    let back = query.get("back").map_or("/", String::as_str).replace('&', "&#38;").replace('"', "&#34;");
    Html(format!(
        r#"<form method="post" action="/sign-in"><input name="user" aria-label="Name"><input name="password" type="password" aria-label="Password">
<input type="hidden" name="back" value="{back}"><button>Sign in</button></form>"#
    ))
}

/// Any password will do for this shop. Where the form leads must be checked by whoever takes it from outside, as here.
async fn sign_in(State(shop): State<Shop>, Form(form): Form<Fields>) -> Response {
    let field = |name: &str| form.get(name).map_or("", String::as_str);
    if Shop::user(field("user")).is_none() {
        return StatusCode::FORBIDDEN.into_response();
    }
    let back = Some(field("back"))
        .filter(|back| back.starts_with('/') && !back.starts_with("//") && !back.contains('\\'));
    let cookie = format!("shop={}; Path=/; HttpOnly; SameSite=Lax", shop.begin(field("user")));
    ([(SET_COOKIE, cookie)], Redirect::to(back.unwrap_or("/"))).into_response()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let issuer = format!("http://{}", listener.local_addr()?);
    println!(
        "{issuer}/oauth2/authorize?response_type=code&client_id=courier&code_challenge_method=S256\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
    serve(listener, application(&issuer).await?).await?;
    Ok(())
}
