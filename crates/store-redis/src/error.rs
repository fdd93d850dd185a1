//! Faults told apart by what may have come of the command. No text here holds anything of a record.

use std::fmt;

use grantor_store::StoreError;
use redis::RedisError;

/// Why a command has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It never left this process.
    NotSent(StoreError),
    /// Redis answered with an error. Each script writes its record last, so nothing of a put stands then.
    Refused(Refusal),
    /// It left, and no answer came: it may have been done, or may yet be.
    Lost(StoreError),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(error) | Failure::Lost(error) => error,
            Failure::Refused(refusal) => refusal.into(),
        }
    }
}

/// An error that Redis answered with.
#[derive(Debug)]
pub(crate) struct Refusal {
    address: String,
    code: String,
    details: String,
}

impl Refusal {
    /// The answer in `error`, if that is one.
    pub(crate) fn of(address: &str, error: &RedisError) -> Option<Self> {
        let errors = error.clone().into_server_errors()?;
        let (_, error) = errors.first()?;
        let details = error.details().unwrap_or_default();
        // "unknown command" goes on to quote the arguments.
        let details = details.split(", with args").next().unwrap_or_default();
        Some(Self { address: address.to_owned(), code: error.code().to_owned(), details: details.to_owned() })
    }

    /// The first word of the answer: `MOVED`, `OOM`, …
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// The node that `MOVED` and `ASK` name.
    pub(crate) fn redirect(&self) -> Option<(&str, u16)> {
        let (host, port) = self.details.split(' ').nth(1)?.rsplit_once(':')?;
        Some((host, port.parse().ok()?))
    }

    /// What an operator can do about it, where the code alone does not say it.
    fn advice(&self) -> &'static str {
        match self.code.as_str() {
            "OOM" => "; give it more memory (CONFIG SET maxmemory), reads go on meanwhile",
            "MOVED" => "; it belongs to a cluster: use a redis-cluster:// URL",
            "READONLY" => "; it is a replica: use the address of the primary",
            "NOAUTH" | "WRONGPASS" => "; check the user and the password in the URL",
            "NOPERM" => "; docs/backends/redis.md lists the commands that the user needs",
            "MISCONF" => "; it cannot write to its disk",
            _ => "",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis at {} refused: {} {}{}", self.address, self.code, self.details, self.advice())
    }
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        if refusal.code() == "WRONGTYPE" {
            StoreError::Corrupt(format!("{refusal}; one of grantor's keys was overwritten by something else"))
        } else {
            StoreError::Unavailable(refusal.to_string())
        }
    }
}

/// A connection that could not be made.
pub(crate) fn cannot_connect(address: &str, error: &RedisError) -> StoreError {
    let reason =
        Refusal::of(address, error).map_or_else(|| error.to_string(), |refusal| format!("{refusal}"));
    StoreError::Unavailable(format!("cannot connect to Redis at {address}: {reason}"))
}

pub(crate) fn timed_out(address: &str, doing: &str) -> StoreError {
    StoreError::TimedOut(format!("Redis at {address} did not {doing}"))
}

/// An answer of another type than the command has.
pub(crate) fn strange_answer(command: &str) -> StoreError {
    StoreError::Corrupt(format!("Redis answered {command} with something that is no answer to it"))
}
