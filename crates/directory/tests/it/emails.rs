use grantor_core::Secret;
use grantor_directory::{SignUp, SignUpRefused};

use crate::store::Fate::NotApplied;
use crate::{at, create, directory, logs_in, new_user, subject};

#[tokio::test]
async fn an_address_leads_to_its_user_and_his_password_decides() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    for spelling in ["alice@example.test", "Alice@Example.TEST"] {
        assert!(logs_in(&directory, spelling, "pw").await, "{spelling}");
        assert!(!logs_in(&directory, spelling, "wrong").await, "{spelling}");
    }
    for other in ["bob@example.test", "alice@example.test ", "alice@", "@example.test"] {
        let hashes = directory.hashes_computed();
        assert!(!logs_in(&directory, other, "pw").await, "{other}");
        assert_eq!(directory.hashes_computed() - hashes, 1, "{other}");
    }
    directory.disable_user(&subject("alice"), at(1)).await.unwrap().unwrap();
    assert!(!logs_in(&directory, "alice@example.test", "pw").await);
    directory.delete_user(&subject("alice"), at(1)).await.unwrap().unwrap();
    assert!(!logs_in(&directory, "alice@example.test", "pw").await);
    let at_rest = format!("{:?}", store.dump());
    assert!(!at_rest.contains("example.test"), "an address outlives its user: {at_rest}");
}

#[tokio::test]
async fn an_address_that_was_given_up_leads_nowhere() {
    let (_, directory) = directory();
    create(&directory, "alice", "pw").await;
    let new = |p: &mut grantor_directory::Profile| p.email = Some("new@example.test".to_owned());
    directory.update_user(&subject("alice"), new).await.unwrap().unwrap();
    assert!(logs_in(&directory, "new@example.test", "pw").await);
    assert!(!logs_in(&directory, "alice@example.test", "pw").await);
    let mut again = new_user("alice", None);
    again.profile.email = Some("o'brien@example.test".to_owned());
    directory.put_user(&again, at(1)).await.unwrap().unwrap();
    assert!(logs_in(&directory, "O'Brien@example.test", "pw").await);
    assert!(!logs_in(&directory, "new@example.test", "pw").await);
}

#[tokio::test]
async fn whoever_names_anothers_address_takes_nothing_from_him() {
    let (_, directory) = directory();
    create(&directory, "victor", "pw").await;
    for name in ["aaron", "zoe"] {
        let mut thief = new_user(name, Some("stolen"));
        thief.profile.email = Some("victor@example.test".to_owned());
        directory.create_user(&thief, at(1)).await.unwrap().unwrap();
    }
    assert!(logs_in(&directory, "victor@example.test", "pw").await);
    assert!(!logs_in(&directory, "victor@example.test", "stolen").await);
    // Once he is gone, it leads to the next, by the next one's own password.
    directory.delete_user(&subject("victor"), at(2)).await.unwrap().unwrap();
    assert!(!logs_in(&directory, "victor@example.test", "pw").await);
    assert!(logs_in(&directory, "victor@example.test", "stolen").await);
    // A user whose name is the address comes before all.
    create(&directory, "victor@example.test", "name").await;
    assert!(logs_in(&directory, "victor@example.test", "name").await);
}

#[tokio::test]
async fn a_user_who_could_not_be_made_leaves_a_note_that_leads_nowhere() {
    let (store, directory) = directory();
    store.fate(&[crate::store::Fate::Works, NotApplied]);
    assert!(directory.create_user(&new_user("alice", Some("pw")), at(0)).await.is_err());
    assert!(store.dump().iter().any(|(key, _)| key.starts_with("user-email/")));
    assert!(!logs_in(&directory, "alice@example.test", "pw").await);
    // And the other way round: no user without his note.
    store.fate(&[NotApplied]);
    assert!(directory.create_user(&new_user("bob", Some("pw")), at(0)).await.is_err());
    assert_eq!(store.body("user/bob"), None);
}

#[tokio::test]
async fn who_signs_up_is_a_user_and_what_cannot_be_is_told_alike() {
    let (_, directory) = directory();
    create(&directory, "taken", "pw").await;
    create(&directory, "gone", "pw").await;
    directory.delete_user(&subject("gone"), at(0)).await.unwrap().unwrap();
    let password = Secret::new("long enough");
    let sign_up = async |username: &str, email: &str, password: &Secret| {
        directory.sign_up(&SignUp { username, password, email }, at(1)).await.unwrap()
    };
    for name in ["taken", "Taken", "gone", "", "a b", "taken@example.test", &"a".repeat(129)] {
        assert_eq!(sign_up(name, "a@b", &password).await, Err(SignUpRefused::Name), "{name}");
    }
    for email in ["", "a", "a@", "a@b\n", &format!("{}@b", "a".repeat(2048))] {
        assert_eq!(sign_up("new", email, &password).await, Err(SignUpRefused::Email), "{email}");
    }
    let short = Err(SignUpRefused::PasswordTooShort { min: 8 });
    assert_eq!(sign_up("new", "a@b", &Secret::new("ééééééé")).await, short);
    let long = Secret::new("a".repeat(1025));
    assert!(matches!(sign_up("new", "a@b", &long).await, Err(SignUpRefused::Password(_))));
    let hashes = directory.hashes_computed();
    let made = sign_up("New", "new@example.test", &password).await.unwrap();
    assert_eq!((made.subject.as_str(), made.profile.email.as_deref()), ("new", Some("new@example.test")));
    assert!(!made.profile.admin && made.profile.accounts.is_empty());
    assert_eq!(sign_up("new", "new@example.test", &password).await, Err(SignUpRefused::Name));
    assert_eq!(directory.hashes_computed() - hashes, 2, "a free name and a taken one cost the same");
    assert!(logs_in(&directory, "new", "long enough").await);
}
