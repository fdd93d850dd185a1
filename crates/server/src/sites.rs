//! Several profiles on one listener: told apart by the host that a request names, and by the path it begins with.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::response::{IntoResponse as _, Response};
use tower::Service as _;

/// What is served to whom.
pub(crate) struct Site {
    /// Host and port, as they stand in origins. Any, if there are none.
    pub(crate) hosts: Vec<String>,
    /// The path under which everything is; mostly empty.
    pub(crate) prefix: String,
    pub(crate) router: Router,
}

/// One router for all: a request goes to the site that names its host, before one that takes any, and of those to the one
/// with the longest path.
pub(crate) fn router(mut sites: Vec<Site>) -> Router {
    // Mostly there is one, which takes all.
    if let [only] = sites.as_slice()
        && only.hosts.is_empty()
        && only.prefix.is_empty()
        && let Some(only) = sites.pop()
    {
        return only.router;
    }
    let sites = Arc::new(sites);
    Router::new().fallback(move |request: Request| answer(sites.clone(), request))
}

async fn answer(sites: Arc<Vec<Site>>, request: Request) -> Result<Response, Infallible> {
    let path = request.uri().path();
    let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(|a| a.as_str()).or(header).unwrap_or_default();
    match pick(&sites, host, path).map(|site| site.router.clone()) {
        Some(mut router) => router.call(request).await,
        None => Ok((StatusCode::NOT_FOUND, "there is nothing here\n").into_response()),
    }
}

fn pick<'a>(sites: &'a [Site], host: &str, path: &str) -> Option<&'a Site> {
    let named = |site: &Site| site.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
    let within = |site: &Site| {
        path.strip_prefix(site.prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // Health is asked by who knows nothing of hosts and paths.
    let asks_health = path.starts_with("/health/");
    sites
        .iter()
        .filter(|site| (site.hosts.is_empty() || named(site)) && within(site))
        .max_by_key(|site| (named(site), site.prefix.len()))
        .or_else(|| sites.first().filter(|_| asks_health))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_site_answers() {
        let site = |hosts: &[&str], prefix: &str| Site {
            hosts: hosts.iter().map(|h| (*h).to_owned()).collect(),
            prefix: prefix.to_owned(),
            router: Router::new(),
        };
        let sites = [
            site(&["app.test", "api.test"], ""),
            site(&[], "/b"),
            site(&["api.test"], "/b"),
            site(&[], "/b/c"),
        ];
        let at = |host, path| {
            pick(&sites, host, path).map(|found| sites.iter().position(|s| std::ptr::eq(s, found)))
        };
        assert_eq!(at("APP.test", "/x"), Some(Some(0)));
        assert_eq!(at("api.test", "/b/x"), Some(Some(2)));
        assert_eq!(at("other.test", "/b"), Some(Some(1)));
        assert_eq!(at("other.test", "/b/c/d"), Some(Some(3)));
        assert_eq!(at("other.test", "/bc"), None);
        assert_eq!(at("other.test", "/"), None);
        assert_eq!(at("other.test", "/health/ready"), Some(Some(0)));
    }
}
