//! The users: made, found, changed, suspended and buried.

use std::sync::Arc;

use grantor_core::record::{Expect, Version};
use grantor_core::{Lifetime, Limits, Secret, ServerKey, Standing, StandingState, SubjectId, Time};
use grantor_slowhash::{HashCost, InvalidHashCost};
use grantor_store::{Store, StoreError};

use crate::error::DirectoryError;
use crate::kept::CredentialKey;
use crate::observer::{DirectoryEvent, DirectoryObserver};
use crate::password::Passwords;
use crate::records::{Records, Written};
use crate::user::{NewUser, Profile, User, UserRecord, UserRefused, UserState};

/// How a [`Directory`] works.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// What one password hash costs. Old hashes are brought up to date as their owners log in.
    pub hash_cost: HashCost,
    /// Hashes computed at a time; others wait. Together they take this many times the memory of one, however many
    /// people try to log in: 76 MiB by default.
    pub parallel_hashes: usize,
    /// How long a session may go unused. Off by default: its absolute lifetime always ends it. `last_seen` is then written
    /// at most four times an hour, so that its user can tell which of his sessions are in use at little cost. With it
    /// on, that is once a minute, or twice in a limit shorter than two minutes; a session may end early by so much.
    pub idle: Option<Lifetime>,
    /// Bounds on what comes from outside.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self { hash_cost: HashCost::default(), parallel_hashes: 4, idle: None, limits: Limits::DEFAULT }
    }
}

/// The embedded directory of users, passwords and browser sessions.
///
/// An existing user is named by his subject; a [`UserName`](crate::UserName) is what a person types, and
/// [`UserName::subject`](crate::UserName::subject) leads from one to the other.
///
/// Every change is one compare-and-set on the user's record. All methods return a [`DirectoryError`] if the store, or
/// hashing, fails; a change that failed so may still have been made, and may be tried again.
pub struct Directory {
    pub(crate) records: Records,
    pub(crate) passwords: Passwords,
    pub(crate) credentials: CredentialKey,
    pub(crate) settings: Settings,
    pub(crate) observer: Arc<dyn DirectoryObserver>,
}

/// What an import did to one user, account or credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It is new.
    Created,
    /// It existed and is now as given.
    Updated,
    /// It was so already; nothing was written.
    Unchanged,
}

/// Part of the list of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// The users, in the order of their names.
    pub users: Vec<User>,
    /// Where to go on, if more may follow.
    pub next: Option<SubjectId>,
}

impl Directory {
    /// A directory over a store. The key is the server's, as the engine over the same store has it: session tokens and
    /// registration keys are found by a derivation from it, and under another key all that were made are unknown.
    ///
    /// # Errors
    /// [`InvalidHashCost`] if passwords cannot be hashed as `settings` demand.
    pub fn new(store: Arc<dyn Store>, key: &ServerKey, settings: Settings) -> Result<Self, InvalidHashCost> {
        let passwords =
            Passwords::new(settings.hash_cost, settings.parallel_hashes, settings.limits.password_bytes)?;
        let credentials = CredentialKey::new(key);
        let observer = Arc::new(());
        Ok(Self { records: Records::new(store), passwords, credentials, settings, observer })
    }

