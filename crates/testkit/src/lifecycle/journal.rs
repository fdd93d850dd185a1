//! What clients write down.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Checked, Grace, Violation, check};

/// What a client asked, about one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Its first tokens: by its code, or whatever begins it.
    Redeem,
    /// New tokens for this refresh token.
    Refresh(String),
    /// That all of it ends: by a refresh token of it, or a command.
    EndGrant,
    /// That this access token ends.
    EndToken(String),
    /// What this token is worth, an access or a refresh token.
    Introspect(String),
}

/// What a client was told. That a server cannot say now is no answer: write nothing down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Here are tokens.
    Tokens {
        /// An access token.
        access: String,
        /// A refresh token, where there is one.
        refresh: Option<String>,
    },
    /// The code, or the refresh token, is worth nothing.
    Refused,
    /// It has ended.
    Ended,
    /// Whether the token is active.
    Active(bool),
}

/// A request as its client knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// A name for the grant, for example its code.
    pub grant: String,
    /// What was asked.
    pub asked: Asked,
    /// A moment at which it was not sent. Moments are numbers that grow with real time, each given once.
    pub began: u64,
    /// The answer, and a moment at which it was there; none if it never came.
    pub told: Option<(u64, Told)>,
}

impl Request {
    pub(super) fn is_a_look(&self) -> bool {
        matches!((&self.asked, &self.told), (Asked::Introspect(_), Some(_)))
    }
}

/// The requests of any number of clients, in the order of time.
#[derive(Debug, Default)]
pub struct Lifecycle {
    clock: AtomicU64,
    requests: Mutex<Vec<Request>>,
}

/// A request on its way. Dropped, it stays one without an answer.
#[must_use = "write down what was answered"]
#[derive(Debug)]
pub struct Begun<'a> {
    lifecycle: &'a Lifecycle,
    place: usize,
}

impl Lifecycle {
    /// Nothing happened yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Write this down **before** the request is sent.
    pub fn begin(&self, grant: &str, asked: Asked) -> Begun<'_> {
        let began = self.tick();
        let mut requests = self.lock();
        requests.push(Request { grant: grant.to_owned(), asked, began, told: None });
        Begun { lifecycle: self, place: requests.len() - 1 }
    }

    /// What was written down so far.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().clone()
    }

    /// Whether an honest server could have said all that.
    ///
    /// # Errors
    /// A [`Violation`].
    pub fn check(&self, grace: Grace) -> Result<Checked, Violation> {
        check(&self.lock(), grace)
    }

    fn tick(&self) -> u64 {
        // One total order over all threads, which is what makes the numbers agree with real time.
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun<'_> {
    /// Write this down **after** the answer is there.
    pub fn told(self, told: Told) {
        let ended = self.lifecycle.tick();
        if let Some(request) = self.lifecycle.lock().get_mut(self.place) {
            request.told = Some((ended, told));
        }
    }
}
