//! Support work on grants.

use std::collections::BTreeSet;
use std::sync::Arc;

use grantor_core::client::ClientMetadata;
use grantor_core::grant::RevocationCause;
use grantor_core::{GrantId, Lifetime, Reason};
use grantor_engine::GrantsOf;
use grantor_store::MemoryStore;

use crate::party::{Party, alice, reason, secret, web};

#[tokio::test]
async fn every_grant_of_a_subject_is_found_and_ended() {
    let party = Party::new(Arc::new(MemoryStore::new()), 10).await;
    let mut tokens = Vec::new();
    for _ in 0..450 {
        let code = party.approve().await.unwrap();
        tokens.push(party.redeem(&code).await.unwrap().access_token);
    }
    let pending = party.approve().await.unwrap();
    let first = party.engine.grants(GrantsOf::Subject(&alice()), None, 10).await.unwrap();
    assert_eq!((first.grants.len(), first.next.is_some()), (10, true));
    let ended = party.engine.revoke_grants_of(&alice(), RevocationCause::SubjectSuspended).await.unwrap();
    assert_eq!(ended, 451);
    for token in &tokens {
        assert!(!party.is_live(token).await);
    }
    assert_eq!(reason(party.redeem(&pending).await), Some(Reason::CodeRevoked));
    assert_eq!(party.engine.revoke_grants_of(&alice(), RevocationCause::SubjectSuspended).await.unwrap(), 0);
}

#[tokio::test]
async fn purging_takes_only_what_is_long_past_and_brings_nothing_back() {
    let party = Party::new(Arc::new(MemoryStore::new()), 10).await;
    let spent = party.approve().await.unwrap();
    let answer = party.redeem(&spent).await.unwrap();
    let unspent = party.approve().await.unwrap();
    party.clock.pass(3000);
    assert_eq!(party.engine.maintain(1000).await.unwrap(), 0, "nothing is past by more than the margin");
    assert!(party.is_live(&answer.access_token).await);
    // The margin, and until the next moment at which is purged.
    party.clock.pass(Lifetime::seconds(6000).as_seconds() as i64);
    assert!(party.engine.maintain(1000).await.unwrap() > 0);
    assert!(!party.is_live(&answer.access_token).await);
    assert_eq!(reason(party.redeem(&unspent).await), Some(Reason::CodeUnknown));
    assert_eq!(
        reason(party.redeem(&spent).await),
        Some(Reason::CodeReplayed),
        "a grant in use stays, with its code"
    );
}

async fn ids(party: &Party, of: GrantsOf<'_>) -> BTreeSet<GrantId> {
    let page = party.engine.grants(of, None, 100).await.unwrap();
    page.grants.iter().map(|grant| grant.facts().id).collect()
}

#[tokio::test]
async fn the_grants_of_a_client_are_listed_a_page_at_a_time() {
    let party = Party::new(Arc::new(MemoryStore::new()), 10).await;
    let other = ClientMetadata { client_id: "other".parse().unwrap(), ..web() };
    party.engine.import_client(other, Some(secret())).await.unwrap();
    for client in ["web", "other", "web", "web"] {
        party.approve_for(client).await.unwrap();
    }
    let (of_web, of_other) = ("web".parse().unwrap(), "other".parse().unwrap());
    let (mut seen, mut after) = (BTreeSet::new(), None);
    loop {
        let page = party.engine.grants(GrantsOf::Client(&of_web), after, 2).await.unwrap();
        assert!(page.grants.iter().all(|grant| grant.facts().client == of_web));
        seen.extend(page.grants.iter().map(|grant| grant.facts().id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 3);
    assert_eq!(ids(&party, GrantsOf::Client(&of_other)).await.len(), 1);
    assert_eq!(ids(&party, GrantsOf::All).await, ids(&party, GrantsOf::Subject(&alice())).await);
}

#[tokio::test]
async fn a_client_that_is_withdrawn_from_has_nothing_and_is_not_let_pass_again() {
    let party = Party::new(Arc::new(MemoryStore::new()), 10).await;
    let other = ClientMetadata { client_id: "other".parse().unwrap(), ..web() };
    party.engine.import_client(other, Some(secret())).await.unwrap();
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let code = party.approve().await.unwrap();
        tokens.push(party.redeem(&code).await.unwrap().access_token);
    }
    let pending = party.approve().await.unwrap();
    party.approve_for("other").await.unwrap();
    let approved = party.engine.approvals(&alice(), None, 10).await.unwrap().approvals;
    let names: Vec<_> = approved.iter().map(|a| (a.client.as_str(), a.scope.as_str())).collect();
    assert_eq!(names, [("other", "read"), ("web", "read")]);

    let (subject, id) = (alice(), "web".parse().unwrap());
    let withdraw = || party.engine.withdraw(&subject, &id, RevocationCause::BySubject);
    assert_eq!(withdraw().await.unwrap(), 4);
    for token in &tokens {
        assert!(!party.is_live(token).await);
    }
    assert_eq!(reason(party.redeem(&pending).await), Some(Reason::CodeRevoked));
    let approved = party.engine.approvals(&alice(), None, 10).await.unwrap().approvals;
    assert_eq!(
        approved.iter().map(|a| a.client.as_str()).collect::<Vec<_>>(),
        ["other"],
        "and nothing of the others"
    );
    assert_eq!(withdraw().await.unwrap(), 0);
}

#[tokio::test]
async fn a_grant_tells_when_its_client_last_got_a_token() {
    let party = Party::new(Arc::new(MemoryStore::new()), 10).await;
    let approved_at = party.engine.now();
    let code = party.approve().await.unwrap();
    let last_used = async || {
        let page = party.engine.grants(GrantsOf::Subject(&alice()), None, 1).await.unwrap();
        page.grants[0].last_used_at()
    };
    let answer = party.redeem(&code).await.unwrap();
    assert_eq!(last_used().await, approved_at);
    party.clock.pass(4000);
    let refreshed_at = party.engine.now();
    party.refresh(answer.refresh_token.as_ref().unwrap()).await.unwrap();
    party.clock.pass(100);
    assert_eq!(last_used().await, refreshed_at);
}
