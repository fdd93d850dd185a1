use std::sync::atomic::Ordering::SeqCst;

use grantor_core::{Digest, Lifetime, Secret, ServerKey, SubjectId};
use grantor_directory::{
    CredentialId, CredentialRefused, Directory, DirectoryError, Imported, SessionToken, User, UserDirectory,
};

use crate::store::Fate::{AppliedUnheard, DroppedUnheard, NotApplied, Works};
use crate::{at, create, directory, key, settings, subject};

const PROFILE: &str = "brightcove";
/// As weak as what somebody may import.
const WEAK: &str = "letmein123";

async fn put(directory: &Directory, user: &str, token: &str) -> Result<Imported, CredentialRefused> {
    directory.put_session_token(PROFILE, &subject(user), &Secret::new(token), at(0)).await.unwrap()
}

async fn mint(directory: &Directory, user: &str, lifetime: Option<Lifetime>) -> (SessionToken, Secret) {
    directory.create_session_token(PROFILE, &subject(user), at(0), lifetime).await.unwrap().unwrap()
}

/// Who a token acts for, and since a name says it all, his name.
async fn acts_for(directory: &Directory, token: &str, now: i64) -> Option<String> {
    let found: Option<User> =
        directory.session_token_user(PROFILE, &Secret::new(token), at(now)).await.unwrap();
    found.map(|user| user.subject.to_string())
}

#[tokio::test]
async fn a_token_acts_for_its_user_at_its_profile_alone() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    let (made, minted) = mint(&directory, "alice", None).await;
    assert!(minted.expose().starts_with("gra_st_"));
    assert_eq!((made.profile.as_str(), made.user.as_str(), made.created_at), (PROFILE, "alice", at(0)));
    assert_eq!(put(&directory, "alice", WEAK).await, Ok(Imported::Created));
    for token in [minted.expose(), WEAK] {
        assert_eq!(acts_for(&directory, token, 1).await.as_deref(), Some("alice"));
        for profile in ["flex", "", "Brightcove", "brightcov"] {
            let elsewhere = directory.session_token_user(profile, &Secret::new(token), at(1)).await.unwrap();
            assert_eq!(elsewhere, None, "{profile}");
        }
    }
    // Through the contract, as the HTTP room asks.
    let users: &dyn UserDirectory = &*directory;
    let found = users.session_token_user(PROFILE, &minted, at(1)).await.unwrap().unwrap();
    assert_eq!(found, directory.user(&subject("alice")).await.unwrap().unwrap());
    assert_eq!(acts_for(&directory, "letmein124", 1).await, None);
    assert_eq!(acts_for(&directory, &made.id.to_string(), 1).await, None, "its name is no token");

    let gets = store.gets();
    for garbage in ["", "let me in", "letmein123\n", "é", &"a".repeat(8193)] {
        assert_eq!(acts_for(&directory, garbage, 1).await, None);
    }
    assert_eq!(store.gets(), gets, "garbage cost a read");
}

#[tokio::test]
async fn nothing_at_rest_acts_for_anyone_or_lets_a_guess_be_tested() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    let (made, minted) = mint(&directory, "alice", None).await;
    put(&directory, "alice", WEAK).await.unwrap();
    let seen = format!("{:?} {made:?}", store.dump());
    for token in [minted.expose(), WEAK] {
        let payload = token.strip_prefix("gra_st_").unwrap_or(token);
        for part in payload.as_bytes().windows(8) {
            assert!(!seen.contains(std::str::from_utf8(part).unwrap()), "a part of a token is at rest");
        }
        // What anyone can compute of a guess is not there either.
        for parts in [token.to_owned(), format!("{PROFILE}{token}"), format!("{PROFILE}\0{token}")] {
            let digest = Digest::of(parts.as_bytes()).to_base64url();
            assert!(!seen.contains(digest.get(..16).unwrap()), "a digest of a token is at rest");
        }
    }
    // The same store beside another key: no token is known there, and a guess leads to another name.
    let other = Directory::new(store.clone(), &ServerKey::from_bytes([8; 32]), settings()).unwrap();
    for token in [minted.expose(), WEAK] {
        assert_eq!(acts_for(&other, token, 1).await, None);
    }
    assert_eq!(put(&other, "alice", WEAK).await, Ok(Imported::Created));
    let again = Directory::new(store, &key(), settings()).unwrap();
    assert_eq!(acts_for(&again, WEAK, 1).await.as_deref(), Some("alice"));
}

