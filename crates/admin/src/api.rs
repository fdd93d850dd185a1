//! The API, put together.

use std::sync::Arc;

use axum::Router;
use grantor_directory::Directory;
use grantor_engine::Engine;
use grantor_ledger::{Figures, Ledger};

use crate::caller::Caller;
use crate::deployment::Deployment;
use crate::operations;
use crate::problem::Problem;
use crate::within::Within;

/// The operators' API of one deployment. Cloning it is cheap; all clones are one.
#[derive(Clone)]
pub struct Api {
    rooms: Arc<Rooms>,
}

/// What the handlers work on.
#[derive(Clone)]
pub(crate) struct Rooms {
    /// The engine of the first profile, for work that concerns none in particular.
    pub(crate) engine: Engine,
    /// One engine for each profile, the first among them.
    pub(crate) engines: Vec<Engine>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) deployment: Arc<dyn Deployment>,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) figures: Option<Arc<Figures>>,
}

impl Api {
    /// The API of a server with one profile.
    pub fn new(engine: Engine, directory: Arc<Directory>) -> Self {
        Self::of_profiles(engine, [], directory)
    }

    /// The API of a server with several profiles on one store: new clients are the first one's, unless told.
    pub fn of_profiles(
        first: Engine,
        others: impl IntoIterator<Item = Engine>,
        directory: Arc<Directory>,
    ) -> Self {
        let engines = [first.clone()].into_iter().chain(others).collect();
        let deployment = Arc::new(());
        let (ledger, figures) = (None, None);
        Self { rooms: Arc::new(Rooms { engine: first, engines, directory, deployment, ledger, figures }) }
    }

    /// Brings what whoever runs the server knows of it.
    #[must_use]
    pub fn deployment(self, deployment: Arc<dyn Deployment>) -> Self {
        Self { rooms: Arc::new(Rooms { deployment, ..Rooms::clone(&self.rooms) }) }
    }

    /// Brings the audit trail and the usage of clients. What operators do is written there before it is done; without one
    /// it is told to the log alone.
    #[must_use]
    pub fn ledger(self, ledger: Ledger) -> Self {
        Self { rooms: Arc::new(Rooms { ledger: Some(ledger), ..Rooms::clone(&self.rooms) }) }
    }

    /// Brings the figures of this process.
    #[must_use]
    pub fn figures(self, figures: Arc<Figures>) -> Self {
        Self { rooms: Arc::new(Rooms { figures: Some(figures), ..Rooms::clone(&self.rooms) }) }
    }

    /// Everything under `/api/`, for the listener of the operators. It lets in whoever shows an administrator's session
    /// token, and who was let in within this process: an extension of the request says so, which no peer can set.
    pub fn router(&self) -> Router {
        operations::router(Arc::clone(&self.rooms))
    }

    /// The API for somebody within this process.
    pub fn within(&self, caller: Caller) -> Within {
        Within::new(self.router(), caller)
    }
}

impl Rooms {
    /// The engine of a profile.
    pub(crate) fn engine_of(&self, profile: &str) -> Option<&Engine> {
        self.engines.iter().find(|engine| engine.profile().name == profile)
    }

    /// The engine of a profile that somebody named in the field `profile`.
    pub(crate) fn of_profile(&self, name: &str) -> Result<&Engine, Problem> {
        self.engine_of(name).ok_or_else(|| {
            let known: Vec<&str> = self.engines.iter().map(|e| e.profile().name.as_str()).collect();
            let known = known.join(", ");
            Problem::invalid("profile", format!("there is no such profile; the configuration has {known}"))
        })
    }
}
