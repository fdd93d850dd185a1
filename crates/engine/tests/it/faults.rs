//! A store that fails: never a wrong answer, never two of what there may be one of.

use grantor_core::Reason;
use grantor_engine::EngineError;
use grantor_store::{Fault, FaultLayer, MemoryStore};
use proptest::prelude::*;
use std::sync::Arc;

use crate::party::{Party, reason};

fn any_fault() -> impl Strategy<Value = Option<Fault>> {
    prop_oneof![
        3 => Just(None),
        1 => Just(Some(Fault::Refuse)),
        1 => Just(Some(Fault::LoseAnswer)),
        1 => Just(Some(Fault::LoseRequest)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// The client tries again after each fault, as clients do.
    #[test]
    fn a_code_is_redeemed_at_most_once_whatever_fails(
        puts in prop::collection::vec(any_fault(), 0..12),
        gets in prop::collection::vec(prop_oneof![4 => Just(None), 1 => Just(Some(Fault::Refuse))], 0..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = FaultLayer::new(MemoryStore::new());
            let faults = store.faults();
            let party = Party::new(Arc::new(store), 10).await;
            let code = party.approve().await.unwrap();
            faults.script_puts(puts);
            faults.script_gets(gets);
            let mut answers = Vec::new();
            for _ in 0..30 {
                match party.redeem(&code).await {
                    Ok(answer) => answers.push(answer),
                    Err(EngineError::Fault(_)) => {}
                    Err(EngineError::Refused(refusal)) => {
                        // It was redeemed before, told or untold; nothing that failed looks like a wrong code.
                        assert!(matches!(refusal.reason, Reason::CodeReplayed | Reason::CodeRevoked), "{refusal}");
                        break;
                    }
                    Err(EngineError::InvalidClient(invalid)) => panic!("{invalid}"),
                }
            }
            faults.none();
            assert!(answers.len() <= 1);
        });
    }

    /// A client whose answers get lost keeps its grant, since it asks again inside the grace.
    #[test]
    fn a_refresh_survives_whatever_fails(puts in prop::collection::vec(any_fault(), 0..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = FaultLayer::new(MemoryStore::new());
            let faults = store.faults();
            let party = Party::new(Arc::new(store), 10).await;
            let code = party.approve().await.unwrap();
            let token = party.redeem(&code).await.unwrap().refresh_token.unwrap();
            faults.script_puts(puts);
            let mut answer = party.refresh(&token).await;
            let mut tries = 0;
            while let Err(error) = answer {
                assert!(matches!(error, EngineError::Fault(_)), "{error}");
                tries += 1;
                assert!(tries < 30);
                answer = party.refresh(&token).await;
            }
            faults.none();
            let answer = answer.unwrap();
            assert!(party.is_live(&answer.access_token).await);
            assert!(party.refresh(&answer.refresh_token.unwrap()).await.is_ok());
        });
    }
}

#[tokio::test]
async fn a_store_that_is_gone_is_a_fault_everywhere() {
    let store = FaultLayer::new(MemoryStore::new());
    let faults = store.faults();
    let party = Party::new(Arc::new(store), 10).await;
    let code = party.approve().await.unwrap();
    let answer = party.redeem(&code).await.unwrap();
    let token = answer.refresh_token.unwrap();
    faults.always(Fault::Refuse);
    assert!(matches!(party.redeem(&code).await, Err(EngineError::Fault(_))));
    assert!(matches!(party.refresh(&token).await, Err(EngineError::Fault(_))));
    assert!(matches!(party.approve().await, Err(EngineError::Fault(_))));
    let access = || answer.access_token.clone();
    let check = party.engine.check(Some(access()), grantor_core::Scope::none()).await;
    assert!(matches!(check, Err(EngineError::Fault(_))));
    let client = crate::party::credentials;
    assert!(matches!(party.engine.introspect(client(), access()).await, Err(EngineError::Fault(_))));
    assert!(matches!(party.engine.revoke(client(), access()).await, Err(EngineError::Fault(_))));
    assert!(party.engine.store_info().await.is_err());
    faults.none();
    assert_eq!(reason(party.redeem(&code).await), Some(Reason::CodeReplayed), "nothing was lost meanwhile");
}
