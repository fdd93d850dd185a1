//! Records as they lie in stores. A change here is a change of format: it needs a new format number and a way from the
//! old one.

use grantor_core::client::ClientMetadata;
use grantor_core::record::{Kind, decode};
use grantor_core::{ClientId, Lifetime, RefreshMode};

use crate::world::World;

#[test]
fn records_lie_as_they_always_did() {
    let mut w = World::new(|p| p.refresh = RefreshMode::Rotate { grace: Lifetime::seconds(10) });
    w.register("full", |m| {
        m.client_name = Some("Full".into());
        m.description = Some("All there is".into());
        m.client_uri = Some("https://full.test".into());
        m.logo_uri = Some("https://full.test/logo.png".into());
        m.access_token_audience = Some("https://api.test".into());
        m.owner = Some("alice".parse().unwrap());
    });
    w.approve("web", "read");
    let code = w.approve("full", "read+write");
    let first = w.redeem("full", &code).unwrap();
    let second = w.refresh("full", first.refresh_token.as_ref().unwrap(), Some("read")).unwrap();
    w.revoke("full", &second.access_token);
    let code = w.approve("web", "read");
    let over = w.redeem("web", &code).unwrap();
    w.revoke("web", over.refresh_token.as_ref().unwrap());
    w.token("web", grantor_core::request::GrantRequest::ClientCredentials { scope: None }).unwrap();

    let mut lines = String::new();
    for (key, stored) in &w.records {
        let body = String::from_utf8(stored.body.clone()).unwrap();
        let keep = stored.keep_until.map_or("for ever".to_owned(), |at| at.to_string());
        lines.push_str(&format!("{key}\n  {body}\n  kept until {keep}\n"));
        assert!(!body.contains("gra_"), "a credential in clear: {body}");
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn a_client_of_an_import_file_gets_the_defaults() {
    let client: ClientMetadata = serde_json::from_str(r#"{"client_id": "web"}"#).unwrap();
    assert_eq!(client, ClientMetadata::new(ClientId::parse("web").unwrap()));
    assert!(serde_json::from_str::<ClientMetadata>(r#"{"client_id": "web", "colour": "red"}"#).is_err());
}

#[test]
fn what_is_damaged_or_newer_is_not_read() {
    let w = World::new(|_| {});
    for (key, stored) in w.records.iter().filter(|(key, _)| key.kind() == Kind::Client) {
        let body = String::from_utf8(stored.body.clone()).unwrap();
        assert!(decode::<grantor_core::client::Client>(key, body.as_bytes()).is_ok());
        for damaged in
            [body.replace("\"v\":1", "\"v\":2"), body.replacen('{', "{\"new\":1,", 1), body[1..].to_owned()]
        {
            assert!(decode::<grantor_core::client::Client>(key, damaged.as_bytes()).is_err(), "{damaged}");
        }
    }
}
