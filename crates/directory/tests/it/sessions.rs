use std::sync::Arc;

use grantor_core::{AccountId, Lifetime, Secret, ServerKey};
use grantor_directory::{
    BrowserCookie, CsrfBinding, CsrfKey, Directory, Membership, PasswordChange, SessionList, Settings,
    UserDirectory,
};
use proptest::prelude::*;

use crate::{at, create, directory, directory_with, new_user, settings, subject};

const HOUR: Lifetime = Lifetime::seconds(3600);

async fn start(directory: &Directory, now: i64) -> Secret {
    let user = directory.user(&subject("alice")).await.unwrap().unwrap();
    directory.start_session(&user, None, None, at(now), HOUR).await.unwrap().1
}

async fn lives(directory: &Directory, cookie: &Secret, now: i64) -> bool {
    directory.find_session(cookie, at(now)).await.unwrap().is_some()
}

#[tokio::test]
async fn a_session_says_who_and_since_when_through_the_trait() {
    let (_, directory) = directory();
    create(&directory, "alice", "pw").await;
    let users: Arc<dyn UserDirectory> = directory;
    let alice = users.authenticate("Alice", &Secret::new("pw"), at(0)).await.unwrap().unwrap();
    let (started, cookie) = users.start_session(&alice, None, None, at(5), HOUR).await.unwrap();
    let found = users.find_session(&cookie, at(6)).await.unwrap().unwrap();
    assert_eq!((&found.user, &started.user), (&alice, &alice));
    assert_eq!((found.authenticated_at, found.expires_at), (at(5), at(3605)));
    assert_eq!((started.authenticated_at, started.expires_at), (at(5), at(3605)));
    let key = CsrfKey::new(&ServerKey::from_bytes([1; 32]));
    let token = key.token(&started.csrf, "consent");
    assert!(
        key.check(&found.csrf, "consent", &token) && key.check(&CsrfBinding::of(&cookie), "consent", &token)
    );
    assert_eq!(users.user(&subject("alice")).await.unwrap(), Some(alice));
    users.end_session(&cookie).await.unwrap();
    assert!(users.find_session(&cookie, at(6)).await.unwrap().is_none());
}

/// E01: a form of one session is of no use in another, be it the same user's.
#[tokio::test]
async fn a_csrf_token_fits_its_own_session_only() {
    let (_, directory) = directory();
    let alice = create(&directory, "alice", "pw").await;
    let bob = create(&directory, "bob", "pw").await;
    let key = CsrfKey::new(&ServerKey::from_bytes([1; 32]));
    let (mine, old) = directory.start_session(&alice, None, None, at(0), HOUR).await.unwrap();
    let token = key.token(&mine.csrf, "consent");
    let (again, _) = directory.start_session(&alice, Some(&old), None, at(1), HOUR).await.unwrap();
    let (bobs, _) = directory.start_session(&bob, None, None, at(1), HOUR).await.unwrap();
    assert!(key.check(&mine.csrf, "consent", &token));
    for other in [again.csrf, bobs.csrf, BrowserCookie::mint().unwrap().csrf()] {
        assert!(!key.check(&other, "consent", &token));
    }
}

/// P05: logging in, again or as somebody else, gives another cookie and ends the one before.
#[tokio::test]
async fn a_login_replaces_the_session_it_finds() {
    let (_, directory) = directory();
    let alice = create(&directory, "alice", "pw").await;
    let bob = create(&directory, "bob", "pw").await;
    let (_, first) = directory.start_session(&alice, None, None, at(0), HOUR).await.unwrap();
    let (_, second) = directory.start_session(&alice, Some(&first), None, at(1), HOUR).await.unwrap();
    assert_ne!(first.expose(), second.expose());
    assert!(!lives(&directory, &first, 2).await && lives(&directory, &second, 2).await);
    let (_, bobs) = directory.start_session(&bob, Some(&second), None, at(2), HOUR).await.unwrap();
    assert!(!lives(&directory, &second, 3).await && lives(&directory, &bobs, 3).await);
    // A cookie that somebody made up is neither adopted nor in the way.
    let planted = Secret::new("gra_ss_planted");
    let (_, fresh) = directory.start_session(&alice, Some(&planted), None, at(3), HOUR).await.unwrap();
    assert!(!lives(&directory, &planted, 4).await && lives(&directory, &fresh, 4).await);
}

