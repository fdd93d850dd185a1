use grantor_core::{AccountId, Secret};
use grantor_directory::{Imported, InvalidPassword, Membership, UserRefused, UserState};

use crate::{at, create, directory, logs_in, new_user, subject};

#[tokio::test]
async fn a_user_is_found_by_any_spelling_and_made_once() {
    let (_, directory) = directory();
    let made = create(&directory, "Alice", "pw").await;
    assert_eq!((made.subject.as_str(), made.state, made.created_at), ("alice", UserState::Active, at(0)));
    assert_eq!(directory.user(&subject("alice")).await.unwrap(), Some(made));
    assert!(logs_in(&directory, "ALICE", "pw").await);
    let again = directory.create_user(&new_user("aLICE", Some("other")), at(1)).await.unwrap();
    assert_eq!(again, Err(UserRefused::NameTaken));
    assert!(!logs_in(&directory, "alice", "other").await);
}

#[tokio::test]
async fn a_deleted_user_leaves_a_name_that_nobody_gets_and_no_personal_data() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    directory.delete_user(&subject("alice"), at(1)).await.unwrap().unwrap();

    assert_eq!(directory.user(&subject("alice")).await.unwrap(), None);
    let tombstone = store.body("user/alice").unwrap();
    assert!(!tombstone.contains("example.test") && !tombstone.contains("argon2"), "{tombstone}");
    assert_eq!(store.body("standing/alice").unwrap(), r#"{"v":1,"state":"suspended","since":1700000001000}"#);
    assert!(!logs_in(&directory, "alice", "pw").await);

    let refused = Err(UserRefused::NameRetired);
    assert_eq!(directory.create_user(&new_user("Alice", None), at(2)).await.unwrap(), refused);
    assert_eq!(
        directory.put_user(&new_user("alice", Some("pw")), at(2)).await.unwrap().map(|_| ()),
        refused.map(|_| ())
    );
    let gone = Err(UserRefused::NoSuchUser);
    assert_eq!(directory.enable_user(&subject("alice"), at(2)).await.unwrap(), gone);
    assert_eq!(directory.disable_user(&subject("alice"), at(2)).await.unwrap(), gone);
    assert_eq!(directory.update_user(&subject("alice"), |_| {}).await.unwrap(), gone);
    assert_eq!(directory.set_password(&subject("alice"), &Secret::new("new")).await.unwrap(), gone);
    assert_eq!(directory.delete_user(&subject("alice"), at(2)).await.unwrap(), Err(UserRefused::NoSuchUser));
    assert_eq!(store.body("user/alice").unwrap(), tombstone);
}

#[tokio::test]
async fn nothing_is_written_of_a_user_who_never_was() {
    let (store, directory) = directory();
    let nobody = subject("nobody");
    assert_eq!(directory.disable_user(&nobody, at(0)).await.unwrap(), Err(UserRefused::NoSuchUser));
    assert_eq!(directory.enable_user(&nobody, at(0)).await.unwrap(), Err(UserRefused::NoSuchUser));
    assert_eq!(directory.delete_user(&nobody, at(0)).await.unwrap(), Err(UserRefused::NoSuchUser));
    // A suspension left behind would meet whoever gets the name later.
    assert_eq!(store.dump(), []);
}

