//! Every order of the store operations of two calls. The store yields before each operation, so one poll is one
//! operation, and a number's bits say whose turn it is.

use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use grantor_core::{Lifetime, Secret, SubjectId};
use grantor_directory::{
    AccountProfile, AccountRefused, CredentialRefused, Directory, Imported, NewUser, PasswordChange,
    PasswordRefused, Settings, UserRefused, UserState,
};

use crate::store::TestStore;
use crate::{account_id, at, directory, directory_with, new_user, settings, subject};

const HOUR: Lifetime = Lifetime::seconds(3600);
/// More than the operations of any two calls below that do not start over; what is left after them runs unmixed.
const TURNS: u32 = 12;

fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}

/// Polls both to their end, in the order that `order` spells.
fn interleave<A, B>(order: u32, a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let mut context = Context::from_waker(Waker::noop());
    for turn in 0..TURNS {
        if order >> turn & 1 == 0 {
            if let Poll::Ready(a) = a.as_mut().poll(&mut context) {
                return (a, run(b));
            }
        } else if let Poll::Ready(b) = b.as_mut().poll(&mut context) {
            return (run(a), b);
        }
    }
    (run(a), run(b))
}

/// The like for calls that hash: a turn goes on to the next operation of the store, however long a hash takes.
fn interleave_operations<A, B>(
    store: &TestStore,
    order: u32,
    turns: u32,
    a: impl Future<Output = A>,
    b: impl Future<Output = B>,
) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let mut context = Context::from_waker(Waker::noop());
    for turn in 0..turns {
        let before = store.gets() + store.puts();
        while store.gets() + store.puts() == before {
            if order >> turn & 1 == 0 {
                if let Poll::Ready(a) = a.as_mut().poll(&mut context) {
                    return (a, run(b));
                }
            } else if let Poll::Ready(b) = b.as_mut().poll(&mut context) {
                return (run(a), b);
            }
        }
    }
    (run(a), run(b))
}

#[test]
fn of_two_creations_of_one_name_one_wins_in_every_order() {
    for order in 0..1 << TURNS {
        let (_, directory) = directory();
        let alice = new_user("alice", None);
        let (a, b) =
            interleave(order, directory.create_user(&alice, at(1)), directory.create_user(&alice, at(2)));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(a.is_ok() != b.is_ok(), "{order:b}");
        assert_eq!(a.and(b), Err(UserRefused::NameTaken));
    }
}

#[test]
fn of_two_creations_of_one_account_one_wins_in_every_order() {
    for order in 0..1 << TURNS {
        let (_, directory) = directory();
        let named = |name: &str| AccountProfile { name: Some(name.to_owned()), ..AccountProfile::default() };
        let (id, acme, other) = (account_id("35"), named("Acme"), named("Other"));
        let (a, b) = interleave(
            order,
            directory.create_account(&id, &acme, at(1)),
            directory.create_account(&id, &other, at(2)),
        );
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(a.is_ok() != b.is_ok(), "{order:b}");
        let stands = run(directory.account(&id)).unwrap().unwrap();
        assert_eq!(a.as_ref().or(b.as_ref()), Ok(&stands), "{order:b}");
        assert_eq!(a.and(b), Err(AccountRefused::IdTaken));
    }
}

/// Neither a change nor an import of a deleted account brings it back.
#[test]
fn an_account_being_changed_while_it_is_deleted_is_deleted() {
    for order in 0..1 << TURNS {
        let (_, directory) = directory();
        let (id, on) =
            (account_id("35"), AccountProfile { oauth_enabled: true, ..AccountProfile::default() });
        run(directory.create_account(&id, &AccountProfile::default(), at(0))).unwrap().unwrap();
        let (gone, put) =
            interleave(order, directory.delete_account(&id, at(1)), directory.put_account(&id, &on, at(1)));
        gone.unwrap().unwrap();
        assert!(matches!(put.unwrap(), Ok(_) | Err(AccountRefused::IdRetired)), "{order:b}");
        assert_eq!(run(directory.account(&id)).unwrap(), None, "{order:b}");
    }
}

#[test]
fn disabling_and_enabling_at_once_leave_user_and_standing_of_one_mind() {
    let mut ends = [0; 2];
    for disabled_before in [false, true] {
        for order in 0..1 << TURNS {
            let (store, directory) = directory();
            run(directory.create_user(&new_user("alice", None), at(0))).unwrap().unwrap();
            if disabled_before {
                run(directory.disable_user(&subject("alice"), at(1))).unwrap().unwrap();
            }
            let who = subject("alice");
            let (off, on) =
                interleave(order, directory.disable_user(&who, at(2)), directory.enable_user(&who, at(3)));
            off.and(on).unwrap().unwrap();
            let suspended = store.body("standing/alice").unwrap().contains("suspended");
            let disabled = run(directory.user(&who)).unwrap().unwrap().state == UserState::Disabled;
            assert_eq!(suspended, disabled, "{order:b}");
            ends[usize::from(disabled)] += 1;
        }
    }
    assert!(ends.iter().all(|n| *n > 0), "not every order was tried: {ends:?}");
}

