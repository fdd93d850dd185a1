use grantor_directory::{Directory, Imported, NewUser, User, UserRefused, UserState};

use crate::store::Fate::{NotApplied, Works};
use crate::{at, directory, new_user, subject};

const LAST: UserRefused = UserRefused::LastAdministrator;

fn new_admin(name: &str) -> NewUser {
    let mut new = new_user(name, None);
    new.profile.admin = true;
    new
}

async fn admin(directory: &Directory, name: &str) -> User {
    directory.create_user(&new_admin(name), at(0)).await.unwrap().unwrap()
}

/// Each way to be an administrator no longer.
async fn remove(directory: &Directory, name: &str, how: &str) -> Result<(), UserRefused> {
    let who = subject(name);
    match how {
        "delete" => directory.delete_user(&who, at(1)).await.unwrap(),
        "disable" => directory.disable_user(&who, at(1)).await.unwrap().map(|_| ()),
        "update" => directory.update_user(&who, |p| p.admin = false).await.unwrap().map(|_| ()),
        "import" => directory.put_user(&new_user(name, None), at(1)).await.unwrap().map(|_| ()),
        other => panic!("{other}"),
    }
}

const WAYS: [&str; 4] = ["delete", "disable", "update", "import"];

/// P20.
#[tokio::test]
async fn the_last_administrator_stays_one_whoever_asks_and_however() {
    for how in WAYS {
        let (store, directory) = directory();
        admin(&directory, "alice").await;
        directory.create_user(&new_user("bob", None), at(0)).await.unwrap().unwrap();
        let before = store.dump();
        assert_eq!(remove(&directory, "alice", how).await, Err(LAST), "{how}");
        assert_eq!(store.dump(), before, "{how} was refused, and left something behind");

        admin(&directory, "carol").await;
        assert_eq!(remove(&directory, "alice", how).await, Ok(()), "{how}");
        assert_eq!(remove(&directory, "carol", how).await, Err(LAST), "{how}");
        assert!(directory.user(&subject("carol")).await.unwrap().unwrap().profile.admin);
        // Nobody else is any harder to remove.
        assert_eq!(remove(&directory, "bob", how).await, Ok(()), "{how}");
    }
}

#[tokio::test]
async fn a_disabled_administrator_is_nobody_who_remains_until_he_is_enabled() {
    let (store, directory) = directory();
    admin(&directory, "alice").await;
    admin(&directory, "carol").await;
    assert_eq!(remove(&directory, "carol", "disable").await, Ok(()));
    for how in WAYS {
        assert_eq!(remove(&directory, "alice", how).await, Err(LAST), "{how}");
    }
    // He may be deleted all the same, being none at present; but here he comes back.
    directory.enable_user(&subject("carol"), at(2)).await.unwrap().unwrap();
    assert_eq!(remove(&directory, "alice", "delete").await, Ok(()));
    assert_eq!(store.body("administrators/all").unwrap(), r#"{"v":1,"administrators":["carol"]}"#);
}

#[tokio::test]
async fn who_is_made_an_administrator_later_counts_and_an_import_notes_one_who_is_older() {
    let (store, directory) = directory();
    admin(&directory, "alice").await;
    directory.create_user(&new_user("bob", None), at(0)).await.unwrap().unwrap();
    directory.update_user(&subject("bob"), |p| p.admin = true).await.unwrap().unwrap();
    // As if both were older than the roster.
    store.sweep("administrators/all");
    assert_eq!(remove(&directory, "alice", "update").await, Err(LAST));
    let put = directory.put_user(&new_admin("bob"), at(1)).await.unwrap();
    assert_eq!(put, Ok(Imported::Unchanged));
    assert_eq!(remove(&directory, "alice", "update").await, Ok(()));
    assert_eq!(remove(&directory, "bob", "update").await, Err(LAST));
}

/// However many there are, the record is short, and any of them lets another go.
#[tokio::test]
async fn a_host_of_administrators_makes_no_long_record() {
    let (store, directory) = directory();
    for n in 0..70 {
        admin(&directory, &format!("admin{n}")).await;
    }
    let noted = store.body("administrators/all").unwrap();
    assert_eq!(noted.matches("admin").count() - 1, 64, "{noted}");
    for n in [69, 0, 1] {
        assert_eq!(remove(&directory, &format!("admin{n}"), "delete").await, Ok(()));
    }
}

/// Whatever write fails, one is left, and what was begun can be done.
#[tokio::test]
async fn a_removal_that_fails_half_way_leaves_one_and_can_be_repeated() {
    for how in WAYS {
        let mut allowed = [0; 2];
        for works in 0..5 {
            let (store, directory) = directory();
            admin(&directory, "alice").await;
            admin(&directory, "carol").await;
            store.fate(&[&vec![Works; works][..], &[NotApplied]].concat());
            let who = subject("alice");
            let _ = match how {
                "delete" => directory.delete_user(&who, at(1)).await.is_ok(),
                "disable" => directory.disable_user(&who, at(1)).await.is_ok(),
                "update" => directory.update_user(&who, |p| p.admin = false).await.is_ok(),
                _ => directory.put_user(&new_user("alice", None), at(1)).await.is_ok(),
            };
            store.fate(&[]);
            let carol_may = remove(&directory, "carol", "delete").await;
            allowed[usize::from(carol_may.is_ok())] += 1;
            let remaining = if carol_may.is_ok() { "alice" } else { "carol" };
            let remaining = directory.user(&subject(remaining)).await.unwrap().unwrap();
            assert!(remaining.profile.admin && remaining.state == UserState::Active, "{how} {works}");
            let again = remove(&directory, "alice", how).await;
            match carol_may {
                Ok(()) => assert_eq!(again, Err(LAST), "{how} {works}"),
                Err(refused) => {
                    assert_eq!(refused, LAST, "{how} {works}");
                    assert!(
                        matches!(again, Ok(()) | Err(UserRefused::NoSuchUser)),
                        "{how} {works}: {again:?}"
                    );
                }
            }
        }
        assert!(allowed.iter().all(|n| *n > 0), "{how}: {allowed:?}");
    }
}