/// P05, P07: what takes a user's sessions from him takes all of them, and nothing gives them back.
#[tokio::test]
async fn whatever_ends_all_sessions_ends_them_for_good() {
    let who = subject("alice");
    for deed in ["password", "import", "disable", "admin", "accounts", "end all", "delete"] {
        let (_, directory) = directory();
        create(&directory, "alice", "pw").await;
        let bob = create(&directory, "bob", "pw").await;
        let (_, bobs) = directory.start_session(&bob, None, None, at(0), HOUR).await.unwrap();
        let cookies = [start(&directory, 0).await, start(&directory, 0).await];
        match deed {
            "password" => drop(directory.set_password(&who, &Secret::new("pw")).await.unwrap().unwrap()),
            "import" => {
                let new = crate::new_user("alice", Some("new"));
                directory.put_user(&new, at(1)).await.unwrap().unwrap();
            }
            "disable" => {
                directory.disable_user(&who, at(1)).await.unwrap().unwrap();
                assert!(!lives(&directory, &cookies[0], 1).await);
                directory.enable_user(&who, at(1)).await.unwrap().unwrap();
            }
            "admin" => drop(directory.update_user(&who, |p| p.admin = true).await.unwrap().unwrap()),
            "accounts" => {
                let membership =
                    Membership { id: AccountId::parse("35").unwrap(), role: "manager".to_owned() };
                directory.update_user(&who, |p| p.accounts.push(membership.clone())).await.unwrap().unwrap();
            }
            "end all" => drop(directory.end_all_sessions(&who).await.unwrap().unwrap()),
            "delete" => directory.delete_user(&who, at(1)).await.unwrap().unwrap(),
            other => panic!("{other}"),
        }
        for cookie in &cookies {
            assert!(!lives(&directory, cookie, 1).await, "{deed}");
        }
        assert_eq!(directory.sessions(&who, at(1)).await.unwrap(), SessionList::default(), "{deed}");
        assert!(lives(&directory, &bobs, 1).await, "{deed} of alice ended bob's session");
    }
}

#[tokio::test]
async fn a_login_with_a_password_that_changes_meanwhile_gives_no_session() {
    let (_, directory) = directory();
    create(&directory, "alice", "stolen").await;
    let thief = directory.authenticate("alice", &Secret::new("stolen"), at(0)).await.unwrap().unwrap();
    directory.set_password(&subject("alice"), &Secret::new("new")).await.unwrap().unwrap();
    let (_, cookie) = directory.start_session(&thief, None, None, at(1), HOUR).await.unwrap();
    assert!(!lives(&directory, &cookie, 1).await);
}

#[tokio::test]
async fn a_session_started_for_a_disabled_user_never_comes_alive() {
    let (_, directory) = directory();
    create(&directory, "alice", "pw").await;
    directory.disable_user(&subject("alice"), at(0)).await.unwrap().unwrap();
    let cookie = start(&directory, 1).await;
    assert!(!lives(&directory, &cookie, 1).await);
    directory.enable_user(&subject("alice"), at(2)).await.unwrap().unwrap();
    assert!(!lives(&directory, &cookie, 2).await);
}

/// P13: absolute lifetime, to the second, and no use of the session moves it.
#[tokio::test]
async fn a_session_ends_when_its_time_is_over() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    let cookie = start(&directory, 0).await;
    let puts = store.puts();
    assert!(lives(&directory, &cookie, 3599).await);
    assert!(!lives(&directory, &cookie, 3600).await);
    assert_eq!(directory.sessions(&subject("alice"), at(3600)).await.unwrap(), SessionList::default());
    assert_eq!(
        store.puts() - puts,
        1,
        "without an idle limit last_seen is written four times an hour at most"
    );
}