#[tokio::test]
async fn a_token_is_worth_nothing_while_its_user_is_disabled_and_never_again_once_he_is_deleted() {
    let (_, directory) = directory();
    create(&directory, "alice", "pw").await;
    let alice = subject("alice");
    put(&directory, "alice", WEAK).await.unwrap();
    // What ends his sessions is no word about his tools.
    directory.end_all_sessions(&alice).await.unwrap().unwrap();
    directory.set_password(&alice, &Secret::new("new")).await.unwrap().unwrap();
    assert!(acts_for(&directory, WEAK, 1).await.is_some());

    directory.disable_user(&alice, at(2)).await.unwrap().unwrap();
    assert_eq!(acts_for(&directory, WEAK, 2).await, None);
    assert_eq!(put(&directory, "alice", WEAK).await, Ok(Imported::Unchanged));
    assert_eq!(acts_for(&directory, WEAK, 2).await, None, "an import woke it");
    directory.enable_user(&alice, at(3)).await.unwrap().unwrap();
    assert!(acts_for(&directory, WEAK, 3).await.is_some());

    directory.delete_user(&alice, at(4)).await.unwrap().unwrap();
    assert_eq!(acts_for(&directory, WEAK, 4).await, None);
    assert_eq!(put(&directory, "alice", WEAK).await, Err(CredentialRefused::NoSuchUser));
    assert_eq!(listed(&directory, None).await, []);
}

#[tokio::test]
async fn a_token_runs_out_and_does_not_come_back() {
    let (_, directory) = directory();
    create(&directory, "alice", "pw").await;
    let (made, token) = mint(&directory, "alice", Some(Lifetime::seconds(60))).await;
    assert_eq!(made.expires_at, Some(at(60)));
    assert!(acts_for(&directory, token.expose(), 59).await.is_some());
    assert_eq!(acts_for(&directory, token.expose(), 60).await, None);
    let again = directory.put_session_token(PROFILE, &subject("alice"), &token, at(60)).await.unwrap();
    assert_eq!(again, Err(CredentialRefused::Ended));
    assert!(!directory.end_session_token(made.id, at(60)).await.unwrap());
}

#[tokio::test]
async fn an_ended_token_is_never_taken_again() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    put(&directory, "alice", WEAK).await.unwrap();
    let id = listed(&directory, None).await[0];
    assert!(directory.end_session_token(id, at(1)).await.unwrap());
    assert_eq!(acts_for(&directory, WEAK, 1).await, None);
    assert!(!directory.end_session_token(id, at(2)).await.unwrap());
    let before = store.dump();
    assert_eq!(put(&directory, "alice", WEAK).await, Err(CredentialRefused::Ended));
    let checked = directory.check_session_token(PROFILE, &subject("alice"), &Secret::new(WEAK), at(2)).await;
    assert_eq!(checked.unwrap(), Err(CredentialRefused::Ended));
    assert_eq!(store.dump(), before);
    assert_eq!(listed(&directory, Some("alice")).await, []);
    let unknown: CredentialId = "00000000000000000000000000000000".parse().unwrap();
    assert!(!directory.end_session_token(unknown, at(2)).await.unwrap());
}

#[tokio::test]
async fn importing_a_token_twice_changes_nothing_the_second_time() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    create(&directory, "bob", "pw").await;
    assert_eq!(put(&directory, "alice", WEAK).await, Ok(Imported::Created));
    let (before, puts) = (store.dump(), store.puts());
    assert_eq!(put(&directory, "alice", WEAK).await, Ok(Imported::Unchanged));
    assert_eq!(put(&directory, "bob", WEAK).await, Err(CredentialRefused::BelongsToAnother));
    assert_eq!((store.dump(), store.puts()), (before, puts));
    assert_eq!(acts_for(&directory, WEAK, 1).await.as_deref(), Some("alice"));
    // At another profile it is another token.
    let bob = subject("bob");
    let other = directory.put_session_token("other", &bob, &Secret::new(WEAK), at(0)).await.unwrap();
    assert_eq!(other, Ok(Imported::Created));
    assert_eq!(acts_for(&directory, WEAK, 1).await.as_deref(), Some("alice"));
}

