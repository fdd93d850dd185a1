//! **Invariant: who you are is decided here and nowhere else, nothing at rest logs anyone in, and what has ended stays
//! ended.** No user name is ever given to a second person, and no account's id to a second account. The store holds argon2id hashes of passwords and SHA-256
//! digests of cookies; of a credential that somebody else may have chosen, what only the server's key can derive. One compare-and-set on the user's record ends all his sessions, so a session that is being
//! started meanwhile cannot slip through.
//!
//! [`Directory`] keeps users, the accounts they act for, passwords and browser sessions over any [`Store`](grantor_store::Store). The HTTP room
//! knows only [`UserDirectory`], so whoever has users already brings those instead.
//!
//! ```
//! use std::sync::Arc;
//! use grantor_core::{Lifetime, Secret, ServerKey, Time};
//! use grantor_directory::{Directory, NewUser, Settings, UserName};
//! use grantor_store::Store;
//!
//! async fn log_in(store: Arc<dyn Store>, key: &ServerKey, now: Time) -> Result<(), Box<dyn std::error::Error>> {
//!     let directory = Directory::new(store, key, Settings::default())?;
//!     let alice = NewUser {
//!         username: UserName::parse("Alice")?,
//!         password: Some(Secret::new("correct horse battery staple")),
//!         profile: Default::default(),
//!     };
//!     directory.create_user(&alice, now).await??;
//!
//!     let user = directory.authenticate("alice", &Secret::new("correct horse battery staple"), now).await??;
//!     let (_, cookie) = directory.start_session(&user, None, None, now, Lifetime::seconds(3600)).await?;
//!     assert!(directory.find_session(&cookie, now).await?.is_some());
//!     directory.end_session(&cookie).await?;
//!     assert!(directory.find_session(&cookie, now).await?.is_none());
//!     Ok(())
//! }
//! ```
//!
//! Two kinds of failure are kept apart, as everywhere in grantor: a *refusal* is an answer and comes as a value
//! ([`UserRefused`], [`AccountRefused`], [`CredentialRefused`], [`LoginRefused`], [`PasswordRefused`]); a *fault* ([`DirectoryError`]) is an error and says nothing about the user.

mod account;
mod administrators;
mod contract;
mod cookie;
mod csrf;
mod directory;
mod email;
mod error;
mod hex;
mod kept;
mod login;
mod member;
mod name;
mod observer;
mod own_sessions;
mod password;
mod password_change;
mod records;
mod registration_key;
mod session;
mod session_token;
mod signup;
mod user;

pub use account::{Account, AccountPage, AccountProfile, AccountRefused, ActsFor};
pub use contract::UserDirectory;
pub use cookie::BrowserCookie;
pub use csrf::{CsrfBinding, CsrfKey};
pub use directory::{Directory, Imported, Settings, UserPage};
pub use error::DirectoryError;
pub use grantor_slowhash::{HashCost, InvalidHashCost};
pub use kept::{CredentialId, CredentialRefused};
pub use login::{LoginReason, LoginRefused};
pub use name::{InvalidUserName, UserName};
pub use observer::{DirectoryEvent, DirectoryObserver, DirectoryRefusal};
pub use own_sessions::{SessionList, SessionSummary};
pub use password::InvalidPassword;
pub use password_change::{PasswordChange, PasswordRefused};
pub use registration_key::{RegistrationKey, RegistrationKeyPage};
pub use session::{Session, SessionId};
pub use session_token::{SessionToken, SessionTokenPage};
pub use signup::{SignUp, SignUpRefused};
pub use user::{InvalidProfile, Membership, NewUser, Profile, TextProblem, User, UserRefused, UserState};