/// P13: idle lifetime.
#[tokio::test]
async fn a_session_ends_when_it_is_not_used() {
    let (store, directory) = directory_with(Settings { idle: Some(Lifetime::seconds(600)), ..settings() });
    create(&directory, "alice", "pw").await;
    let (used, unused) = (start(&directory, 0).await, start(&directory, 0).await);
    let puts = store.puts();
    for now in 1..=300 {
        assert!(lives(&directory, &used, now).await);
    }
    assert_eq!(store.puts() - puts, 5, "last_seen is written once a minute");
    assert!(lives(&directory, &used, 899).await, "use did not prolong it");
    assert!(!lives(&directory, &unused, 600).await);
    assert!(!lives(&directory, &used, 899 + 600).await);
    let (kept, mut now) = (start(&directory, 2000).await, 2000);
    while now < 2000 + 3600 {
        assert!(lives(&directory, &kept, now).await);
        now += 500;
    }
    assert!(!lives(&directory, &kept, 2000 + 3600).await, "use prolonged it beyond its absolute end");
}

#[tokio::test]
async fn an_idle_limit_of_a_second_works() {
    let (_, directory) = directory_with(Settings { idle: Some(Lifetime::seconds(1)), ..settings() });
    let alice = create(&directory, "alice", "pw").await;
    let (_, cookie) = directory.start_session(&alice, None, None, at(0), HOUR).await.unwrap();
    let millis = |n| grantor_core::Time::from_unix_millis(at(0).unix_millis() + n);
    for n in [500, 1000, 1499, 1999] {
        assert!(directory.find_session(&cookie, millis(n)).await.unwrap().is_some(), "{n}");
    }
    assert!(directory.find_session(&cookie, millis(2999)).await.unwrap().is_none());
}

#[tokio::test]
async fn garbage_costs_no_read() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    let cookie = start(&directory, 0).await;
    let gets = store.gets();
    let browser = BrowserCookie::mint().unwrap();
    for text in ["", "gra_ss_", "x", &cookie.expose().to_ascii_lowercase(), browser.secret().expose()] {
        assert!(!lives(&directory, &Secret::new(text), 0).await);
        directory.end_session(&Secret::new(text)).await.unwrap();
    }
    assert_eq!(store.gets(), gets);
    // Well formed and unknown: the same answer, for one read.
    assert!(!lives(&directory_with(settings()).1, &cookie, 0).await);
}

#[tokio::test]
async fn a_user_sees_his_live_sessions_however_many() {
    let (_, directory) = directory();
    let bob = create(&directory, "bob", "pw").await;
    create(&directory, "alice", "pw").await;
    directory.start_session(&bob, None, None, at(0), HOUR).await.unwrap();
    let mut cookies = Vec::new();
    for now in 0..205 {
        cookies.push(start(&directory, now).await);
    }
    directory.end_session(&cookies[7]).await.unwrap();
    let SessionList { sessions, more } = directory.sessions(&subject("alice"), at(300)).await.unwrap();
    assert_eq!((sessions.len(), more), (204, false));
    let oldest = sessions.last().unwrap();
    assert_eq!((oldest.authenticated_at, oldest.last_seen, oldest.expires_at), (at(0), at(0), at(3600)));
    let begun: Vec<_> = sessions.iter().map(|session| session.authenticated_at).collect();
    assert!(begun.is_sorted_by(|a, b| a > b), "the newest come first");
    assert!(!begun.contains(&at(7)));
}

#[derive(Debug, Clone)]
enum Op {
    Start,
    Relogin(usize),
    End(usize),
    EndAll,
    EndOthers(usize),
    Password,
    ChangePassword(usize),
    Admin(bool),
    Rename(u8),
    Disable,
    Enable,
    Delete,
    Pass(i64),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => Just(Op::Start),
        3 => (0..8_usize).prop_map(Op::Relogin),
        3 => (0..8_usize).prop_map(Op::End),
        1 => Just(Op::EndAll),
        2 => (0..8_usize).prop_map(Op::EndOthers),
        1 => Just(Op::Password),
        2 => (0..8_usize).prop_map(Op::ChangePassword),
        1 => any::<bool>().prop_map(Op::Admin),
        1 => any::<u8>().prop_map(Op::Rename),
        1 => Just(Op::Disable),
        2 => Just(Op::Enable),
        1 => Just(Op::Delete),
        6 => (1..900_i64).prop_map(Op::Pass),
    ]
}

