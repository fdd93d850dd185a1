//! Group K (03): what the logs never hold.

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use crate::support::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

// K03
#[tokio::test]
async fn no_secret_is_in_any_log() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    // For the whole process: a subscriber of one thread misses what another thread was the first to log.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let server = server().await;
    let mut browser = Browser::new(&server);
    let url = authorize_url("web", "https://app.test/cb", &[("state", "the-state")]);
    let page = browser.get(&url).await;
    let page = browser.get(page.location()).await;
    browser.submit(&page, &[("username", "alice"), ("password", "a wrong password")]).await;
    browser.submit(&page, &[("username", "a-password-typed-as-name"), ("password", "x")]).await;
    browser.submit(&page, &[("username", "alice"), ("password", PASSWORD)]).await;
    let page = browser.get(&url).await;
    let handle = field(&page.body, "interaction");
    let code = browser.submit(&page, &[("decision", "approve")]).await.parameter("code").unwrap();
    server.get(&format!("/oauth2/token?code={code}&client_secret={}", server.secret("web"))).await;
    let tokens = server.redeem("web", &code, "https://app.test/cb").await.json();
    let (access, refresh) =
        (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    server.is_active(access).await;
    server
        .post_as("web", "/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", refresh)])
        .await;
    server.redeem("web", &code, "https://app.test/cb").await;
    server
        .post("/oauth2/token", &[("authorization", &basic("web", "wrong secret"))], &[("grant_type", "x")])
        .await;
    server.faults.always(grantor_store::Fault::Refuse);
    browser.get("/account").await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for expected in ["/oauth2/token", "a login was refused", "the user directory failed", "code_redeemed"] {
        assert!(log.contains(expected), "{expected} is not there: is the log caught at all?");
    }
    let mut secrets =
        vec![code.as_str(), access, refresh, &handle, server.secret("web"), PASSWORD, VERIFIER, "the-state"];
    secrets.extend(["a wrong password", "a-password-typed-as-name", "wrong secret", "client secret"]);
    secrets.extend(browser.cookies.values().map(String::as_str));
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
