//! How entries get into the trail.

use std::collections::BTreeSet;

use grantor_core::grant::RevocationCause;
use grantor_core::{Event, GrantId, Reason, Refusal, SubjectId};
use grantor_directory::{DirectoryEvent, DirectoryObserver, DirectoryRefusal, LoginReason};
use grantor_engine::{Observer, Operation};
use grantor_ledger::{Actor, Entry, EntryKind, Filter};
use grantor_store::{Fault, Store as _};

use crate::support::{World, issue};

// W04
#[tokio::test(start_paused = true)]
async fn what_an_engine_tells_is_in_the_trail_newest_first() {
    let world = World::new();
    let (grant, client) = (GrantId::from_bytes([7; 16]), "web".parse().unwrap());
    let alice: SubjectId = "alice".parse().unwrap();
    let approved = Event::RequestApproved {
        grant,
        client: "web".parse().unwrap(),
        subject: alice.clone(),
        scope: "read write".parse().unwrap(),
    };
    Observer::happened(&world.ledger, &approved);
    world.clock.pass(1);
    Observer::refused(
        &world.ledger,
        Operation::Token,
        &Refusal::new(Reason::CodeReplayed).by(&client).on(grant),
    );
    world.clock.pass(1);
    let cause = RevocationCause::CodeReplayed;
    let revoked = Event::GrantRevoked { grant, client: client.clone(), subject: alice.clone(), cause };
    Observer::happened(&world.ledger, &revoked);
    world.clock.pass(1);
    Observer::happened(
        &world.ledger,
        &Event::RequestDenied { client: client.clone(), subject: alice.clone() },
    );
    world.clock.pass(1);
    Observer::happened(&world.ledger, &Event::AccessTokenRevoked { grant });
    world.ledger.flush().await;

    let all = world.all(&Filter::default(), 2).await;
    let told: Vec<_> = all.iter().map(|kept| (kept.entry.kind, kept.entry.grant.is_some())).collect();
    assert_eq!(
        told,
        [
            (EntryKind::AccessTokenRevoked, true),
            (EntryKind::RequestDenied, false),
            (EntryKind::GrantRevoked, true),
            (EntryKind::CodeReplayed, true),
            (EntryKind::RequestApproved, true),
        ]
    );
    let first = &all[4].entry;
    assert_eq!(first.by, Some(Actor::Person(alice.clone())));
    assert_eq!(first.detail.as_ref().map(|detail| detail.as_str()), Some("read write"));
    assert_eq!(all[2].entry.detail.as_ref().map(|detail| detail.as_str()), Some("code_replayed"));
    assert_eq!(all[2].entry.subject.as_ref(), Some(&alice));
    assert_eq!(all[3].entry.by, Some(Actor::Client(client)));
    assert_eq!(all[3].entry.detail.as_ref().map(|detail| detail.as_str()), Some("CodeReplayed"));
}

// W04
#[tokio::test(start_paused = true)]
async fn what_a_directory_tells_is_in_the_trail_and_names_nobody_who_is_not_there() {
    let world = World::new();
    let alice: SubjectId = "alice".parse().unwrap();
    DirectoryObserver::happened(&world.ledger, &DirectoryEvent::LoggedIn { user: alice.clone() });
    world.clock.pass(1);
    for user in [Some(alice.clone()), None] {
        let reason = LoginReason::WrongPassword;
        DirectoryObserver::refused(&world.ledger, &DirectoryRefusal::Login { user, reason });
        world.clock.pass(1);
    }
    DirectoryObserver::happened(&world.ledger, &DirectoryEvent::AllSessionsEnded { user: alice.clone() });
    world.ledger.flush().await;
    let all = world.all(&Filter::default(), 10).await;
    let told: Vec<_> = all.iter().map(|kept| (kept.entry.kind, kept.entry.subject.clone())).collect();
    assert_eq!(
        told,
        [
            (EntryKind::SessionEnded, Some(alice.clone())),
            (EntryKind::LoginFailed, None),
            (EntryKind::LoginFailed, Some(alice.clone())),
            (EntryKind::LoggedIn, Some(alice.clone())),
        ]
    );
    assert_eq!(
        (&all[3].entry.by, &all[2].entry.by),
        (&Some(Actor::Person(alice)), &None),
        "who knows whose hands"
    );
}

#[tokio::test(start_paused = true)]
async fn daily_business_is_no_entry() {
    let world = World::new();
    let (grant, client) = (GrantId::from_bytes([7; 16]), "web".parse().unwrap());
    issue(&world.ledger, "web", grantor_core::client::GrantType::RefreshToken);
    Observer::happened(&world.ledger, &Event::CodeRedeemed { grant, client });
    for reason in Reason::ALL {
        let is_replay = matches!(reason, Reason::CodeReplayed | Reason::RefreshTokenReplayed);
        if !is_replay {
            Observer::refused(&world.ledger, Operation::Token, &Refusal::new(*reason));
        }
    }
    world.ledger.flush().await;
    assert_eq!(world.kinds().await, []);
}

