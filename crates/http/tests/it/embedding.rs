//! Inside another application: its own root, its own users, its own listener.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use grantor_core::{Lifetime, Secret, SubjectId, Time};
use grantor_directory::{DirectoryError, LoginRefused, Session, User, UserDirectory};
use grantor_http::{Settings, Web};

use crate::support::*;

#[tokio::test]
async fn the_root_leads_to_the_account_and_an_application_keeps_its_own() {
    let server = server().await;
    assert_eq!(server.get("/").await.location(), "/account");
    let own = axum::Router::new()
        .route("/", axum::routing::get(|| async { "mine" }))
        .fallback(|| async { (axum::http::StatusCode::NOT_FOUND, "not mine") })
        .merge(grantor_http::Web::new(server.engine.clone()).routes());
    let server = Server { router: own, ..server };
    assert_eq!(server.get("/").await.body, "mine");
    assert_eq!(server.get("/nothing").await.body, "not mine");
    assert_eq!(server.get("/login").await.status, 200);
}

#[tokio::test]
async fn health_stands_alone_at_the_root_whatever_the_path_of_the_issuer() {
    let profile = grantor_core::Profile::standard("https://auth.test/tenant".parse().unwrap());
    let server = server_with(profile, Settings::default()).await;
    let router = Web::new(server.engine.clone()).routes().merge(Web::health(server.engine.clone()));
    let server = Server { router, ..server };
    for path in ["/health/ready", "/health/alive", "/tenant/health/ready"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
}

/// Users of whom nobody ever hears.
struct Silent;

#[async_trait]
impl UserDirectory for Silent {
    async fn authenticate(
        &self,
        _: &str,
        _: &Secret,
        _: Time,
    ) -> Result<Result<User, LoginRefused>, DirectoryError> {
        std::future::pending().await
    }

    async fn user(&self, _: &SubjectId) -> Result<Option<User>, DirectoryError> {
        std::future::pending().await
    }

    async fn start_session(
        &self,
        _: &User,
        _: Option<&Secret>,
        _: Option<&str>,
        _: Time,
        _: Lifetime,
    ) -> Result<(Session, Secret), DirectoryError> {
        std::future::pending().await
    }

    async fn find_session(&self, _: &Secret, _: Time) -> Result<Option<Session>, DirectoryError> {
        std::future::pending().await
    }

    async fn end_session(&self, _: &Secret) -> Result<(), DirectoryError> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_503() {
    let server = server().await;
    let settings = Settings { request_timeout: Duration::from_millis(20), ..Settings::default() };
    let router = Web::new(server.engine.clone()).users(Arc::new(Silent)).settings(settings).router();
    let server = Server { router, ..server };
    let answer = Browser::new(&server).log_in("alice", PASSWORD).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (503, "1"));
    assert_eq!(server.get("/login").await.status, 200);
}
