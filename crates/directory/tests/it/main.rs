//! The directory as its users see it, over a store that a test can make fail and hold still.

#![cfg(test)]

mod accounts;
mod administrators;
mod emails;
mod faults;
mod lists;
mod login;
mod observer;
mod own_sessions;
mod password_change;
mod races;
mod registration_keys;
mod session_tokens;
mod sessions;
mod store;
mod users;

use std::sync::Arc;

use grantor_core::{AccountId, Secret, ServerKey, SubjectId, Time};
use grantor_directory::{Directory, HashCost, NewUser, Profile, Settings, User, UserName};
use store::TestStore;

/// Hashes that cost nothing, since no test here is about what they cost.
fn settings() -> Settings {
    let hash_cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
    Settings { hash_cost, ..Settings::default() }
}

fn key() -> ServerKey {
    ServerKey::from_bytes([7; 32])
}

fn directory_with(settings: Settings) -> (Arc<TestStore>, Arc<Directory>) {
    let store = Arc::new(TestStore::default());
    let directory = Directory::new(store.clone(), &key(), settings).unwrap();
    (store, Arc::new(directory))
}

fn directory() -> (Arc<TestStore>, Arc<Directory>) {
    directory_with(settings())
}

fn at(seconds: i64) -> Time {
    Time::from_unix_millis(1_700_000_000_000 + seconds * 1000)
}

fn subject(text: &str) -> SubjectId {
    SubjectId::parse(text).unwrap()
}

fn account_id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

fn new_user(name: &str, password: Option<&str>) -> NewUser {
    let profile = Profile { email: Some(format!("{name}@example.test")), ..Profile::default() };
    NewUser { username: UserName::parse(name).unwrap(), password: password.map(Secret::new), profile }
}

async fn create(directory: &Directory, name: &str, password: &str) -> User {
    directory.create_user(&new_user(name, Some(password)), at(0)).await.unwrap().unwrap()
}

async fn logs_in(directory: &Directory, name: &str, password: &str) -> bool {
    directory.authenticate(name, &Secret::new(password), at(0)).await.unwrap().is_ok()
}