#[tokio::test]
async fn what_cannot_be_a_token_is_refused_and_nothing_is_written() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    let before = store.dump();
    let long = "a".repeat(8193);
    for (token, refused) in [
        ("", CredentialRefused::Empty),
        (long.as_str(), CredentialRefused::TooLong { max: 8192 }),
        ("two words", CredentialRefused::ForbiddenCharacter),
        ("line\n", CredentialRefused::ForbiddenCharacter),
        ("é", CredentialRefused::ForbiddenCharacter),
    ] {
        assert_eq!(put(&directory, "alice", token).await, Err(refused));
    }
    assert_eq!(put(&directory, "nobody", WEAK).await, Err(CredentialRefused::NoSuchUser));
    let minted = directory.create_session_token(PROFILE, &subject("nobody"), at(0), None).await.unwrap();
    assert_eq!(minted.map(|_| ()), Err(CredentialRefused::NoSuchUser));
    assert_eq!(store.dump(), before);
}

/// The names of the listed tokens, read page by page.
async fn listed(directory: &Directory, of: Option<&str>) -> Vec<CredentialId> {
    let of: Option<SubjectId> = of.map(subject);
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = directory.session_tokens(of.as_ref(), after, 2, at(1)).await.unwrap();
        ids.extend(page.tokens.iter().map(|token| token.id));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn tokens_are_listed_by_user_and_altogether() {
    let (_, directory) = directory();
    let mut made = [Vec::new(), Vec::new()];
    for (user, made) in ["alice", "bob"].into_iter().zip(&mut made) {
        create(&directory, user, "pw").await;
        for _ in 0..5 {
            made.push(mint(&directory, user, None).await.0.id);
        }
        made.sort_unstable();
    }
    let [of_alice, of_bob] = made;
    mint(&directory, "alice", Some(Lifetime::seconds(1))).await;
    assert_eq!(listed(&directory, Some("alice")).await, of_alice);
    assert_eq!(listed(&directory, Some("bob")).await, of_bob);
    assert_eq!(listed(&directory, Some("nobody")).await, []);
    let mut all = [of_alice, of_bob].concat();
    all.sort_unstable();
    assert_eq!(listed(&directory, None).await, all);
}

/// What has run out may be swept away, the hint and the token each in its time; what was ended may not, or an import
/// would bring it back.
#[tokio::test]
async fn a_record_is_kept_as_long_as_it_matters_and_its_hint_as_long_as_the_record() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    let (made, token) = mint(&directory, "alice", Some(Lifetime::seconds(60))).await;
    let (record, hint) =
        (format!("session-token/{}", made.id), format!("user-session-token/alice/{}", made.id));
    assert_eq!((store.keep_until(&record), store.keep_until(&hint)), (Some(at(60)), Some(at(60))));
    store.sweep(&record);
    assert_eq!(put(&directory, "alice", token.expose()).await, Ok(Imported::Created));
    assert_eq!((store.keep_until(&record), store.keep_until(&hint)), (None, None));

    let (made, _) = mint(&directory, "alice", Some(Lifetime::seconds(60))).await;
    assert!(directory.end_session_token(made.id, at(1)).await.unwrap());
    assert_eq!(store.keep_until(&format!("session-token/{}", made.id)), None);
}

fn is_fault<T>(result: &Result<T, DirectoryError>) -> bool {
    matches!(result, Err(DirectoryError::Store(_)))
}

#[tokio::test]
async fn what_cannot_be_found_out_is_no_answer_and_what_broke_off_can_be_repeated() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    let (alice, weak) = (subject("alice"), Secret::new(WEAK));
    // The hint stands and the token does not: the list shows none, and the next attempt makes it.
    store.fate(&[Works, NotApplied]);
    assert!(is_fault(&directory.put_session_token(PROFILE, &alice, &weak, at(0)).await));
    assert_eq!(listed(&directory, Some("alice")).await, []);
    assert_eq!(acts_for(&directory, WEAK, 1).await, None);
    store.fate(&[AppliedUnheard, AppliedUnheard]);
    assert_eq!(put(&directory, "alice", WEAK).await, Ok(Imported::Created));
    let id = listed(&directory, Some("alice")).await[0];

    store.fate(&[DroppedUnheard]);
    assert!(is_fault(&directory.end_session_token(id, at(1)).await), "what may live on is not called ended");
    store.down.store(true, SeqCst);
    assert!(is_fault(&directory.session_token_user(PROFILE, &weak, at(1)).await));
    assert!(is_fault(&directory.session_tokens(None, None, 9, at(1)).await));
    assert!(is_fault(&directory.create_session_token(PROFILE, &alice, at(1), None).await));
    assert!(is_fault(&directory.check_session_token(PROFILE, &alice, &weak, at(1)).await));
    store.down.store(false, SeqCst);
    store.fate(&[AppliedUnheard]);
    assert!(directory.end_session_token(id, at(1)).await.unwrap());
    assert_eq!(acts_for(&directory, WEAK, 1).await, None);
}
