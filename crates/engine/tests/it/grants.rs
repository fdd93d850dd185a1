//! Support work on grants.

use std::sync::Arc;

use grantor_core::grant::RevocationCause;
use grantor_core::{Lifetime, Reason};
use grantor_engine::GrantsOf;
use grantor_store::MemoryStore;

use crate::party::{Party, alice, reason};

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
    party.clock.pass(Lifetime::seconds(5000).as_seconds() as i64);
    assert!(party.engine.maintain(1000).await.unwrap() > 0);
    assert!(!party.is_live(&answer.access_token).await);
    assert_eq!(reason(party.redeem(&unspent).await), Some(Reason::CodeUnknown));
    assert_eq!(
        reason(party.redeem(&spent).await),
        Some(Reason::CodeReplayed),
        "a grant in use stays, with its code"
    );
}
