//! Calls from pages of other origins (the Fetch standard, section 3.2), where a profile lets browsers in.
//!
//! **Invariant: no answer says that credentials are taken.** What is let in here is told by a token that the page itself
//! holds; a cookie is never asked for, so any origin may be let in. The pages, which have cookies, are not behind this.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use grantor_core::Profile;

/// What a page may call with: whether the path takes it, the path says.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// What a page may read beside the few headers that it always may.
const EXPOSED: &str = "WWW-Authenticate, Retry-After, Content-Range, Location";
/// For how many seconds a browser need not ask again.
const MAX_AGE: &str = "600";

/// Who may call, and with which headers.
struct Cors {
    any: bool,
    origins: Vec<HeaderValue>,
    headers: HeaderValue,
}

/// The same routes, answering to pages of the origins that a profile lets in. For what takes no cookie: the endpoints of
/// the API, and resources that it protects.
pub fn with_cors(profile: &Profile, routes: Router) -> Router {
    let rules = &profile.resource;
    let Some(cors) = Cors::of(&rules.cors_origins, &rules.cors_headers) else { return routes };
    routes.layer(middleware::from_fn_with_state(Arc::new(cors), answer))
}

impl Cors {
    fn of(origins: &[String], headers: &[String]) -> Option<Self> {
        let any = origins.iter().any(|origin| origin == "*");
        let origins =
            origins.iter().filter_map(|origin| HeaderValue::try_from(origin.as_str()).ok()).collect();
        let cors = Self { any, origins, headers: HeaderValue::try_from(headers.join(", ")).ok()? };
        (cors.any || !cors.origins.is_empty()).then_some(cors)
    }

    /// What a request is told of its origin, if that is let in.
    fn allowed(&self, request: &Request) -> Option<HeaderValue> {
        let origin = request.headers().get(ORIGIN)?;
        if self.any {
            return Some(HeaderValue::from_static("*"));
        }
        self.origins.contains(origin).then(|| origin.clone())
    }
}

async fn answer(State(cors): State<Arc<Cors>>, request: Request, next: Next) -> Response {
    let allowed = cors.allowed(&request);
    let asks_before =
        *request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if asks_before { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    if !cors.any {
        // What is told depends on who asks: a cache must not tell another.
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    let Some(allowed) = allowed else { return response };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    if asks_before {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, cors.headers.clone());
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    } else {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::post;
    use tower::ServiceExt as _;

    async fn asked(origins: &[&str], origin: &str, method: Method) -> Response {
        let mut profile = Profile::standard("https://auth.test".parse().unwrap());
        profile.resource.cors_origins = origins.iter().map(ToString::to_string).collect();
        profile.resource.cors_headers = vec!["Authorization".to_owned(), "X-Y".to_owned()];
        let routes = with_cors(&profile, Router::new().route("/", post(async || "done")));
        let request = Request::builder().method(&method).uri("/").header(ORIGIN, origin);
        let request = request.header(ACCESS_CONTROL_REQUEST_METHOD, "POST").body(Body::empty()).unwrap();
        routes.oneshot(request).await.unwrap()
    }

    fn told(response: &Response, name: &str) -> Option<String> {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    // E11
    #[tokio::test]
    async fn only_who_is_let_in_is_told_so_and_nobody_may_bring_cookies() {
        for (origins, origin, allowed) in [
            (vec!["*"], "https://any.test", Some("*")),
            (vec!["https://app.test"], "https://app.test", Some("https://app.test")),
            (vec!["https://app.test"], "https://app.test.evil.test", None),
            (vec!["https://app.test"], "null", None),
            (vec![], "https://any.test", None),
        ] {
            for method in [Method::OPTIONS, Method::POST] {
                let response = asked(&origins, origin, method.clone()).await;
                let told = |name| told(&response, name);
                assert_eq!(told("access-control-allow-origin").as_deref(), allowed, "{origins:?} {origin}");
                assert_eq!(told("access-control-allow-credentials"), None);
                let preflight = method == Method::OPTIONS && allowed.is_some();
                assert_eq!(told("access-control-allow-headers").is_some(), preflight, "{method}");
                if preflight {
                    assert_eq!(response.status(), StatusCode::NO_CONTENT);
                    assert_eq!(told("access-control-allow-headers").unwrap(), "Authorization, X-Y");
                    assert!(told("access-control-allow-methods").unwrap().contains("POST"));
                }
                assert_eq!(told("vary").is_some(), origins == ["https://app.test"]);
            }
        }
    }
}
