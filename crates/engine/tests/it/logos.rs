//! Pictures of clients.

use std::sync::Arc;

use grantor_core::record::{Kind, Under};
use grantor_core::{Limits, Picture};
use grantor_store::{MemoryStore, Store as _};

use crate::party::{Party, alice, web};

fn picture(width: u32) -> Picture {
    let header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice();
    let bytes = [header, &width.to_be_bytes(), &1_u32.to_be_bytes()].concat();
    Picture::parse(bytes, &Limits::DEFAULT).unwrap()
}

#[tokio::test]
async fn a_client_has_one_picture_or_none_and_none_once_it_is_deleted() {
    let store = Arc::new(MemoryStore::new());
    let party = Party::new(store.clone(), 10).await;
    let (engine, id) = (&party.engine, "web".parse().unwrap());
    assert!(engine.logo(&id).await.unwrap().is_none());
    for width in [1, 2, 1] {
        assert!(engine.set_logo(&id, Some(picture(width))).await.unwrap());
        assert_eq!(engine.logo(&id).await.unwrap(), Some(picture(width)));
        assert_eq!(engine.registered(&id).await.unwrap().unwrap().logo, Some(picture(width).tag()));
    }
    // A registration that is changed or imported keeps it.
    engine.update_client(&id, |m| m.client_name = Some("Web".into())).await.unwrap();
    engine.import_client(web(), None).await.unwrap();
    assert!(engine.logo(&id).await.unwrap().is_some());
    assert!(engine.set_logo(&id, None).await.unwrap());
    assert!(engine.logo(&id).await.unwrap().is_none());

    assert!(engine.set_logo(&id, Some(picture(3))).await.unwrap());
    assert!(engine.delete_client(&id).await.unwrap());
    assert!(engine.logo(&id).await.unwrap().is_none());
    assert!(!engine.set_logo(&id, Some(picture(3))).await.unwrap(), "there is no such client");
    party.clock.pass(7200);
    while engine.maintain(100).await.unwrap() > 0 {}
    let logos = store.list(&Under::Kind(Kind::ClientLogo), None, 10).await.unwrap();
    assert!(logos.keys.is_empty(), "{:?}", logos.keys);
}

// P18
#[tokio::test]
async fn nobody_changes_the_picture_of_somebody_elses_application() {
    let party = Party::new(Arc::new(MemoryStore::new()), 10).await;
    let (engine, id) = (&party.engine, "web".parse().unwrap());
    engine.update_client(&id, |m| m.owner = Some(alice())).await.unwrap();
    assert!(engine.set_owned_logo(&alice(), &id, Some(picture(1))).await.unwrap());
    let bob = "bob".parse().unwrap();
    assert!(!engine.set_owned_logo(&bob, &id, Some(picture(2))).await.unwrap());
    assert!(!engine.set_owned_logo(&bob, &id, None).await.unwrap());
    assert_eq!(engine.logo(&id).await.unwrap(), Some(picture(1)));
}
