use async_trait::async_trait;
use grantor_core::{Lifetime, Secret, SubjectId, Time};
use grantor_directory::{
    AccountProfile, AccountRefused, Directory, DirectoryError, Imported, InvalidProfile, LoginReason,
    LoginRefused, Membership, Session, TextProblem, User, UserDirectory,
};

use crate::{account_id, at, create, directory, subject};

fn acme() -> AccountProfile {
    let url = Some("https://acme.example.test".to_owned());
    AccountProfile { name: Some("Acme".to_owned()), url, oauth_enabled: true }
}

#[tokio::test]
async fn an_account_is_made_once_found_and_changed() {
    let (_, directory) = directory();
    let id = account_id("35");
    let made = directory.create_account(&id, &acme(), at(0)).await.unwrap().unwrap();
    assert_eq!((made.profile(), made.created_at), (acme(), at(0)));
    assert_eq!(directory.account(&id).await.unwrap(), Some(made.clone()));
    let again = directory.create_account(&id, &AccountProfile::default(), at(1)).await.unwrap();
    assert_eq!(again, Err(AccountRefused::IdTaken));
    let off = directory.update_account(&id, |account| account.oauth_enabled = false).await.unwrap().unwrap();
    assert_eq!(off, grantor_directory::Account { oauth_enabled: false, ..made });
    assert_eq!(directory.account(&id).await.unwrap(), Some(off));
    // Other ids, whatever they look like.
    for other in ["3", "350", "3/5", "35/", "%33%35"] {
        assert_eq!(directory.account(&account_id(other)).await.unwrap(), None, "{other}");
    }
}

#[tokio::test]
async fn a_deleted_account_leaves_an_id_that_no_other_gets_and_nothing_else() {
    let (store, directory) = directory();
    let id = account_id("35");
    directory.create_account(&id, &acme(), at(0)).await.unwrap().unwrap();
    directory.delete_account(&id, at(1)).await.unwrap().unwrap();

    assert_eq!(directory.account(&id).await.unwrap(), None);
    let tombstone = store.body("account/35").unwrap();
    assert!(!tombstone.to_lowercase().contains("acme"), "{tombstone}");
    let retired = AccountRefused::IdRetired;
    assert_eq!(directory.create_account(&id, &acme(), at(2)).await.unwrap(), Err(retired));
    assert_eq!(directory.put_account(&id, &acme(), at(2)).await.unwrap(), Err(retired));
    assert_eq!(directory.check_account(&id, &acme()).await.unwrap(), Err(retired));
    let gone = AccountRefused::NoSuchAccount;
    assert_eq!(directory.update_account(&id, |_| {}).await.unwrap(), Err(gone));
    assert_eq!(directory.delete_account(&id, at(2)).await.unwrap(), Err(gone));
    assert_eq!(store.body("account/35").unwrap(), tombstone);
}

#[tokio::test]
async fn importing_an_account_twice_changes_nothing_the_second_time() {
    let (store, directory) = directory();
    let put =
        async |profile: &_| directory.put_account(&account_id("35"), profile, at(0)).await.unwrap().unwrap();
    assert_eq!(put(&acme()).await, Imported::Created);
    let (before, puts) = (store.dump(), store.puts());
    assert_eq!(put(&acme()).await, Imported::Unchanged);
    assert_eq!((store.dump(), store.puts()), (before, puts));
    let off = AccountProfile { oauth_enabled: false, ..acme() };
    assert_eq!(put(&off).await, Imported::Updated);
    assert_eq!(directory.account(&account_id("35")).await.unwrap().unwrap().profile(), off);
}

#[tokio::test]
async fn what_cannot_be_an_account_is_refused_before_it_is_written() {
    let (store, directory) = directory();
    let id = account_id("35");
    directory.create_account(&id, &acme(), at(0)).await.unwrap().unwrap();
    let puts = store.puts();
    let long = InvalidProfile { field: "name", problem: TextProblem::TooLong { max: 2048 } };
    let control = InvalidProfile { field: "url", problem: TextProblem::ControlCharacter };
    let named = AccountProfile { name: Some("x".repeat(2049)), ..acme() };
    let placed = AccountProfile { url: Some("https://a.test\r\n".to_owned()), ..acme() };
    for (profile, problem) in [(named, long), (placed, control)] {
        let refused = AccountRefused::InvalidProfile(problem);
        let other = account_id("36");
        assert_eq!(directory.create_account(&other, &profile, at(0)).await.unwrap(), Err(refused));
        assert_eq!(directory.put_account(&id, &profile, at(0)).await.unwrap(), Err(refused));
        let update = directory.update_account(&id, |known| known.clone_from(&profile)).await.unwrap();
        assert_eq!(update, Err(refused));
    }
    assert_eq!(store.puts(), puts);
}