#[tokio::test]
async fn disabling_suspends_and_enabling_restores_each_twice_as_well_as_once() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    for now in [1, 2] {
        let user = directory.disable_user(&subject("alice"), at(now)).await.unwrap().unwrap();
        assert_eq!(user.state, UserState::Disabled);
        assert!(!logs_in(&directory, "alice", "pw").await);
        assert_eq!(
            store.body("standing/alice").unwrap(),
            r#"{"v":1,"state":"suspended","since":1700000001000}"#
        );
    }
    for now in [3, 4] {
        let user = directory.enable_user(&subject("alice"), at(now)).await.unwrap().unwrap();
        assert_eq!(user.state, UserState::Active);
        assert!(logs_in(&directory, "alice", "pw").await);
        assert!(store.body("standing/alice").unwrap().contains(r#""state":"good""#));
    }
}

#[tokio::test]
async fn importing_twice_changes_nothing_the_second_time() {
    let (store, directory) = directory();
    let mut alice = new_user("alice", Some("pw"));
    let put = async |user: &_| directory.put_user(user, at(0)).await.unwrap().unwrap();
    assert_eq!(put(&alice).await, Imported::Created);
    let (before, puts) = (store.dump(), store.puts());
    assert_eq!(put(&alice).await, Imported::Unchanged);
    assert_eq!((store.dump(), store.puts()), (before, puts));

    alice.profile.name = Some("Alice".to_owned());
    assert_eq!(put(&alice).await, Imported::Updated);
    assert_eq!(put(&alice).await, Imported::Unchanged);
    assert_eq!(directory.user(&subject("alice")).await.unwrap().unwrap().profile, alice.profile);

    alice.password = Some(Secret::new("new"));
    assert_eq!(put(&alice).await, Imported::Updated);
    assert!(logs_in(&directory, "alice", "new").await && !logs_in(&directory, "alice", "pw").await);

    alice.password = None;
    assert_eq!(put(&alice).await, Imported::Unchanged);
    assert!(logs_in(&directory, "alice", "new").await);

    directory.disable_user(&subject("alice"), at(1)).await.unwrap().unwrap();
    alice.profile.name = None;
    assert_eq!(put(&alice).await, Imported::Updated);
    assert!(!logs_in(&directory, "alice", "new").await, "an import enabled a disabled user");
}

#[tokio::test]
async fn a_user_imported_without_a_password_gets_one_later() {
    let (_, directory) = directory();
    let put = async |user: &_| directory.put_user(user, at(0)).await.unwrap().unwrap();
    assert_eq!(put(&new_user("alice", None)).await, Imported::Created);
    assert!(!logs_in(&directory, "alice", "pw").await);
    assert_eq!(put(&new_user("alice", Some("pw"))).await, Imported::Updated);
    assert!(logs_in(&directory, "alice", "pw").await);
}

#[tokio::test]
async fn what_cannot_be_a_user_is_refused_before_it_costs_anything() {
    let (store, directory) = directory();
    create(&directory, "alice", "pw").await;
    let (hashes, puts) = (directory.hashes_computed(), store.puts());
    let empty = Err(UserRefused::InvalidPassword(InvalidPassword::Empty));
    let long = Err(UserRefused::InvalidPassword(InvalidPassword::TooLong { max: 1024 }));
    assert_eq!(directory.create_user(&new_user("bob", Some("")), at(0)).await.unwrap(), empty);
    assert_eq!(directory.create_user(&new_user("bob", Some(&"a".repeat(1025))), at(0)).await.unwrap(), long);
    assert_eq!(directory.set_password(&subject("alice"), &Secret::new("")).await.unwrap(), empty);
    assert_eq!(
        directory.set_password(&subject("alice"), &Secret::new("a".repeat(1 << 20))).await.unwrap(),
        long
    );
    let mut bob = new_user("bob", None);
    bob.profile.name = Some("a\nb".to_owned());
    assert!(matches!(directory.create_user(&bob, at(0)).await.unwrap(), Err(UserRefused::InvalidProfile(_))));
    assert!(matches!(directory.put_user(&bob, at(0)).await.unwrap(), Err(UserRefused::InvalidProfile(_))));
    let update = directory.update_user(&subject("alice"), |p| p.email = Some("\0".to_owned())).await.unwrap();
    assert!(matches!(update, Err(UserRefused::InvalidProfile(_))));
    assert_eq!((directory.hashes_computed(), store.puts()), (hashes, puts));
}

#[tokio::test]
async fn users_are_listed_page_by_page_without_the_deleted() {
    let (_, directory) = directory();
    for name in ["dora", "alice", "carol", "bob+1", "erin"] {
        directory.create_user(&new_user(name, None), at(0)).await.unwrap().unwrap();
    }
    directory.delete_user(&subject("carol"), at(1)).await.unwrap().unwrap();
    let (mut names, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = directory.users(None, after.as_ref(), 2).await.unwrap();
        assert!(page.users.len() <= 2);
        names.extend(page.users.iter().map(|user| user.subject.to_string()));
        pages += 1;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((names.join(" ").as_str(), pages), ("alice bob+1 dora erin", 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_creations_of_one_name_exactly_one_wins() {
    let (_, directory) = directory();
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let directory = directory.clone();
            tokio::spawn(async move {
                let password = format!("pw{n}");
                directory
                    .create_user(&new_user("alice", Some(&password)), at(0))
                    .await
                    .unwrap()
                    .map(|_| password)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(password) => winners.push(password),
            Err(refused) => assert_eq!(refused, UserRefused::NameTaken),
        }
    }
    assert_eq!(winners.len(), 1);
    assert!(logs_in(&directory, "alice", &winners[0]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_is_lost_among_many() {
    let (_, directory) = directory();
    create(&directory, "alice", "pw").await;
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let directory = directory.clone();
            tokio::spawn(async move {
                let membership =
                    Membership { id: AccountId::parse(&n.to_string()).unwrap(), role: "editor".to_owned() };
                let join =
                    |profile: &mut grantor_directory::Profile| profile.accounts.push(membership.clone());
                directory.update_user(&subject("alice"), join).await.unwrap().unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(directory.user(&subject("alice")).await.unwrap().unwrap().profile.accounts.len(), 8);
}
