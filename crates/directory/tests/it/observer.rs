use std::sync::{Arc, Mutex};

use grantor_core::{Lifetime, Secret, SubjectId};
use grantor_directory::{
    Directory, DirectoryEvent, DirectoryObserver, DirectoryRefusal, PasswordChange, SignUp,
};

use crate::{at, create, key, new_user, settings, store::TestStore, subject};

const HOUR: Lifetime = Lifetime::seconds(3600);

/// Keeps what it is told, as words.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Told {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl DirectoryObserver for Told {
    fn happened(&self, event: &DirectoryEvent) {
        self.0.lock().unwrap().push(format!("{} {}", event.name(), event.user()));
    }

    fn refused(&self, refusal: &DirectoryRefusal) {
        let user = refusal.user().map_or("-", SubjectId::as_str);
        self.0.lock().unwrap().push(format!("{} {user}: {}", refusal.operation(), refusal.reason()));
    }
}

fn observed() -> (Arc<Told>, Directory) {
    let (told, store) = (Arc::new(Told::default()), Arc::new(TestStore::default()));
    (told.clone(), Directory::new(store, &key(), settings()).unwrap().observer(told))
}

/// A password that was typed where the name belongs is told to nobody.
#[tokio::test]
async fn a_login_is_told_with_the_name_of_one_who_exists_and_with_nothing_else() {
    let (told, directory) = observed();
    create(&directory, "alice", "pw").await;
    directory.create_user(&new_user("keyless", None), at(0)).await.unwrap().unwrap();
    create(&directory, "off", "pw").await;
    directory.disable_user(&subject("off"), at(0)).await.unwrap().unwrap();
    told.take();
    for (name, password, words) in [
        ("Alice", "pw", "logged_in alice"),
        ("alice@example.test", "pw", "logged_in alice"),
        ("alice", "wrong", "login alice: wrong_password"),
        ("alice", "", "login -: impossible_password"),
        ("correct horse", "pw", "login -: unknown_user"),
        ("hunter2", "pw", "login -: unknown_user"),
        ("keyless", "pw", "login keyless: no_password"),
        ("off", "pw", "login off: disabled"),
    ] {
        let _ = directory.authenticate(name, &Secret::new(password), at(1)).await.unwrap();
        assert_eq!(told.take(), [words]);
    }
}

#[tokio::test]
async fn who_signs_up_and_who_is_refused_is_told() {
    let (told, directory) = observed();
    for (name, password, email, words) in [
        ("alice", "long enough", "a@example.test", "signed_up alice"),
        ("alice", "long enough", "a@example.test", "sign_up -: name"),
        ("hunter2!", "long enough", "a@example.test", "sign_up -: name"),
        ("bob", "short", "b@example.test", "sign_up -: password_too_short"),
        ("bob", "long enough", "none", "sign_up -: email"),
    ] {
        let password = Secret::new(password);
        let _ =
            directory.sign_up(&SignUp { username: name, password: &password, email }, at(0)).await.unwrap();
        assert_eq!(told.take(), [words]);
    }
}

#[tokio::test]
async fn what_begins_and_ends_a_session_is_told_once() {
    let (told, directory) = observed();
    let alice = create(&directory, "alice", "pw").await;
    let begin = async |replaces| {
        let user = directory.user(&alice.subject).await.unwrap().unwrap();
        directory.start_session(&user, replaces, None, at(0), HOUR).await.unwrap().1
    };
    let first = begin(None).await;
    assert_eq!(told.take(), ["session_started alice"]);
    let second = begin(Some(&first)).await;
    assert_eq!(told.take(), ["session_ended alice", "session_started alice"]);
    directory.end_session(&first).await.unwrap();
    assert_eq!(told.take(), [""; 0]);
    assert!(directory.end_other_sessions(&alice.subject, &second, at(1)).await.unwrap());
    assert_eq!(told.take(), ["other_sessions_ended alice"]);
    let change = |current: &'static str| (Secret::new(current), Secret::new("a long new one"));
    for (current, words) in [
        ("wrong", &["password_change alice: wrong_password"][..]),
        ("pw", &["password_changed alice", "session_ended alice", "session_started alice"]),
        ("pw", &["password_change alice: session_ended"]),
    ] {
        let (current, new) = change(current);
        let change = PasswordChange { user: &alice.subject, current: &current, new: &new, cookie: &second };
        let _ = directory.change_password(&change, at(2), HOUR).await.unwrap();
        assert_eq!(told.take(), words);
    }
    directory.set_password(&alice.subject, &Secret::new("pw")).await.unwrap().unwrap();
    directory.put_user(&new_user("alice", Some("other")), at(3)).await.unwrap().unwrap();
    directory.put_user(&new_user("alice", Some("other")), at(3)).await.unwrap().unwrap();
    directory.end_all_sessions(&alice.subject).await.unwrap().unwrap();
    directory.end_all_sessions(&subject("nobody")).await.unwrap().unwrap_err();
    assert_eq!(told.take(), ["password_set alice", "password_set alice", "all_sessions_ended alice"]);
}
