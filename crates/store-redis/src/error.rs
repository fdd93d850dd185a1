//! Faults told apart by what may have come of the command. No text here holds anything of a record.

use std::error::Error;
use std::sync::Arc;
use std::{fmt, io};

use grantor_store::StoreError;
use redis::RedisError;

/// Why [`RedisStore::connect`](crate::RedisStore::connect) gave no store: whether to wait is the first thing to know.
#[derive(Debug)]
pub enum ConnectError {
    /// It is down, still loading, or a cluster without a quorum. It may come by itself, so it is worth another try.
    Away(StoreError),
    /// It answers and will not do, or cannot be asked like this: a wrong password or URL, no trust in its certificate, a
    /// setup that loses records, somebody else's data. Until a person mends that, trying again ends the same.
    Unfit(StoreError),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::Away(error) | ConnectError::Unfit(error) => error.fmt(f),
        }
    }
}

impl Error for ConnectError {}

impl From<ConnectError> for StoreError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Away(error) | ConnectError::Unfit(error) => error,
        }
    }
}

impl From<StoreError> for ConnectError {
    /// By what a fault is in general; what is known better is said where it is found.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::TimedOut(_) => ConnectError::Away(error),
            StoreError::Corrupt(_) => ConnectError::Unfit(error),
        }
    }
}

impl From<Failure> for ConnectError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(error) => error,
            Failure::Lost(error) => ConnectError::Away(error),
            Failure::Refused(refusal) if refusal.will_pass() => ConnectError::Away(refusal.into()),
            Failure::Refused(refusal) => ConnectError::Unfit(refusal.into()),
        }
    }
}

/// Why a command has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It never left this process.
    NotSent(ConnectError),
    /// Redis answered with an error. No script leaves a record behind with an error, and no transaction with one of
    /// its commands refused is executed, so nothing of a put stands then.
    Refused(Refusal),
    /// It left, and no answer came: it may have been done, or may yet be.
    Lost(StoreError),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(error) => error.into(),
            Failure::Lost(error) => error,
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

    /// Whether it is about a moment of Redis's and not about how it is set up.
    fn will_pass(&self) -> bool {
        let passing = ["LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY"];
        passing.contains(&self.code()) || self.details.starts_with("max number of clients")
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
pub(crate) fn cannot_connect(address: &str, error: &RedisError) -> ConnectError {
    let refusal = Refusal::of(address, error);
    let reason = refusal.as_ref().map_or_else(|| error.to_string(), Refusal::to_string);
    let will_pass = refusal.map_or_else(|| is_outage(error), |refusal| refusal.will_pass());
    let error = StoreError::Unavailable(format!("cannot connect to Redis at {address}: {reason}"));
    if will_pass { ConnectError::Away(error) } else { ConnectError::Unfit(error) }
}

/// Whether nobody answered, or the connection ended: an error of the network's, and not one about what came through it,
/// which is how a handshake of TLS fails.
fn is_outage(error: &RedisError) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, PermissionDenied};
    let others = [InvalidData, InvalidInput, PermissionDenied];
    cause(error).is_some_and(|cause| !others.contains(&cause.kind()))
}

/// Whether a certificate was shown and not believed.
pub(crate) fn is_about_trust(error: &RedisError) -> bool {
    let about = cause(error).and_then(io::Error::get_ref).and_then(|about| about.downcast_ref());
    matches!(about, Some(rustls::Error::InvalidCertificate(_)))
}

fn cause(error: &RedisError) -> Option<&io::Error> {
    // The driver keeps its causes so.
    error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?.downcast_ref()
}

pub(crate) fn timed_out(address: &str, doing: &str) -> StoreError {
    StoreError::TimedOut(format!("Redis at {address} did not {doing}"))
}

/// An answer of another type than the command has.
pub(crate) fn strange_answer(command: &str) -> StoreError {
    StoreError::Corrupt(format!("Redis answered {command} with something that is no answer to it"))
}