    /// Brings an observer; nobody is told, unless told.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn DirectoryObserver>) -> Self {
        self.observer = observer;
        self
    }

    /// How many passwords this directory has hashed since it was made: for metrics.
    pub fn hashes_computed(&self) -> u64 {
        self.passwords.computed()
    }

    /// Makes a user. Costs a hash whether or not the name is free, so that time does not tell who exists.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn create_user(
        &self,
        new: &NewUser,
        now: Time,
    ) -> Result<Result<User, UserRefused>, DirectoryError> {
        if let Err(refused) = self.check(new) {
            return Ok(Err(refused));
        }
        let password = match &new.password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let record = UserRecord::new(new.username.clone(), password, new.profile.clone(), now);
        let key = UserRecord::key(new.username.subject());
        self.note_email(new.username.subject(), new.profile.email.as_deref()).await?;
        self.note_accounts(new.username.subject(), &new.profile.accounts, &[]).await?;
        Ok(match self.records.write(&key, Expect::Absent, &record, None).await? {
            Written::Applied => {
                self.join_if_admin(&record).await?;
                record.user().ok_or(UserRefused::NameRetired)
            }
            Written::Lost => match self.user(new.username.subject()).await? {
                Some(_) => Err(UserRefused::NameTaken),
                None => Err(UserRefused::NameRetired),
            },
        })
    }

    /// Makes a user, or makes an existing one as given. Doing it twice changes nothing the second time.
    ///
    /// The profile is replaced as a whole. Without a password the old one stays; and a disabled user stays disabled.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn put_user(
        &self,
        new: &NewUser,
        now: Time,
    ) -> Result<Result<Imported, UserRefused>, DirectoryError> {
        if let Err(refused) = self.check(new) {
            return Ok(Err(refused));
        }
        let key = UserRecord::key(new.username.subject());
        for _ in 0..self.settings.limits.races {
            let Some((version, mut record)) = self.records.read(&key).await? else {
                match self.create_user(new, now).await? {
                    Ok(_) => return Ok(Ok(Imported::Created)),
                    Err(UserRefused::NameTaken) => continue,
                    Err(refused) => return Ok(Err(refused)),
                }
            };
            if record.user().is_none() {
                return Ok(Err(UserRefused::NameRetired));
            }
            let before = record.clone();
            let (mut changed, mut password_set) = (record.profile() != new.profile, false);
            record.set_profile(new.profile.clone());
            if let Some(password) = &new.password {
                let same = match record.password.as_deref() {
                    Some(hash) => self.passwords.verify(password, Some(hash)).await?.matches,
                    None => false,
                };
                if !same {
                    record.set_password(self.passwords.hash(password).await?);
                    (changed, password_set) = (true, true);
                }
            }
            // Of a user as well who is so already: he may be older than the notes.
            self.note_email(new.username.subject(), new.profile.email.as_deref()).await?;
            self.note_accounts(new.username.subject(), &new.profile.accounts, &[]).await?;
            if !changed {
                self.join_if_admin(&record).await?;
                return Ok(Ok(Imported::Unchanged));
            }
            match self.replace(version, &before, &record).await? {
                Ok(Written::Applied) => {
                    if password_set {
                        self.observer
                            .happened(&DirectoryEvent::PasswordSet { user: record.subject().clone() });
                    }
                    return Ok(Ok(Imported::Updated));
                }
                Ok(Written::Lost) => {}
                Err(refused) => return Ok(Err(refused)),
            }
        }
        Err(DirectoryError::Contended)
    }

    /// Whether [`put_user`](Directory::put_user) would be refused, and why. Costs a read and no hash.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn check_user(&self, new: &NewUser) -> Result<Result<(), UserRefused>, DirectoryError> {
        if let Err(refused) = self.check(new) {
            return Ok(Err(refused));
        }
        let found = self.records.read(&UserRecord::key(new.username.subject())).await?;
        let is_buried = found.is_some_and(|(_, record)| record.user().is_none());
        Ok(if is_buried { Err(UserRefused::NameRetired) } else { Ok(()) })
    }

    /// The user, if there is one. A deleted user is none.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn user(&self, subject: &SubjectId) -> Result<Option<User>, DirectoryError> {
        let record = self.records.read(&UserRecord::key(subject)).await?;
        Ok(record.and_then(|(_, record)| record.user()))
    }

    /// At most `limit` users whose names begin with `prefix`, in whatever case, and come after `after`. Deleted ones take a
    /// place and are left out, so a page can be short, or empty, and not the last. Costs a read for each, however many
    /// others there are.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn users(
        &self,
        prefix: Option<&str>,
        after: Option<&SubjectId>,
        limit: usize,
    ) -> Result<UserPage, DirectoryError> {
        let (prefix, after) = (prefix.map(str::to_ascii_lowercase), after.map(UserRecord::key));
        let page = self.records.list_beginning(prefix.as_deref(), after.as_ref(), limit).await?;
        let (mut users, mut last) = (Vec::with_capacity(page.keys.len()), None);
        for key in &page.keys {
            let subject = SubjectId::parse(&key.first())
                .map_err(|_| StoreError::Corrupt(format!("{key} is no user's key")))?;
            users.extend(self.user(&subject).await?);
            last = Some(subject);
        }
        Ok(UserPage { users, next: last.filter(|_| page.more) })
    }

    /// Changes what is known of a user. `change` may run several times, each time on what stands then. A change of
    /// `admin` or `accounts` ends all his sessions. The last active administrator stays one.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn update_user(
        &self,
        subject: &SubjectId,
        change: impl Fn(&mut Profile) + Send + Sync,
    ) -> Result<Result<User, UserRefused>, DirectoryError> {
        let limits = self.settings.limits;
        let edited = self.try_edit(subject, |record| {
            let mut profile = record.profile();
            change(&mut profile);
            profile.check(&limits)?;
            record.set_profile(profile);
            Ok(())
        });
        Ok(edited.await?.and_then(|record| record.user().ok_or(UserRefused::NoSuchUser)))
    }

    /// Gives a user another password and ends all his sessions. That the one who asks may do so is for the caller to
    /// have made sure of.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn set_password(
        &self,
        subject: &SubjectId,
        password: &Secret,
    ) -> Result<Result<User, UserRefused>, DirectoryError> {
        if let Err(invalid) = self.passwords.check(password) {
            return Ok(Err(invalid.into()));
        }
        let hash = self.passwords.hash(password).await?;
        let edited = self.edit(subject, |record| record.set_password(hash.clone())).await?;
        if let Ok(user) = &edited {
            self.observer.happened(&DirectoryEvent::PasswordSet { user: user.subject.clone() });
        }
        Ok(edited)
    }

    /// Ends all sessions of a user, those just being started included.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn end_all_sessions(
        &self,
        subject: &SubjectId,
    ) -> Result<Result<User, UserRefused>, DirectoryError> {
        let edited = self.edit(subject, UserRecord::end_sessions).await?;
        if let Ok(user) = &edited {
            self.observer.happened(&DirectoryEvent::AllSessionsEnded { user: user.subject.clone() });
        }
        Ok(edited)
    }

    /// Ends all a user's tokens and sessions, and lets him not log in until he is enabled. Doing it twice is the same
    /// as once. The last active administrator is not disabled.
    ///
    /// # Errors
    /// [`DirectoryError`]. His tokens may then be suspended already and his password still good: do it again.
    pub async fn disable_user(
        &self,
        subject: &SubjectId,
        now: Time,
    ) -> Result<Result<User, UserRefused>, DirectoryError> {
        self.suspend(subject, now, |record| record.set_state(UserState::Disabled)).await
    }

    /// Lets a disabled user log in and have tokens again. Sessions that ended stay ended.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn enable_user(
        &self,
        subject: &SubjectId,
        now: Time,
    ) -> Result<Result<User, UserRefused>, DirectoryError> {
        let key = Standing::key(subject);
        for _ in 0..self.settings.limits.races {
            // Read before the user is changed: if somebody suspends him meanwhile, the write below does not apply.
            let expect = self.records.read(&key).await?.map_or(Expect::Absent, |(v, _)| Expect::Version(v));
            let user = match self.edit(subject, |record| record.set_state(UserState::Active)).await? {
                Ok(user) => user,
                refused => return Ok(refused),
            };
            let good = Standing::new(StandingState::Good, now);
            if self.records.write(&key, expect, &good, None).await? == Written::Applied {
                return Ok(Ok(user));
            }
        }
        Err(DirectoryError::Contended)
    }

    /// Ends all a user's tokens and sessions and forgets all about him but his name, which nobody gets again. The last
    /// active administrator is not deleted.
    ///
    /// # Errors
    /// [`DirectoryError`]. He may then be suspended already and not yet forgotten: do it again.
    pub async fn delete_user(
        &self,
        subject: &SubjectId,
        now: Time,
    ) -> Result<Result<(), UserRefused>, DirectoryError> {
        Ok(match self.suspend(subject, now, UserRecord::bury).await? {
            Ok(_) => Ok(()),
            Err(refused) => Err(refused),
        })
    }

    fn check(&self, new: &NewUser) -> Result<(), UserRefused> {
        new.profile.check(&self.settings.limits)?;
        new.password.as_ref().map_or(Ok(()), |password| Ok(self.passwords.check(password)?))
    }

    /// The suspension is written first, so that no token outlives the decision, and once more after the user, on the
    /// condition that the first still stands. [`enable_user`](Directory::enable_user) does the like, so whichever of
    /// the two is last to write a standing has seen nobody between its own two writes, and the records agree.
    ///
    /// The last administrator is seen beforehand, and nothing is written of him. If he becomes the last only while this
    /// is under way, his standing is put right again.
    async fn suspend(
        &self,
        subject: &SubjectId,
        now: Time,
        change: impl Fn(&mut UserRecord) + Send + Sync,
    ) -> Result<Result<User, UserRefused>, DirectoryError> {
        let Some(before) = self.user(subject).await? else { return Ok(Err(UserRefused::NoSuchUser)) };
        if before.is_active_admin() && self.seems_last(subject).await? {
            return Ok(Err(UserRefused::LastAdministrator));
        }
        let mut outcome = Err(UserRefused::NoSuchUser);
        let key = Standing::key(subject);
        for _ in 0..self.settings.limits.races {
            let found = self.records.read(&key).await?;
            let expect = found.as_ref().map_or(Expect::Absent, |(version, _)| Expect::Version(*version));
            let suspended = found.map(|(_, standing)| standing).filter(Standing::is_suspended);
            let Some(suspended) = suspended else {
                let suspended = Standing::new(StandingState::Suspended, now);
                self.records.write(&key, expect, &suspended, None).await?;
                continue;
            };
            let changed = self.try_edit(subject, |record| {
                change(record);
                Ok(())
            });
            // A second round finds only the tombstone of a user whom the first has buried.
            outcome = match changed.await? {
                Ok(record) => Ok(record.user().unwrap_or_else(|| before.clone())),
                Err(UserRefused::LastAdministrator) => {
                    let good = Standing::new(StandingState::Good, now);
                    match self.records.write(&key, expect, &good, None).await? {
                        Written::Applied => return Ok(Err(UserRefused::LastAdministrator)),
                        Written::Lost => continue,
                    }
                }
                Err(refused) => outcome.or(Err(refused)),
            };
            if self.records.write(&key, expect, &suspended, None).await? == Written::Applied {
                return Ok(outcome);
            }
        }
        Err(DirectoryError::Contended)
    }

    async fn edit(
        &self,
        subject: &SubjectId,
        change: impl Fn(&mut UserRecord) + Send + Sync,
    ) -> Result<Result<User, UserRefused>, DirectoryError> {
        let edited = self.try_edit(subject, |record| {
            change(record);
            Ok(())
        });
        Ok(edited.await?.and_then(|record| record.user().ok_or(UserRefused::NoSuchUser)))
    }

    async fn try_edit(
        &self,
        subject: &SubjectId,
        change: impl Fn(&mut UserRecord) -> Result<(), UserRefused> + Send + Sync,
    ) -> Result<Result<UserRecord, UserRefused>, DirectoryError> {
        let key = UserRecord::key(subject);
        for _ in 0..self.settings.limits.races {
            let found = self.records.read(&key).await?.filter(|(_, record)| record.user().is_some());
            let Some((version, mut record)) = found else { return Ok(Err(UserRefused::NoSuchUser)) };
            let before = record.clone();
            if let Err(refused) = change(&mut record) {
                return Ok(Err(refused));
            }
            match self.replace(version, &before, &record).await? {
                Ok(Written::Applied) => return Ok(Ok(record)),
                Ok(Written::Lost) => {}
                Err(refused) => return Ok(Err(refused)),
            }
        }
        Err(DirectoryError::Contended)
    }

    /// Changes an active user, if nothing has ended all his sessions since he was as given. `change` leaves him what he is.
    pub(crate) async fn edit_within(
        &self,
        user: &User,
        change: impl Fn(&mut UserRecord) + Send + Sync,
    ) -> Result<Option<User>, DirectoryError> {
        let key = UserRecord::key(&user.subject);
        for _ in 0..self.settings.limits.races {
            let found = self.records.read(&key).await?;
            let found = found.filter(|(_, record)| record.is_active_in(user.generation));
            let Some((version, mut record)) = found else { return Ok(None) };
            change(&mut record);
            if self.records.write(&key, Expect::Version(version), &record, None).await? == Written::Applied {
                return Ok(record.user());
            }
        }
        Err(DirectoryError::Contended)
    }

    /// Writes a user over what was read of him. Whatever changes a user's address or what he may do comes through here.
    async fn replace(
        &self,
        version: Version,
        before: &UserRecord,
        record: &UserRecord,
    ) -> Result<Result<Written, UserRefused>, DirectoryError> {
        let subject = record.subject();
        if before.is_active_admin() && !record.is_active_admin() {
            match self.leave_administrators(subject).await? {
                Ok(Written::Applied) => {}
                otherwise => return Ok(otherwise),
            }
        }
        let email = record.profile().email.filter(|email| before.profile().email.as_ref() != Some(email));
        self.note_email(subject, email.as_deref()).await?;
        self.note_accounts(subject, &record.profile().accounts, &before.profile().accounts).await?;
        let key = UserRecord::key(subject);
        let written = self.records.write(&key, Expect::Version(version), record, None).await?;
        if written == Written::Applied {
            self.join_if_admin(record).await?;
        }
        Ok(Ok(written))
    }

    async fn join_if_admin(&self, record: &UserRecord) -> Result<(), DirectoryError> {
        if record.is_active_admin() { self.join_administrators(record.subject()).await } else { Ok(()) }
    }
}
