//! Finding clients among many.

use std::collections::BTreeSet;
use std::sync::Arc;

use grantor_core::client::{AuthMethod, ClientMetadata};
use grantor_engine::Engine;
use grantor_store::MemoryStore;
use proptest::prelude::*;

use crate::costs::Counted;
use crate::party::{Party, web};

fn client(id: &str, name: &str) -> ClientMetadata {
    ClientMetadata {
        client_id: id.parse().unwrap(),
        client_name: Some(name.to_owned()),
        token_endpoint_auth_method: AuthMethod::None,
        grant_types: [grantor_core::client::GrantType::AuthorizationCode].into(),
        ..web()
    }
}

async fn ids(engine: &Engine, prefix: Option<&str>, limit: usize) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = engine.clients(prefix, after.as_ref(), limit).await.unwrap();
        assert!(page.clients.len() <= limit);
        found.extend(page.clients.iter().map(|client| client.client_id.to_string()));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

async fn named(engine: &Engine, typed: &str, limit: usize) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = engine.clients_named(typed, after.as_deref(), limit).await.unwrap();
        assert!(page.clients.len() <= limit);
        found.extend(page.clients.iter().map(|client| client.client_id.to_string()));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn ids_that_begin_with_a_text_are_found_each_once_whatever_the_page(
        all in prop::collection::btree_set("[a-b%/ ]{1,4}", 1..30),
        prefix in "[a-b%/ ]{0,3}",
        limit in 1..6_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let profile = grantor_core::Profile::standard("https://auth.test".parse().unwrap());
            let party = Party::with(Arc::new(MemoryStore::new()), profile).await;
            for id in &all {
                party.engine.register_client(client(id, "Any"), None).await.unwrap();
            }
            let found = ids(&party.engine, Some(&prefix), limit).await;
            let expected: BTreeSet<_> = all.iter().filter(|id| id.starts_with(&prefix)).cloned().collect();
            assert_eq!(found.len(), expected.len());
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
        });
    }
}

#[tokio::test]
async fn a_name_is_found_by_what_an_operator_types() {
    let profile = grantor_core::Profile::standard("https://auth.test".parse().unwrap());
    let party = Party::with(Arc::new(MemoryStore::new()), profile).await;
    let engine = &party.engine;
    for (id, name) in [("1", "Acme Player"), ("2", "acme acme"), ("3", "Best Acme Tool"), ("4", "Other")] {
        engine.register_client(client(id, name), None).await.unwrap();
    }
    for limit in [1, 2, 10] {
        assert_eq!(named(engine, "ACM", limit).await, ["2", "1", "3"], "by name, each once");
        assert_eq!(named(engine, "acme t", limit).await, ["3"]);
        assert_eq!(named(engine, "cme", limit).await, [""; 0]);
    }
    engine.update_client(&"1".parse().unwrap(), |m| m.client_name = Some("Renamed".into())).await.unwrap();
    engine.delete_client(&"2".parse().unwrap()).await.unwrap();
    assert_eq!(named(engine, "acme", 10).await, ["3"]);
    assert_eq!(named(engine, "rena", 10).await, ["1"]);
    // A place from outside that is none leads nowhere else.
    for strange in ["client/web", "é", "zzz", ""] {
        assert!(engine.clients_named("acme", Some(strange), 10).await.unwrap().clients.len() <= 1);
    }
}

#[tokio::test]
async fn a_page_costs_no_more_than_itself_however_many_clients_there_are() {
    let store = Counted::new();
    let profile = grantor_core::Profile::standard("https://auth.test".parse().unwrap());
    let party = Party::with(store.clone(), profile).await;
    for n in 0..1000 {
        let client = client(&format!("app-{n:04}"), &format!("Tool {n:04}"));
        party.engine.register_client(client, None).await.unwrap();
    }
    store.taken();
    let page = party.engine.clients(Some("app-05"), None, 20).await.unwrap();
    assert_eq!((page.clients.len(), page.clients[0].client_id.as_str()), (20, "app-0500"));
    assert_eq!(store.taken(), (21, 0, 20));
    party.engine.clients(Some("app-05"), page.next.as_ref(), 20).await.unwrap();
    assert_eq!(store.taken(), (20, 0, 20));
    let page = party.engine.clients_named("tool 07", None, 20).await.unwrap();
    assert_eq!((page.clients.len(), page.clients[0].client_id.as_str()), (20, "app-0700"));
    let (reads, _, listed) = store.taken();
    assert!(reads <= 21 && listed == 20);
    assert!(party.engine.clients(Some("nobody"), None, 20).await.unwrap().clients.is_empty());
    let (reads, _, listed) = store.taken();
    assert!(reads <= 1 && listed <= 20);
}
