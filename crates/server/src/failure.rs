//! How a command ends when it does not end well.

use std::process::ExitCode;

use grantor_admin::Problem;
use grantor_directory::{DirectoryError, UserRefused};
use grantor_engine::{EngineError, Fault};
use grantor_store::StoreError;

/// How a command ends when it does not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The configuration or the command line is wrong: nothing was tried.
    #[error("{0}")]
    Usage(String),
    /// It was tried, and failed.
    #[error("{0}")]
    Failed(String),
    /// It was tried, and failed for want of a store that may come by itself: a server waits for it.
    #[error("{0}")]
    Away(String),
}

impl Failure {
    pub(crate) fn usage(why: impl Into<String>) -> Self {
        Failure::Usage(why.into())
    }

    pub(crate) fn failed(why: impl Into<String>) -> Self {
        Failure::Failed(why.into())
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Failed(_) | Failure::Away(_) => ExitCode::FAILURE,
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match &error {
            EngineError::Fault(Fault::Store(StoreError::Unavailable(_) | StoreError::TimedOut(_))) => {
                Failure::Away(error.to_string())
            }
            EngineError::Fault(
                Fault::Store(StoreError::Corrupt(_)) | Fault::Flow(_) | Fault::Keys(_) | Fault::Hash(_),
            )
            | EngineError::Refused(_)
            | EngineError::InvalidClient(_) => Failure::failed(error.to_string()),
        }
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        Failure::failed(error.to_string())
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Failure::failed(problem.to_string())
    }
}

impl From<UserRefused> for Failure {
    fn from(refused: UserRefused) -> Self {
        Failure::failed(refused.to_string())
    }
}