#[test]
fn a_deleted_user_stays_suspended_whatever_enabling_does_meanwhile() {
    for order in 0..1 << TURNS {
        let (store, directory) = directory();
        let who = subject("alice");
        run(directory.create_user(&new_user("alice", None), at(0))).unwrap().unwrap();
        let (gone, _) =
            interleave(order, directory.delete_user(&who, at(1)), directory.enable_user(&who, at(2)));
        gone.unwrap().unwrap();
        assert_eq!(run(directory.user(&who)).unwrap(), None);
        assert!(store.body("standing/alice").unwrap().contains("suspended"), "{order:b}");
    }
}

/// The login was before all sessions ended, so its session is dead, even if it is written last of all.
#[test]
fn a_session_being_started_does_not_slip_through() {
    for order in 0..1 << TURNS {
        let (_, directory) = directory();
        let who = subject("alice");
        let alice = run(directory.create_user(&new_user("alice", None), at(0))).unwrap().unwrap();
        let (started, ended) = interleave(
            order,
            directory.start_session(&alice, None, None, at(1), HOUR),
            directory.end_all_sessions(&who),
        );
        ended.unwrap().unwrap();
        let (_, cookie) = started.unwrap();
        assert!(run(directory.find_session(&cookie, at(2))).unwrap().is_none(), "{order:b}");
    }
}

/// P07: a request on its way that notes when the session was last seen does not undo the logout.
#[test]
fn a_session_in_use_while_it_ends_is_ended() {
    for order in 0..1 << TURNS {
        let (_, directory) = directory_with(Settings { idle: Some(HOUR), ..settings() });
        let alice = run(directory.create_user(&new_user("alice", None), at(0))).unwrap().unwrap();
        let (_, cookie) = run(directory.start_session(&alice, None, None, at(0), HOUR)).unwrap();
        let (found, ended) =
            interleave(order, directory.find_session(&cookie, at(90)), directory.end_session(&cookie));
        found.and(ended).unwrap();
        assert!(run(directory.find_session(&cookie, at(91))).unwrap().is_none(), "{order:b}");
    }
}

#[test]
fn of_two_users_given_one_session_token_one_has_it_in_every_order() {
    let token = Secret::new("letmein123");
    for order in 0..1 << TURNS {
        let (_, directory) = directory();
        let users = ["alice", "bob"];
        for name in users {
            run(directory.create_user(&new_user(name, None), at(0))).unwrap().unwrap();
        }
        let (a, b) = users.map(subject).into();
        let (a, b) = interleave(
            order,
            directory.put_session_token("p", &a, &token, at(1)),
            directory.put_session_token("p", &b, &token, at(1)),
        );
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(a.is_ok() != b.is_ok(), "{order:b}");
        let owner = run(directory.session_token_user("p", &token, at(2))).unwrap().unwrap().subject;
        assert_eq!(owner.as_str(), users[usize::from(b.is_ok())], "{order:b}");
        // The loser's hint dangles, and shows him nothing.
        let listed =
            |name| run(directory.session_tokens(Some(&subject(name)), None, 9, at(2))).unwrap().tokens;
        assert_eq!(users.map(|name| listed(name).len()), [usize::from(a.is_ok()), usize::from(b.is_ok())]);
        assert_eq!(a.and(b), Err(CredentialRefused::BelongsToAnother));
    }
}

/// An import that is under way while an operator ends the token does not undo it.
#[test]
fn a_session_token_ended_during_an_import_is_ended() {
    let token = Secret::new("letmein123");
    for order in 0..1 << TURNS {
        let (_, directory) = directory();
        let who = subject("alice");
        run(directory.create_user(&new_user("alice", None), at(0))).unwrap().unwrap();
        run(directory.put_session_token("p", &who, &token, at(0))).unwrap().unwrap();
        let id = run(directory.session_tokens(None, None, 1, at(0))).unwrap().tokens[0].id;
        let (ended, put) = interleave(
            order,
            directory.end_session_token(id, at(1)),
            directory.put_session_token("p", &who, &token, at(1)),
        );
        assert!(ended.unwrap(), "{order:b}");
        put.unwrap().ok();
        assert_eq!(run(directory.session_token_user("p", &token, at(2))).unwrap(), None, "{order:b}");
    }
}

