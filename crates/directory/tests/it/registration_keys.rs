use std::sync::atomic::Ordering::SeqCst;

use grantor_core::{Digest, Secret, ServerKey};
use grantor_directory::{CredentialRefused, Directory, DirectoryError, Imported, UserDirectory};

use crate::store::Fate::{AppliedUnheard, DroppedUnheard, NotApplied};
use crate::{at, create, directory, settings, subject};

const PROFILE: &str = "flex";
const WEAK: &str = "letmein123";

async fn put(directory: &Directory, key: &str) -> Result<Imported, CredentialRefused> {
    directory.put_registration_key(PROFILE, &Secret::new(key), at(0)).await.unwrap()
}

async fn opens(directory: &Directory, profile: &str, key: &str) -> bool {
    directory.is_registration_key(profile, &Secret::new(key), at(1)).await.unwrap()
}

#[tokio::test]
async fn a_key_opens_its_profile_alone_until_it_is_ended() {
    let (store, directory) = directory();
    let (made, minted) = directory.create_registration_key(PROFILE, at(0)).await.unwrap().unwrap();
    assert!(minted.expose().starts_with("gra_rk_"));
    assert_eq!((made.profile.as_str(), made.created_at), (PROFILE, at(0)));
    assert_eq!(put(&directory, WEAK).await, Ok(Imported::Created));
    let users: &dyn UserDirectory = &*directory;
    assert!(users.is_registration_key(PROFILE, &minted, at(1)).await.unwrap());
    for key in [minted.expose(), WEAK] {
        assert!(opens(&directory, PROFILE, key).await);
        for profile in ["brightcove", "", "Flex"] {
            assert!(!opens(&directory, profile, key).await, "{profile}");
        }
    }
    assert!(!opens(&directory, PROFILE, "letmein124").await);
    assert!(!opens(&directory, PROFILE, &made.id.to_string()).await, "its name is no key");

    assert!(directory.end_registration_key(made.id, at(1)).await.unwrap());
    assert!(!directory.end_registration_key(made.id, at(1)).await.unwrap());
    assert!(!opens(&directory, PROFILE, minted.expose()).await);
    assert_eq!(put(&directory, minted.expose()).await, Err(CredentialRefused::Ended));
    let checked = directory.check_registration_key(PROFILE, &minted, at(1)).await.unwrap();
    assert_eq!(checked, Err(CredentialRefused::Ended));
    assert!(opens(&directory, PROFILE, WEAK).await);
    // What was ended is never swept away, or an import would bring it back.
    assert_eq!(store.keep_until(&format!("registration-key/{}", made.id)), None);
    let gets = store.gets();
    for garbage in ["", "let me in", "é", &"a".repeat(8193)] {
        assert!(!opens(&directory, PROFILE, garbage).await);
        assert!(put(&directory, garbage).await.is_err());
    }
    assert_eq!(store.gets(), gets, "garbage cost a read");
}

#[tokio::test]
async fn one_kind_of_credential_is_never_the_other() {
    let (_, directory) = directory();
    create(&directory, "alice", "pw").await;
    put(&directory, WEAK).await.unwrap();
    let weak = Secret::new(WEAK);
    assert_eq!(directory.session_token_user(PROFILE, &weak, at(1)).await.unwrap(), None);
    let other = Secret::new("letmein124");
    directory.put_session_token(PROFILE, &subject("alice"), &other, at(0)).await.unwrap().unwrap();
    assert!(!opens(&directory, PROFILE, "letmein124").await);
}

#[tokio::test]
async fn nothing_at_rest_opens_anything_or_lets_a_guess_be_tested() {
    let (store, directory) = directory();
    let (made, minted) = directory.create_registration_key(PROFILE, at(0)).await.unwrap().unwrap();
    put(&directory, WEAK).await.unwrap();
    let seen = format!("{:?} {made:?}", store.dump());
    for key in [minted.expose(), WEAK] {
        for part in key.trim_start_matches("gra_rk_").as_bytes().windows(8) {
            assert!(!seen.contains(std::str::from_utf8(part).unwrap()), "a part of a key is at rest");
        }
        let digest = Digest::of(key.as_bytes()).to_base64url();
        assert!(!seen.contains(digest.get(..16).unwrap()), "a digest of a key is at rest");
    }
    let other = Directory::new(store, &ServerKey::from_bytes([8; 32]), settings()).unwrap();
    assert!(!opens(&other, PROFILE, WEAK).await);
    assert_eq!(put(&other, WEAK).await, Ok(Imported::Created), "a guess led to the same name");
}

#[tokio::test]
async fn importing_a_key_twice_changes_nothing_the_second_time() {
    let (store, directory) = directory();
    assert_eq!(put(&directory, WEAK).await, Ok(Imported::Created));
    let (before, puts) = (store.dump(), store.puts());
    assert_eq!(put(&directory, WEAK).await, Ok(Imported::Unchanged));
    assert_eq!((store.dump(), store.puts()), (before, puts));
}

#[tokio::test]
async fn keys_are_listed_page_by_page_without_the_ended() {
    let (_, directory) = directory();
    let mut made = Vec::new();
    for profile in ["flex", "other", "flex", "flex", "other"] {
        made.push(directory.create_registration_key(profile, at(0)).await.unwrap().unwrap().0);
    }
    directory.end_registration_key(made.remove(2).id, at(1)).await.unwrap();
    made.sort_unstable_by_key(|key| key.id);
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = directory.registration_keys(after, 2, at(1)).await.unwrap();
        keys.extend(page.keys);
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(keys, made);
}

#[tokio::test]
async fn what_cannot_be_found_out_is_no_answer() {
    let is_fault = |fault: bool| assert!(fault, "a fault became an answer");
    let (store, directory) = directory();
    let weak = Secret::new(WEAK);
    store.fate(&[NotApplied]);
    let put_now = || directory.put_registration_key(PROFILE, &weak, at(0));
    is_fault(matches!(put_now().await, Err(DirectoryError::Store(_))));
    store.fate(&[AppliedUnheard]);
    assert_eq!(put_now().await.unwrap(), Ok(Imported::Created));
    let id = directory.registration_keys(None, 1, at(0)).await.unwrap().keys[0].id;
    store.fate(&[DroppedUnheard]);
    is_fault(directory.end_registration_key(id, at(1)).await.is_err());
    store.down.store(true, SeqCst);
    is_fault(directory.is_registration_key(PROFILE, &weak, at(1)).await.is_err());
    is_fault(directory.registration_keys(None, 9, at(1)).await.is_err());
    is_fault(directory.create_registration_key(PROFILE, at(1)).await.is_err());
    store.down.store(false, SeqCst);
    assert!(opens(&directory, PROFILE, WEAK).await);
}
