//! How a call ends when it does not end well.

use grantor_core::Refusal;
use grantor_core::client::InvalidClient;
use grantor_core::step::{FlowFault, Stop};
use grantor_jose::KeyError;
use grantor_slowhash::HashFault;
use grantor_store::StoreError;

/// How a call ends when it does not end well.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A rule refused the request. The client is told the refusal's code.
    #[error("refused: {0}")]
    Refused(Refusal),
    /// A registration cannot be served.
    #[error("{0}")]
    InvalidClient(#[from] InvalidClient),
    /// The server could not do its work. The client is told `temporarily_unavailable` and no more.
    #[error("{0}")]
    Fault(#[from] Fault),
}

/// What can be wrong on our side.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A flow could not go on.
    #[error("{0}")]
    Flow(#[from] FlowFault),
    /// The signing keys failed.
    #[error("{0}")]
    Keys(#[from] KeyError),
    /// A secret's slow hash could not be computed or read.
    #[error("a secret could not be hashed: {0}")]
    Hash(String),
}

impl From<Stop> for EngineError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(refusal) => EngineError::Refused(refusal),
            Stop::Fault(fault) => EngineError::Fault(fault.into()),
        }
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        EngineError::Fault(error.into())
    }
}

impl From<FlowFault> for EngineError {
    fn from(fault: FlowFault) -> Self {
        EngineError::Fault(fault.into())
    }
}

impl From<KeyError> for EngineError {
    fn from(error: KeyError) -> Self {
        EngineError::Fault(error.into())
    }
}

impl From<HashFault> for Fault {
    fn from(fault: HashFault) -> Self {
        Fault::Hash(fault.to_string())
    }
}
