use std::sync::Arc;

use grantor_core::{Lifetime, Secret};
use grantor_directory::{
    Directory, DirectoryError, InvalidPassword, PasswordChange, PasswordRefused, SessionId, UserDirectory,
};

use crate::store::Fate::{DroppedUnheard, NotApplied, Works};
use crate::{at, create, directory, logs_in, new_user, subject};

const HOUR: Lifetime = Lifetime::seconds(3600);
const NEW: &str = "a long new one";

async fn begin(directory: &Directory, name: &str) -> Secret {
    let user = directory.user(&subject(name)).await.unwrap().unwrap();
    directory.start_session(&user, None, Some("Browser/1"), at(0), HOUR).await.unwrap().1
}

async fn change(
    directory: &Directory,
    cookie: &Secret,
    current: &str,
    new: &str,
) -> Result<Result<Secret, PasswordRefused>, DirectoryError> {
    let (user, current, new) = (subject("alice"), Secret::new(current), Secret::new(new));
    let change = PasswordChange { user: &user, current: &current, new: &new, cookie };
    let users: &dyn UserDirectory = directory;
    Ok(users.change_password(&change, at(5), HOUR).await?.map(|(_, cookie)| cookie))
}

/// E09, P05: by the current password; afterwards the old cookies are dead, the one in use among them.
#[tokio::test]
async fn a_new_password_ends_every_session_and_goes_on_under_a_new_cookie() {
    let (_, directory) = directory();
    create(&directory, "alice", "pw").await;
    create(&directory, "bob", "pw").await;
    let (mine, other) = (begin(&directory, "alice").await, begin(&directory, "alice").await);
    let bobs = begin(&directory, "bob").await;
    let fresh = change(&directory, &mine, "pw", NEW).await.unwrap().unwrap();
    let lives = async |cookie| directory.find_session(cookie, at(6)).await.unwrap().is_some();
    assert_eq!(
        [lives(&mine).await, lives(&other).await, lives(&fresh).await, lives(&bobs).await],
        [false, false, true, true]
    );
    assert!(logs_in(&directory, "alice", NEW).await && !logs_in(&directory, "alice", "pw").await);
    let list = directory.sessions(&subject("alice"), at(6)).await.unwrap().sessions;
    let [only] = &list[..] else { panic!("{list:?}") };
    assert_eq!((only.id, only.authenticated_at), (SessionId::of(&fresh), at(5)));
    assert_eq!(only.user_agent.as_deref(), Some("Browser/1"));
}

#[tokio::test]
async fn without_the_current_password_or_with_an_impossible_new_one_nothing_changes() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    create(&directory, "bob", "pw").await;
    let (mine, bobs) = (begin(&directory, "alice").await, begin(&directory, "bob").await);
    let gone = begin(&directory, "alice").await;
    directory.end_session(&gone).await.unwrap();
    let before = store.dump();
    let too_long = "x".repeat(1025);
    for (cookie, current, new, refused, hashes) in [
        (&mine, "wrong", NEW, PasswordRefused::WrongPassword, 1),
        (&mine, "", NEW, PasswordRefused::WrongPassword, 0),
        (&mine, &too_long, NEW, PasswordRefused::WrongPassword, 0),
        (&mine, "pw", "short 7", PasswordRefused::TooShort { min: 8 }, 0),
        (&mine, "pw", &too_long, InvalidPassword::TooLong { max: 1024 }.into(), 0),
        (&gone, "pw", NEW, PasswordRefused::SessionEnded, 0),
        (&bobs, "pw", NEW, PasswordRefused::SessionEnded, 0),
    ] {
        let computed = directory.hashes_computed();
        assert_eq!(change(&directory, cookie, current, new).await.unwrap().map(|_| ()), Err(refused));
        assert_eq!(directory.hashes_computed() - computed, hashes, "{refused}");
    }
    assert_eq!(store.dump(), before);
}

#[tokio::test]
async fn who_has_no_password_has_none_to_change() {
    let (_, directory) = directory();
    directory.create_user(&new_user("alice", None), at(0)).await.unwrap().unwrap();
    let users: Arc<dyn UserDirectory> = directory.clone();
    assert!(!users.has_password(&subject("alice")).await.unwrap());
    assert!(!users.has_password(&subject("nobody")).await.unwrap());
    let cookie = begin(&directory, "alice").await;
    let refused = change(&directory, &cookie, "", NEW).await.unwrap().map(|_| ());
    assert_eq!(refused, Err(PasswordRefused::NoPassword));
    assert!(!logs_in(&directory, "alice", NEW).await);
    directory.set_password(&subject("alice"), &Secret::new("pw")).await.unwrap().unwrap();
    assert!(users.has_password(&subject("alice")).await.unwrap());
}

/// A store that fails on the way leaves the old password, or the new one and no session.
#[tokio::test]
async fn a_change_that_fails_half_way_leaves_no_old_session_beside_a_new_password() {
    for (fates, changed) in [
        (&[NotApplied][..], false),
        (&[DroppedUnheard], false),
        (&[Works, NotApplied], true),
        (&[Works, Works, NotApplied], true),
        (&[Works, Works, Works, NotApplied], true),
    ] {
        let (store, directory) = directory();
        create(&directory, "alice", "pw").await;
        let mine = begin(&directory, "alice").await;
        store.fate(fates);
        assert!(change(&directory, &mine, "pw", NEW).await.is_err(), "{fates:?}");
        store.fate(&[]);
        assert_eq!(logs_in(&directory, "alice", NEW).await, changed, "{fates:?}");
        let lives = directory.find_session(&mine, at(6)).await.unwrap().is_some();
        assert_eq!(lives, !changed, "{fates:?}");
    }
}