/// What a session should be: when it was started and last written as seen, and whether anything ended it.
struct Model {
    cookie: Secret,
    started: i64,
    seen: i64,
    ended: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// A session lives exactly until something ends it, and no sequence of operations makes an ended one valid again.
    #[test]
    fn what_has_ended_stays_ended(ops in prop::collection::vec(op(), 1..40), idle in prop::option::of(Just(600_i64))) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let limit = idle.map(|seconds| Lifetime::seconds(seconds.unsigned_abs()));
            let (_, directory) = directory_with(Settings { idle: limit, ..settings() });
            let mut password = Secret::new("password");
            let mut user = Some(create(&directory, "alice", "password").await);
            let mut root = new_user("root", None);
            root.profile.admin = true;
            directory.create_user(&root, at(0)).await.unwrap().unwrap();
            let who = subject("alice");
            let (mut now, mut active, mut admin) = (0, true, false);
            let mut sessions: Vec<Model> = Vec::new();
            for op in ops {
                let mut end_all = false;
                match op {
                    Op::Start | Op::Relogin(_) => if let Some(user) = &user {
                        let old = if let Op::Relogin(n) = op { sessions.get_mut(n) } else { None };
                        let replaces = old.map(|old| { old.ended = true; old.cookie.clone() });
                        let (_, cookie) = directory.start_session(user, replaces.as_ref(), None, at(now), HOUR).await.unwrap();
                        sessions.push(Model { cookie, started: now, seen: now, ended: !active });
                    },
                    Op::End(n) => if let Some(session) = sessions.get_mut(n) {
                        directory.end_session(&session.cookie).await.unwrap();
                        session.ended = true;
                    },
                    Op::EndAll => end_all = directory.end_all_sessions(&who).await.unwrap().is_ok(),
                    Op::EndOthers(n) => if let Some(kept) = sessions.get(n) {
                        let done = directory.end_other_sessions(&who, &kept.cookie, at(now)).await.unwrap();
                        prop_assert_eq!(done, !kept.ended);
                        for (at, session) in sessions.iter_mut().enumerate() {
                            session.ended |= done && at != n;
                        }
                    },
                    Op::Password => {
                        password = Secret::new("password");
                        end_all = directory.set_password(&who, &password).await.unwrap().is_ok();
                    }
                    Op::ChangePassword(n) => if let Some(old) = sessions.get(n) {
                        let new = Secret::new(format!("{}+", password.expose()));
                        let change = PasswordChange { user: &who, current: &password, new: &new, cookie: &old.cookie };
                        let changed = directory.change_password(&change, at(now), HOUR).await.unwrap();
                        prop_assert_eq!(changed.is_ok(), !old.ended);
                        if let Ok((_, cookie)) = changed {
                            password = new;
                            sessions.iter_mut().for_each(|session| session.ended = true);
                            sessions.push(Model { cookie, started: now, seen: now, ended: false });
                        }
                    },
                    Op::Admin(to) => {
                        let updated = directory.update_user(&who, |p| p.admin = to).await.unwrap().is_ok();
                        end_all = updated && admin != to;
                        admin = to;
                    }
                    Op::Rename(n) => drop(directory.update_user(&who, |p| p.name = Some(n.to_string())).await.unwrap()),
                    Op::Disable => {
                        end_all = directory.disable_user(&who, at(now)).await.unwrap().is_ok();
                        active = false;
                    }
                    Op::Enable => active = directory.enable_user(&who, at(now)).await.unwrap().is_ok(),
                    Op::Delete => {
                        end_all = directory.delete_user(&who, at(now)).await.unwrap().is_ok();
                        active = false;
                    }
                    Op::Pass(seconds) => now += seconds,
                }
                user = directory.user(&who).await.unwrap();
                for session in &mut sessions {
                    session.ended |= end_all || now >= session.started + 3600;
                    session.ended |= idle.is_some_and(|idle| now >= session.seen + idle);
                    let found = directory.find_session(&session.cookie, at(now)).await.unwrap();
                    prop_assert_eq!(found.is_some(), !session.ended);
                    if now - session.seen >= 60 && !session.ended {
                        session.seen = now;
                    }
                }
            }
            Ok(())
        })?;
    }
}
