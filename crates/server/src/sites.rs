//! Several profiles on one listener: told apart by the host that a request names, and by the path it begins with.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::response::{IntoResponse as _, Response};
use grantor_http::{Answerer, Arriving, Direct};

/// What is served to whom.
pub(crate) struct Site<W = Direct> {
    /// Host and port, as they stand in origins. Any, if there are none.
    pub(crate) hosts: Vec<String>,
    /// The path under which everything is; mostly empty.
    pub(crate) prefix: String,
    pub(crate) web: W,
}

/// All sites of a listener: a request goes to the site that names its host, before one that takes any, and of those to the one
/// with the longest path.
#[derive(Clone)]
pub(crate) enum Sites {
    /// Mostly there is one, which takes all.
    One(Direct),
    Several(Arc<Vec<Site>>),
}

impl Sites {
    pub(crate) fn new(sites: Vec<Site>) -> Self {
        match sites.as_slice() {
            [only] if only.hosts.is_empty() && only.prefix.is_empty() => Self::One(only.web.clone()),
            _ => Self::Several(Arc::new(sites)),
        }
    }
}

impl Answerer for Sites {
    async fn answer(&self, request: Arriving, peer: SocketAddr) -> Response {
        let sites = match self {
            Self::One(only) => return only.answer(request, peer).await,
            Self::Several(sites) => sites,
        };
        let header = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let host = request.uri().authority().map(|a| a.as_str()).or(header).unwrap_or_default();
        match pick(sites, host, request.uri().path()) {
            Some(site) => site.web.answer(request, peer).await,
            None => (StatusCode::NOT_FOUND, "there is nothing here\n").into_response(),
        }
    }
}

fn pick<'a, W>(sites: &'a [Site<W>], host: &str, path: &str) -> Option<&'a Site<W>> {
    let named = |site: &Site<W>| site.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
    let within = |site: &Site<W>| {
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
            web: (),
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
