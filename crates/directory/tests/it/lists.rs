use grantor_directory::{AccountProfile, Directory};
use proptest::prelude::*;

use crate::{account_id, at, create, directory, new_user, subject};

async fn walk(directory: &Directory, prefix: Option<&str>, limit: usize) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = directory.users(prefix, after.as_ref(), limit).await.unwrap();
        assert!(page.users.len() <= limit);
        names.extend(page.users.iter().map(|user| user.subject.to_string()));
        after = page.next;
        if after.is_none() {
            return names;
        }
    }
}

async fn walk_accounts(directory: &Directory, prefix: Option<&str>, limit: usize) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = directory.accounts(prefix, after.as_ref(), limit).await.unwrap();
        ids.extend(page.accounts.iter().map(|account| account.id.to_string()));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Every name that begins so is found once, whatever its characters become in a key, and no other.
    #[test]
    fn a_list_by_beginning_finds_just_what_begins_so(
        names in prop::collection::btree_set("[ab+.]{1,4}", 0..20),
        prefix in "[aAb+.%]{0,3}",
        limit in 1..5_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_, directory) = directory();
            let fold = prefix.to_lowercase();
            for name in &names {
                directory.create_user(&new_user(name, None), at(0)).await.unwrap().unwrap();
                directory.create_account(&account_id(name), &AccountProfile::default(), at(0)).await.unwrap().unwrap();
            }
            let begins = |with: &str| names.iter().filter(|n| n.starts_with(with)).cloned().collect::<Vec<_>>();
            let sorted = |mut found: Vec<String>| { found.sort(); found };
            prop_assert_eq!(sorted(walk(&directory, Some(&prefix), limit).await), begins(&fold));
            prop_assert_eq!(sorted(walk(&directory, None, limit).await), begins(""));
            // Ids of accounts are as they are.
            prop_assert_eq!(sorted(walk_accounts(&directory, Some(&prefix), limit).await), begins(&prefix));
            Ok(())
        })?;
    }
}

/// The page costs what it holds: a read for each, and one for who bears just that name.
#[tokio::test]
async fn a_page_costs_no_more_however_many_there_are() {
    let (store, directory) = directory();
    for n in 0..300 {
        directory.create_user(&new_user(&format!("user{n:03}"), None), at(0)).await.unwrap().unwrap();
    }
    let gets = store.gets();
    let page = directory.users(Some("user29"), None, 5).await.unwrap();
    assert_eq!((page.users.len(), page.next), (5, Some(subject("user294"))));
    assert_eq!(store.gets() - gets, 6);
    let rest = directory.users(Some("user29"), Some(&subject("user294")), 5).await.unwrap();
    assert_eq!((rest.users.len(), rest.next), (5, None));
    // A place to go on that lies before the beginning is none.
    let page = directory.users(Some("user29"), Some(&subject("aaa")), 1).await.unwrap();
    assert_eq!(page.users[0].subject, subject("user290"));
}

#[tokio::test]
async fn a_user_is_found_by_his_address_and_only_while_it_is_his() {
    let (_, directory) = directory();
    let alice = create(&directory, "alice", "pw").await;
    let by = async |email| directory.user_by_email(email).await.unwrap().map(|user| user.subject);
    assert_eq!(by("ALICE@example.test").await, Some(alice.subject.clone()));
    for other in ["alice@example.tes", "alice", "", "@"] {
        assert_eq!(by(other).await, None, "{other}");
    }
    directory.update_user(&alice.subject, |p| p.email = None).await.unwrap().unwrap();
    assert_eq!(by("alice@example.test").await, None);
}
