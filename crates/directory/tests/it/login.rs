use std::collections::BTreeSet;
use std::sync::Arc;

use grantor_core::{Lifetime, Secret};
use grantor_directory::{Directory, HashCost, LoginReason, Settings};

use crate::store::Fate;
use crate::{at, create, directory, key, logs_in, new_user, settings, subject};

/// P03, P04: who exists shows neither in what a refusal says nor in what it costs.
#[tokio::test]
async fn every_refusal_reads_the_same_and_costs_the_same_hash() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    create(&directory, "off", "pw").await;
    create(&directory, "gone", "pw").await;
    directory.create_user(&new_user("keyless", None), at(0)).await.unwrap().unwrap();
    directory.disable_user(&subject("off"), at(0)).await.unwrap().unwrap();
    directory.delete_user(&subject("gone"), at(0)).await.unwrap().unwrap();

    let mut sentences = BTreeSet::new();
    for (name, password, reason) in [
        ("nobody", "pw", LoginReason::UnknownUser),
        ("gone", "pw", LoginReason::UnknownUser),
        ("not a name", "pw", LoginReason::UnknownUser),
        ("alice", "wrong", LoginReason::WrongPassword),
        ("off", "wrong", LoginReason::WrongPassword),
        ("off", "pw", LoginReason::Disabled),
        ("keyless", "pw", LoginReason::NoPassword),
    ] {
        let (hashes, gets, puts) = (directory.hashes_computed(), store.gets(), store.puts());
        let refused = directory.authenticate(name, &Secret::new(password), at(0)).await.unwrap().unwrap_err();
        assert_eq!(refused.reason(), reason, "{name}");
        assert_eq!(directory.hashes_computed() - hashes, 1, "{name}");
        assert_eq!(
            (store.gets() - gets, store.puts() - puts),
            (usize::from(name != "not a name"), 0),
            "{name}"
        );
        sentences.insert(refused.to_string());
    }
    assert_eq!(sentences.len(), 1, "{sentences:?}");
}

/// P04: a huge password costs nothing, and none is cut.
#[tokio::test]
async fn a_password_is_bounded_and_counts_to_its_last_byte() {
    let (store, directory) = directory();
    let longest = "a".repeat(1024);
    create(&directory, "alice", &longest).await;
    assert!(logs_in(&directory, "alice", &longest).await);
    let last_differs = format!("{}b", "a".repeat(1023));
    for wrong in [last_differs, "a".repeat(1023), "a".repeat(72)] {
        assert!(!logs_in(&directory, "alice", &wrong).await);
    }
    let (hashes, gets) = (directory.hashes_computed(), store.gets());
    for name in ["alice", "nobody"] {
        for impossible in ["a".repeat(1025), "a".repeat(1 << 20), String::new()] {
            let refused =
                directory.authenticate(name, &Secret::new(impossible), at(0)).await.unwrap().unwrap_err();
            assert_eq!(refused.reason(), LoginReason::ImpossiblePassword);
        }
    }
    assert_eq!((directory.hashes_computed(), store.gets()), (hashes, gets));
}

#[tokio::test]
async fn an_old_hash_is_brought_up_to_date_once_and_ends_no_session() {
    let (store, old) = directory();
    let user = create(&old, "alice", "pw").await;
    let (_, cookie) = old.start_session(&user, None, None, at(0), Lifetime::seconds(60)).await.unwrap();
    let dearer = Settings { hash_cost: HashCost { memory_kib: 16, passes: 1, lanes: 1 }, ..settings() };
    let new = Directory::new(store.clone(), &key(), dearer).unwrap();

    assert!(!logs_in(&new, "alice", "wrong").await);
    assert!(store.body("user/alice").unwrap().contains("m=8,"), "a wrong password rewrote the hash");
    store.fate(&[Fate::NotApplied]);
    assert!(logs_in(&new, "alice", "pw").await, "a login failed for a rewrite it can do without");
    assert!(logs_in(&new, "alice", "pw").await);
    assert!(store.body("user/alice").unwrap().contains("m=16,"));

    let (hashes, puts) = (new.hashes_computed(), store.puts());
    assert!(logs_in(&new, "alice", "pw").await);
    assert_eq!((new.hashes_computed() - hashes, store.puts() - puts), (1, 0));
    assert!(new.find_session(&cookie, at(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn nothing_at_rest_and_nothing_printed_logs_anyone_in() {
    let (store, directory) = directory();
    let user = create(&directory, "alice", "hunter2hunter2").await;
    let (session, cookie) =
        directory.start_session(&user, None, None, at(0), Lifetime::seconds(60)).await.unwrap();
    let refused =
        directory.authenticate("alice", &Secret::new("hunter3hunter3"), at(0)).await.unwrap().unwrap_err();
    let seen = format!("{:?} {user:?} {session:?} {refused:?} {refused}", store.dump());
    let payload = cookie.expose().strip_prefix("gra_ss_").unwrap();
    for secret in ["hunter2", "hunter3", payload] {
        assert!(!seen.contains(secret));
    }
    let printed = format!("{user:?} {session:?} {refused:?} {refused}");
    assert!(!printed.contains("argon2"), "{printed}");
}

/// A flood of logins hashes no more at a time than it may, and every one of them is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_logins_is_answered() {
    let (_, directory) = crate::directory_with(Settings { parallel_hashes: 1, ..settings() });
    create(&directory, "alice", "pw").await;
    let flood = (0..32).map(|n| {
        let directory = Arc::clone(&directory);
        tokio::spawn(
            async move { logs_in(&directory, if n % 2 == 0 { "alice" } else { "nobody" }, "pw").await },
        )
    });
    let mut welcome = 0;
    for login in flood.collect::<Vec<_>>() {
        welcome += usize::from(login.await.unwrap());
    }
    assert_eq!((welcome, directory.hashes_computed()), (16, 33));
}