#[tokio::test(start_paused = true)]
async fn what_says_the_same_at_once_is_one_record() {
    let world = World::new();
    for _ in 0..1_000 {
        world.ledger.note(Entry::new(EntryKind::LoginFailed, world.ledger.now()));
    }
    world.ledger.note(world.about("web"));
    world.ledger.flush().await;
    let all = world.all(&Filter::default(), 10).await;
    let mut told: Vec<_> = all.iter().map(|kept| (kept.entry.kind, kept.entry.times)).collect();
    told.sort();
    assert_eq!(told, [(EntryKind::LoginFailed, 1_000), (EntryKind::ClientChanged, 1)]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_store_that_is_away_and_the_trail_says_what_is_missing() {
    const NOTED: usize = 3_000;
    let world = World::new();
    world.faults.always(Fault::Refuse);
    for n in 0..NOTED {
        world.ledger.note(world.about(&format!("client-{n}")));
    }
    let lost = usize::try_from(world.ledger.entries_lost()).unwrap();
    assert!(lost > 0 && lost < NOTED, "{lost}");
    // The writer finds out that the store is away.
    tokio::time::advance(std::time::Duration::from_secs(30)).await;
    world.faults.none();
    world.ledger.flush().await;
    let all = world.all(&Filter::default(), 100).await;
    let clients: BTreeSet<_> = all.iter().filter_map(|kept| kept.entry.client.clone()).collect();
    assert_eq!(clients.len(), NOTED - lost, "each that was taken is there");
    let missing: Vec<_> = all.iter().filter(|kept| kept.entry.kind == EntryKind::EntriesLost).collect();
    assert_eq!(missing.iter().map(|kept| kept.entry.times).sum::<u64>(), lost as u64);
    assert_eq!(all.len(), clients.len() + missing.len(), "each is there once");
}

#[tokio::test(start_paused = true)]
async fn an_entry_whose_answer_was_lost_is_there_once() {
    for fault in Fault::ALL {
        let world = World::new();
        world.faults.script_puts([Some(fault), Some(fault)]);
        world.ledger.note(world.about("web"));
        world.ledger.flush().await;
        assert!(world.faults.injected() > 0);
        assert_eq!(world.kinds().await, [EntryKind::ClientChanged], "{fault:?}");
    }
}

// P20
#[tokio::test]
async fn what_an_operator_does_is_written_before_he_is_told() {
    let world = World::new();
    let act = |n| world.about(n).by(Actor::Operator("root".parse().unwrap())).detail("client.delete");
    let id = world.ledger.record(act("a")).await.unwrap();
    let page = world.ledger.trail(&Filter::default(), None, 10).await.unwrap();
    assert_eq!(page.entries.iter().map(|kept| kept.id).collect::<Vec<_>>(), [id]);
    world.faults.script_puts([Some(Fault::LoseAnswer)]);
    world.ledger.record(act("b")).await.unwrap();
    for fault in [Fault::Refuse, Fault::LoseRequest] {
        world.faults.script_puts([Some(fault)]);
        assert!(world.ledger.record(act("c")).await.is_err(), "{fault:?}");
    }
    world.faults.none();
    let by = Filter { by: Some(Actor::Operator("root".parse().unwrap())), ..Filter::default() };
    assert_eq!(world.all(&by, 10).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_written_when_the_last_handle_is_gone() {
    let world = World::new();
    let reader = world.another();
    world.ledger.note(world.about("web"));
    issue(&world.ledger, "web", grantor_core::client::GrantType::ClientCredentials);
    drop(world.ledger);
    // As soon as there is nothing else to do, the clock jumps past the lingering.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(reader.trail(&Filter::default(), None, 10).await.unwrap().entries.len(), 1);
    assert_eq!(reader.usage(&"web".parse().unwrap(), 1).await.unwrap()[0].total(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_kept_as_long_as_is_set_and_no_longer() {
    let day = grantor_core::Lifetime::seconds(86_400);
    let keep = |keep| grantor_ledger::Settings { keep, ..Default::default() };
    for (kept, left) in [(Some(day), 0), (None, 1)] {
        let world = World::with(keep(kept));
        world.ledger.record(world.about("web")).await.unwrap();
        let now = grantor_engine::Clock::now(&*world.clock);
        assert_eq!(world.store.purge(now + day, 10).await.unwrap(), 0);
        world.clock.pass(1);
        world.store.purge(grantor_engine::Clock::now(&*world.clock) + day, 10).await.unwrap();
        assert_eq!(world.kinds().await.len(), left, "{kept:?}");
    }
}
