//! Every order of the store operations of two calls. The store yields before each operation, so one poll is one
//! operation, and a number's bits say whose turn it is.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use grantor_core::{Lifetime, Secret};
use grantor_directory::{
    AccountProfile, AccountRefused, CredentialRefused, Imported, Settings, UserRefused, UserState,
};

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
            directory.start_session(&alice, None, at(1), HOUR),
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
        let (_, cookie) = run(directory.start_session(&alice, None, at(0), HOUR)).unwrap();
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