#[tokio::test]
async fn accounts_are_listed_page_by_page_without_the_deleted() {
    let (_, directory) = directory();
    for id in ["4", "1", "a/b", "2", "3"] {
        directory.create_account(&account_id(id), &acme(), at(0)).await.unwrap().unwrap();
    }
    directory.delete_account(&account_id("3"), at(1)).await.unwrap().unwrap();
    let (mut ids, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = directory.accounts(None, after.as_ref(), 2).await.unwrap();
        ids.extend(page.accounts.iter().map(|account| account.id.to_string()));
        pages += 1;
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((ids.join(" ").as_str(), pages), ("1 2 4 a/b", 3));
}

async fn member(directory: &Directory, accounts: &[&str]) -> User {
    create(directory, "alice", "pw").await;
    let join = |id: &&str| Membership { id: account_id(id), role: format!("role in {id}") };
    let accounts: Vec<_> = accounts.iter().map(join).collect();
    let joined =
        directory.update_user(&subject("alice"), |profile| profile.accounts.clone_from(&accounts)).await;
    joined.unwrap().unwrap()
}

#[tokio::test]
async fn a_membership_gives_an_account_only_while_there_is_one() {
    let (_, directory) = directory();
    for id in ["35", "36"] {
        directory.create_account(&account_id(id), &acme(), at(0)).await.unwrap().unwrap();
    }
    let alice = member(&directory, &["36", "99", "35"]).await;
    let acts_for = async || -> Vec<_> {
        let found = directory.accounts_of(&alice).await.unwrap();
        found.into_iter().map(|acts| (acts.account.id.to_string(), acts.role)).collect()
    };
    let of = |id: &str| (id.to_owned(), format!("role in {id}"));
    assert_eq!(acts_for().await, [of("36"), of("35")], "99 is no account");
    directory.delete_account(&account_id("36"), at(1)).await.unwrap().unwrap();
    assert_eq!(acts_for().await, [of("35")]);
    directory.create_account(&account_id("99"), &acme(), at(2)).await.unwrap().unwrap();
    assert_eq!(acts_for().await, [of("99"), of("35")]);
}

/// A directory of somebody who has users, and has never heard of accounts or of any credential but passwords.
struct UsersOnly;

#[async_trait]
impl UserDirectory for UsersOnly {
    async fn authenticate(
        &self,
        _: &str,
        _: &Secret,
        _: Time,
    ) -> Result<Result<User, LoginRefused>, DirectoryError> {
        Ok(Err(LoginRefused::new(LoginReason::UnknownUser)))
    }

    async fn user(&self, _: &SubjectId) -> Result<Option<User>, DirectoryError> {
        Ok(None)
    }

    async fn start_session(
        &self,
        _: &User,
        _: Option<&Secret>,
        _: Option<&str>,
        _: Time,
        _: Lifetime,
    ) -> Result<(Session, Secret), DirectoryError> {
        Err(DirectoryError::NoEntropy)
    }

    async fn find_session(&self, _: &Secret, _: Time) -> Result<Option<Session>, DirectoryError> {
        Ok(None)
    }

    async fn end_session(&self, _: &Secret) -> Result<(), DirectoryError> {
        Ok(())
    }
}

#[tokio::test]
async fn where_nobody_keeps_accounts_or_tokens_there_are_none() {
    let (_, directory) = directory();
    let alice = member(&directory, &["35"]).await;
    assert_eq!(UsersOnly.account(&account_id("35")).await.unwrap(), None);
    assert_eq!(UsersOnly.accounts_of(&alice).await.unwrap(), []);
    let any = Secret::new("gra_st_");
    assert_eq!(UsersOnly.session_token_user("p", &any, at(0)).await.unwrap(), None);
    assert!(!UsersOnly.is_registration_key("p", &any, at(0)).await.unwrap());
}
