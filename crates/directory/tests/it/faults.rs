use std::sync::atomic::Ordering::SeqCst;

use grantor_core::{Lifetime, Secret};
use grantor_directory::{
    AccountProfile, DirectoryError, Imported, Membership, SessionList, UserDirectory, UserRefused, UserState,
};

use crate::store::Fate::{AppliedUnheard, DroppedUnheard, NotApplied, Works};
use crate::{account_id, at, create, directory, logs_in, new_user, subject};

/// Whether a result is the fault of a store that failed, and not an answer.
fn is_fault<T>(result: &Result<T, DirectoryError>) -> bool {
    matches!(result, Err(DirectoryError::Store(_)))
}

#[tokio::test]
async fn a_store_that_is_down_answers_nothing() {
    let (store, directory) = directory();
    let alice = create(&directory, "alice", "pw").await;
    let (_, cookie) =
        directory.start_session(&alice, None, None, at(0), Lifetime::seconds(60)).await.unwrap();
    let (who, pw) = (subject("alice"), Secret::new("pw"));
    let mut member = alice.clone();
    member.profile.accounts = vec![Membership { id: account_id("35"), role: "owner".to_owned() }];
    store.down.store(true, SeqCst);
    assert!(is_fault(&directory.authenticate("alice", &pw, at(0)).await));
    assert!(is_fault(&directory.find_session(&cookie, at(0)).await));
    assert!(is_fault(&directory.end_session(&cookie).await));
    assert!(is_fault(&directory.start_session(&alice, None, None, at(0), Lifetime::seconds(60)).await));
    assert!(is_fault(&directory.end_all_sessions(&who).await));
    assert!(is_fault(&directory.sessions(&who, at(0)).await));
    assert!(is_fault(&directory.user(&who).await));
    assert!(is_fault(&directory.users(None, None, 9).await));
    assert!(is_fault(&directory.create_user(&new_user("bob", None), at(0)).await));
    assert!(is_fault(&directory.put_user(&new_user("bob", None), at(0)).await));
    assert!(is_fault(&directory.update_user(&who, |_| {}).await));
    assert!(is_fault(&directory.set_password(&who, &pw).await));
    assert!(is_fault(&directory.disable_user(&who, at(0)).await));
    assert!(is_fault(&directory.enable_user(&who, at(0)).await));
    assert!(is_fault(&directory.delete_user(&who, at(0)).await));
    let (id, acme) = (account_id("35"), AccountProfile::default());
    assert!(is_fault(&directory.account(&id).await));
    assert!(is_fault(&directory.accounts(None, None, 9).await));
    assert!(is_fault(&directory.create_account(&id, &acme, at(0)).await));
    assert!(is_fault(&directory.put_account(&id, &acme, at(0)).await));
    assert!(is_fault(&directory.update_account(&id, |_| {}).await));
    assert!(is_fault(&directory.delete_account(&id, at(0)).await));
    assert!(
        is_fault(&directory.accounts_of(&member).await),
        "an account that cannot be read is no missing one"
    );
    store.down.store(false, SeqCst);
    assert!(logs_in(&directory, "alice", "pw").await);
    assert!(directory.find_session(&cookie, at(0)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_what_stands() {
    let (store, directory) = directory();
    store.fate(&[AppliedUnheard]);
    create(&directory, "alice", "pw").await;
    store.fate(&[AppliedUnheard]);
    let taken = directory.create_user(&new_user("alice", None), at(0)).await.unwrap();
    assert_eq!(taken, Err(UserRefused::NameTaken));
    store.fate(&[AppliedUnheard]);
    directory.set_password(&subject("alice"), &Secret::new("new")).await.unwrap().unwrap();
    assert!(logs_in(&directory, "alice", "new").await);

    // What may still come to stand is neither done nor refused.
    store.fate(&[DroppedUnheard]);
    assert!(is_fault(&directory.set_password(&subject("alice"), &Secret::new("newer")).await));
    assert!(logs_in(&directory, "alice", "new").await);
    store.fate(&[DroppedUnheard]);
    assert!(is_fault(&directory.create_user(&new_user("bob", None), at(0)).await));
    let again = directory.put_user(&new_user("bob", None), at(0)).await.unwrap().unwrap();
    assert_eq!(again, Imported::Created);
}

#[tokio::test]
async fn a_suspension_that_fails_half_way_has_suspended_and_can_be_repeated() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    store.fate(&[NotApplied]);
    assert!(is_fault(&directory.disable_user(&subject("alice"), at(1)).await));
    assert_eq!(store.body("standing/alice"), None);
    assert_eq!(directory.user(&subject("alice")).await.unwrap().unwrap().state, UserState::Active);

    store.fate(&[Works, NotApplied]);
    assert!(is_fault(&directory.disable_user(&subject("alice"), at(1)).await));
    assert!(store.body("standing/alice").unwrap().contains("suspended"), "the tokens were not stopped first");

    directory.disable_user(&subject("alice"), at(2)).await.unwrap().unwrap();
    assert_eq!(directory.user(&subject("alice")).await.unwrap().unwrap().state, UserState::Disabled);
}

#[tokio::test]
async fn a_session_that_could_not_be_started_leaves_at_most_a_dangling_hint() {
    let (store, directory) = directory();
    let alice = create(&directory, "alice", "pw").await;
    store.fate(&[Works, NotApplied]);
    assert!(is_fault(&directory.start_session(&alice, None, None, at(0), Lifetime::seconds(60)).await));
    let keys: Vec<_> = store.dump().into_iter().map(|(key, _)| key).collect();
    assert!(keys.iter().any(|key| key.starts_with("user-session/alice/")), "{keys:?}");
    assert!(!keys.iter().any(|key| key.starts_with("session/")), "{keys:?}");
    assert_eq!(directory.sessions(&subject("alice"), at(0)).await.unwrap(), SessionList::default());
}

#[tokio::test]
async fn a_session_that_may_not_have_ended_is_not_called_ended() {
    let (store, directory) = directory();
    let alice = create(&directory, "alice", "pw").await;
    let (_, cookie) =
        directory.start_session(&alice, None, None, at(0), Lifetime::seconds(60)).await.unwrap();
    store.fate(&[DroppedUnheard]);
    assert!(is_fault(&directory.end_session(&cookie).await));
    store.fate(&[NotApplied]);
    assert!(is_fault(
        &directory.start_session(&alice, Some(&cookie), None, at(0), Lifetime::seconds(60)).await
    ));
    assert!(directory.find_session(&cookie, at(0)).await.unwrap().is_some());
    store.fate(&[AppliedUnheard]);
    directory.end_session(&cookie).await.unwrap();
    assert!(directory.find_session(&cookie, at(0)).await.unwrap().is_none());
}
