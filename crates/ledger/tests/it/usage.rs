//! What clients are issued, by day.

use std::sync::atomic::Ordering;

use grantor_core::ClientId;
use grantor_core::client::GrantType;
use grantor_ledger::Day;
use grantor_store::Fault;

use crate::support::{World, issue};

const DAY: i64 = 86_400;

fn web() -> ClientId {
    "web".parse().unwrap()
}

async fn today(world: &World) -> u64 {
    // Another server sees only what is written.
    let written = world.another().usage(&web(), 1).await.unwrap();
    written[0].total()
}

#[tokio::test(start_paused = true)]
async fn several_servers_add_up_by_day_and_grant_type() {
    let world = World::new();
    let other = world.another();
    for _ in 0..20 {
        issue(&world.ledger, "web", GrantType::AuthorizationCode);
        issue(&other, "web", GrantType::RefreshToken);
        tokio::join!(world.ledger.flush(), other.flush());
    }
    world.clock.pass(DAY);
    issue(&other, "web", GrantType::RefreshToken);
    issue(&other, "another", GrantType::RefreshToken);
    other.flush().await;
    let days = world.ledger.usage(&web(), 3).await.unwrap();
    assert_eq!(days.iter().map(|day| day.total()).collect::<Vec<_>>(), [0, 40, 1]);
    assert_eq!(days[1].issued[&GrantType::AuthorizationCode], 20);
    assert_eq!(days[1].issued[&GrantType::RefreshToken], 20);
    let today = Day::of(world.ledger.now());
    assert_eq!(days.iter().map(|day| day.day).collect::<Vec<_>>(), [today.before(2), today.before(1), today]);
}

#[tokio::test(start_paused = true)]
async fn what_is_counted_shows_at_once_and_is_written_by_itself() {
    let world = World::new();
    issue(&world.ledger, "web", GrantType::ClientCredentials);
    assert_eq!(world.ledger.usage(&web(), 1).await.unwrap()[0].total(), 1);
    assert_eq!(today(&world).await, 0);
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    assert_eq!(today(&world).await, 1);
    assert_eq!(world.ledger.usage(&web(), 1).await.unwrap()[0].total(), 1, "and not twice");
}

#[tokio::test(start_paused = true)]
async fn thirty_days_cost_one_list_and_at_most_thirty_reads() {
    let world = World::new();
    for _ in 0..50 {
        issue(&world.ledger, "web", GrantType::ClientCredentials);
        world.ledger.flush().await;
        world.clock.pass(DAY);
    }
    let (gets, lists) = world.counted();
    let days = world.ledger.usage(&web(), 30).await.unwrap();
    assert_eq!((days.len(), days.iter().map(|day| day.total()).sum()), (30, 29_u64), "today there was none");
    assert_eq!((gets.load(Ordering::SeqCst), lists.load(Ordering::SeqCst)), (29, 1));
    assert_eq!(world.ledger.usage(&web(), 0).await.unwrap().len(), 1);
    assert_eq!(world.ledger.usage(&web(), u32::MAX).await.unwrap().len(), 62);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_counts_nothing_twice_and_nothing_is_lost_unsaid() {
    for (fault, written, uncounted) in
        [(Fault::Refuse, 3, 0), (Fault::LoseAnswer, 3, 0), (Fault::LoseRequest, 0, 3)]
    {
        let world = World::new();
        (0..3).for_each(|_| issue(&world.ledger, "web", GrantType::ClientCredentials));
        world.faults.script_puts([Some(fault)]);
        world.ledger.flush().await;
        assert_eq!(world.faults.injected(), 1);
        world.ledger.flush().await;
        let found = (today(&world).await, world.ledger.tokens_uncounted());
        assert_eq!(found, (written, uncounted), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_comes_back_gets_what_was_counted_meanwhile() {
    let world = World::new();
    world.faults.always(Fault::Refuse);
    for _ in 0..5 {
        issue(&world.ledger, "web", GrantType::ClientCredentials);
        tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    }
    assert!(world.faults.injected() > 0);
    world.faults.none();
    world.ledger.flush().await;
    assert_eq!((today(&world).await, world.ledger.tokens_uncounted()), (5, 0));
}
