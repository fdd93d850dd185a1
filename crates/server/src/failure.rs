//! How a command ends when it does not end well.

use std::process::ExitCode;

use grantor_directory::{DirectoryError, UserRefused};
use grantor_engine::EngineError;

/// How a command ends when it does not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The configuration or the command line is wrong: nothing was tried.
    #[error("{0}")]
    Usage(String),
    /// It was tried, and failed.
    #[error("{0}")]
    Failed(String),
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
            Failure::Failed(_) => ExitCode::FAILURE,
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Failure::failed(error.to_string())
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        Failure::failed(error.to_string())
    }
}

impl From<UserRefused> for Failure {
    fn from(refused: UserRefused) -> Self {
        Failure::failed(refused.to_string())
    }
}
