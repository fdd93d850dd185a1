//! N: registration, what is fetched, and what is not.

use std::net::TcpListener;

use serde_json::json;

use crate::case::{Case, case};
use crate::http::{Asked, Told};
use crate::judge::{Outcome, broken, ensure};
use crate::stage::{METADATA, Stage, authorize, to, unique};
use crate::wire::{instead, requests};

pub(crate) fn cases() -> Vec<Case> {
    let taken = || {
        instead(|asked| {
            asked.is("POST", "/api/clients").then(|| Told::json_of(201, &json!({"client_id": "x"})))
        })
    };
    vec![
        case("N01", "nobody_registers_without_being_let", n01).fails_if(
            "anybody does",
            instead(|asked| {
                asked
                    .path()
                    .ends_with("/register")
                    .then(|| Told::json_of(201, &json!({"client_id": "x", "client_secret": "y"})))
            }),
        ),
        case("N02", "no_address_that_runs_or_reads_is_registered", n02).fails_if("any is", taken()),
        case("N03", "no_address_of_a_client_is_fetched", n03).fails_if("it is", requests(fetches)),
        case("N12", "no_request_is_fetched_from_where_it_says", n12).fails_if(
            "it is",
            requests(|asked| {
                if let Some(url) = asked.parameter("request_uri") {
                    let _ = std::net::TcpStream::connect(crate::http::address(&url));
                }
            }),
        ),
    ]
}

/// Looks at every address there is in a body.
fn fetches(asked: &mut Asked) {
    let body = String::from_utf8_lossy(&asked.body).into_owned();
    for rest in body.split("http://").skip(1) {
        let address = rest.split(['/', '"']).next().unwrap_or_default();
        let _ = std::net::TcpStream::connect(address);
    }
}

/// Tells whether somebody came.
struct Canary(TcpListener);

impl Canary {
    fn new() -> Result<Self, crate::judge::Found> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| broken(e.to_string()))?;
        listener.set_nonblocking(true).map_err(|e| broken(e.to_string()))?;
        Ok(Self(listener))
    }

    fn url(&self) -> String {
        format!("http://{}/canary", self.0.local_addr().unwrap())
    }

    fn saw_nobody(&self) -> Outcome {
        ensure!(self.0.accept().is_err(), "somebody came to fetch it");
        Ok(())
    }
}

fn n01(stage: &Stage) -> Outcome {
    let metadata = stage.get(METADATA)?.must(200)?.value();
    ensure!(metadata.get("registration_endpoint").is_none(), "it is offered: {metadata}");
    let client = json!({"redirect_uris": ["https://evil.test/cb"]});
    for path in ["/oauth2/register", "/register", "/connect/register"] {
        let told = stage.send(&Asked::json("POST", path, &client))?;
        ensure!([401, 403, 404].contains(&told.status), "{path}: {told}");
    }
    Ok(())
}

const HARMFUL: [&str; 10] = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "\tjavascript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://app.test/1",
    "java\nscript:alert(1)",
    "about:blank",
];

fn n02(stage: &Stage) -> Outcome {
    for uri in HARMFUL {
        let client = json!({"client_id": unique("new"), "redirect_uris": [uri], "scope": "read"});
        let told = stage.operate("POST", "/api/clients", Some(&client))?;
        ensure!(told.status == 400, "{uri:?} is a redirect URI: {told}");
        for name in ["client_uri", "logo_uri"] {
            let client =
                json!({"client_id": unique("new"), "redirect_uris": ["https://app.test/cb"], name: uri});
            let told = stage.operate("POST", "/api/clients", Some(&client))?;
            ensure!(told.status == 400, "{uri:?} is a {name}: {told}");
        }
    }
    Ok(())
}

fn n03(stage: &Stage) -> Outcome {
    let canary = Canary::new()?;
    let port = canary.url();
    let names = [
        "jwks_uri",
        "sector_identifier_uri",
        "logo_uri",
        "client_uri",
        "policy_uri",
        "tos_uri",
        "backchannel_logout_uri",
    ];
    for name in names {
        for url in [
            port.clone(),
            port.replace("127.0.0.1", "localhost"),
            "http://169.254.169.254/".to_owned(),
            "file:///etc/passwd".to_owned(),
        ] {
            let id = unique("new");
            let client = json!({"client_id": id, "redirect_uris": [to("web")], "scope": "read", name: url});
            let told = stage.operate("POST", "/api/clients", Some(&client))?;
            ensure!([201, 400].contains(&told.status), "{name} {url}: {told}");
            if told.status == 201 {
                // Where it would be shown, or used.
                stage.alice()?.get(&authorize(&id, &[]))?;
                stage.operate("GET", &format!("/api/clients/{id}"), None)?;
            }
        }
    }
    canary.saw_nobody()
}

fn n12(stage: &Stage) -> Outcome {
    let canary = Canary::new()?;
    let mut alice = stage.alice()?;
    for url in [canary.url(), format!("{}#x", canary.url()), "urn:ietf:params:oauth:request_uri:x".to_owned()]
    {
        let told = alice.get(&authorize("spa", &[("request_uri", &url)]))?;
        told.redirected(
            &url,
            to("spa"),
            &["request_uri_not_supported", "invalid_request", "invalid_request_uri"],
        )?;
    }
    canary.saw_nobody()
}