#[test]
fn a_registration_key_put_twice_at_once_is_made_once_and_one_ended_meanwhile_is_ended() {
    let key = Secret::new("letmein123");
    for order in 0..1 << TURNS {
        let (_, directory) = directory();
        let put = |now| directory.put_registration_key("p", &key, at(now));
        let (a, b) = interleave(order, put(0), put(0));
        let made = [a, b].map(|put| put.unwrap().unwrap() == Imported::Created);
        assert!(made[0] != made[1], "{order:b}");
        let id = run(directory.registration_keys(None, 1, at(0))).unwrap().keys[0].id;
        let (ended, _) = interleave(order, directory.end_registration_key(id, at(1)), put(1));
        assert!(ended.unwrap(), "{order:b}");
        assert!(!run(directory.is_registration_key("p", &key, at(2))).unwrap(), "{order:b}");
    }
}

/// P20: two administrators remove each other. Whichever order, one of them remains, and is told that he is the last.
#[test]
fn of_two_administrators_who_remove_each_other_one_remains_in_every_order() {
    type Deed = fn(&Directory, SubjectId) -> Removal<'_>;
    let delete: Deed = |d, who| Box::pin(async move { d.delete_user(&who, at(1)).await.unwrap() });
    let disable: Deed =
        |d, who| Box::pin(async move { d.disable_user(&who, at(1)).await.unwrap().map(drop) });
    let update: Deed =
        |d, who| Box::pin(async move { d.update_user(&who, |p| p.admin = false).await.unwrap().map(drop) });
    for [first, second] in [[delete, delete], [disable, update]] {
        for order in 0..1 << TURNS {
            let (store, directory) = directory();
            for name in ["alice", "bob"] {
                run(directory.create_user(&new_admin(name), at(0))).unwrap().unwrap();
            }
            let (a, b) =
                interleave(order, first(&directory, subject("alice")), second(&directory, subject("bob")));
            assert!(a.is_ok() != b.is_ok(), "{order:b}: {a:?} {b:?}");
            assert_eq!(a.and(b), Err(UserRefused::LastAdministrator), "{order:b}");
            let remaining = if a.is_ok() { "bob" } else { "alice" };
            let left = run(directory.user(&subject(remaining))).unwrap().unwrap();
            assert!(left.profile.admin && left.state == UserState::Active, "{order:b}");
            let standing = store.body(&format!("standing/{remaining}"));
            assert!(standing.is_none_or(|standing| standing.contains("good")), "{order:b}: suspended");
        }
    }
}

type Removal<'a> = Pin<Box<dyn Future<Output = Result<(), UserRefused>> + 'a>>;

fn new_admin(name: &str) -> NewUser {
    let mut new = new_user(name, None);
    new.profile.admin = true;
    new
}

/// P20: one is being made an administrator, or enabled, while he is removed. Nobody who is none by then is ever taken for
/// one who remains.
#[test]
fn the_roster_never_names_one_who_is_no_administrator_in_any_order() {
    for disabled in [false, true] {
        for order in 0..1 << TURNS {
            let (store, directory) = directory();
            for name in ["alice", "root"] {
                run(directory.create_user(&new_admin(name), at(0))).unwrap().unwrap();
            }
            let who = subject("alice");
            if disabled {
                run(directory.disable_user(&who, at(1))).unwrap().unwrap();
            } else {
                // Still an administrator, and noted by whichever write of him comes next.
                store.sweep("administrators/all");
                run(directory.update_user(&subject("root"), |_| {})).unwrap().unwrap();
            }
            let join = async {
                match disabled {
                    true => directory.enable_user(&who, at(2)).await,
                    false => directory.update_user(&who, |p| p.admin = true).await,
                }
            };
            let (joined, left) = interleave(order, join, directory.update_user(&who, |p| p.admin = false));
            joined.and(left).unwrap().unwrap();
            let alice = run(directory.user(&who)).unwrap().unwrap();
            let noted = store.body("administrators/all").unwrap().contains("alice");
            assert!(!noted || alice.profile.admin, "{order:b}");
            // So whoever is left alone cannot go.
            let root = run(directory.delete_user(&subject("root"), at(3))).unwrap();
            assert_eq!(root.is_ok(), noted, "{order:b}");
        }
    }
}

/// Of two browsers that each end all others, at most one goes on; and no session is begun again by it that was over.
#[test]
fn of_two_that_end_each_other_at_most_one_goes_on_in_every_order() {
    let mut ends = [0; 3];
    for order in 0..1 << TURNS {
        let (_, directory) = directory();
        let alice = run(directory.create_user(&new_user("alice", None), at(0))).unwrap().unwrap();
        let begin = || run(directory.start_session(&alice, None, None, at(0), HOUR)).unwrap().1;
        let (a, b) = (begin(), begin());
        let who = subject("alice");
        let (first, second) = interleave(
            order,
            directory.end_other_sessions(&who, &a, at(1)),
            directory.end_other_sessions(&who, &b, at(1)),
        );
        let done = [first.unwrap(), second.unwrap()];
        let lives = [&a, &b].map(|cookie| run(directory.find_session(cookie, at(2))).unwrap().is_some());
        assert!(lives != [true, true], "{order:b}");
        assert!((0..2).all(|n| done[n] || !lives[n]), "{order:b}");
        ends[lives.iter().filter(|lives| **lives).count()] += 1;
    }
    assert!(ends[1] > 0, "{ends:?}");
}

/// An operator who ends all sessions ends also the one that is being spared.
#[test]
fn a_session_that_is_being_spared_while_all_are_ended_is_over() {
    for order in 0..1 << TURNS {
        let (_, directory) = directory();
        let alice = run(directory.create_user(&new_user("alice", None), at(0))).unwrap().unwrap();
        let cookie = run(directory.start_session(&alice, None, None, at(0), HOUR)).unwrap().1;
        let who = subject("alice");
        let (spared, ended) = interleave(
            order,
            directory.end_other_sessions(&who, &cookie, at(1)),
            directory.end_session(&cookie),
        );
        spared.map(drop).and(ended).unwrap();
        assert!(run(directory.find_session(&cookie, at(2))).unwrap().is_none(), "{order:b}: logged out");

        let cookie = run(directory.start_session(
            &run(directory.user(&who)).unwrap().unwrap(),
            None,
            None,
            at(0),
            HOUR,
        ));
        let cookie = cookie.unwrap().1;
        let (spared, ended) = interleave(
            order,
            directory.end_other_sessions(&who, &cookie, at(1)),
            directory.end_all_sessions(&who),
        );
        ended.unwrap().unwrap();
        let over = run(directory.find_session(&cookie, at(2))).unwrap().is_none();
        // Alive only if its user spared it after all had ended, which he could not: it was over by then.
        assert!(over, "{order:b}: {spared:?}");
    }
}

/// Two changes of one password, from the same old one: one of them is it, and the other is told so.
#[test]
fn of_two_changes_of_one_password_one_wins_in_every_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _guard = runtime.enter();
    let mut told = [0; 2];
    for order in 0..1 << 9 {
        let (store, directory) = directory();
        let alice = run(directory.create_user(&new_user("alice", Some("pw")), at(0))).unwrap().unwrap();
        let begin = || run(directory.start_session(&alice, None, None, at(0), HOUR)).unwrap().1;
        let (a, b) = (begin(), begin());
        let who = subject("alice");
        let (current, news) = (Secret::new("pw"), ["first new one", "second new one"].map(Secret::new));
        let change = |cookie, new| PasswordChange { user: &who, current: &current, new, cookie };
        let (first, second) = (change(&a, &news[0]), change(&b, &news[1]));
        let (first, second) = interleave_operations(
            &store,
            order,
            9,
            directory.change_password(&first, at(1), HOUR),
            directory.change_password(&second, at(1), HOUR),
        );
        let (first, second) = (first.unwrap().map(|(_, c)| c), second.unwrap().map(|(_, c)| c));
        let (won, lost) = match (&first, &second) {
            (Ok(cookie), Err(refused)) | (Err(refused), Ok(cookie)) => (cookie, *refused),
            other => panic!("{order:b}: {:?}", (other.0.is_ok(), other.1.is_ok())),
        };
        // He was too late before his password was compared, or after.
        assert!(
            [PasswordRefused::WrongPassword, PasswordRefused::SessionEnded].contains(&lost),
            "{order:b}: {lost:?}"
        );
        told[usize::from(lost == PasswordRefused::SessionEnded)] += 1;
        assert!(run(directory.find_session(won, at(2))).unwrap().is_some(), "{order:b}");
        let wins = usize::from(second.is_ok());
        let accepted = |n: usize| run(directory.authenticate("alice", &news[n], at(2))).unwrap().is_ok();
        assert!(accepted(wins) && !accepted(1 - wins), "{order:b}");
    }
    assert!(told.iter().all(|n| *n > 0), "not every order was tried: {told:?}");
}
