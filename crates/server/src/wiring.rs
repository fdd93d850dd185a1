//! From a configuration to the rooms: the store, the engine, the directory.

use std::sync::Arc;
use std::time::Duration;

use grantor_admin::{Api, Caller, Within};
use grantor_core::{Profile, ServerKey};
use grantor_directory::{Directory, Settings};
use grantor_engine::{All, Engine, Observer, Recorder, SystemClock, Tracing};
use grantor_ledger::{Figures, Ledger};
use grantor_store::{MeteredLayer, Store};

use crate::bundles::Bundles;
use crate::config::{Config, ProfileConfig};
use crate::failure::Failure;
use crate::moving::{self, Role};
use crate::observer::People;
use crate::server_key;
use crate::storage::{Storage, StorageUrl};

/// How long the ledger may take to write what waits, as everything ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The rooms, put together.
pub(crate) struct House {
    /// The engine of the first profile, for work that concerns none in particular.
    pub(crate) engine: Engine,
    /// One engine for each profile, in the order of the configuration.
    pub(crate) engines: Vec<Engine>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) ledger: Ledger,
    pub(crate) figures: Arc<Figures>,
    bundles: Option<Arc<Bundles>>,
    storage: Storage,
}

impl House {
    /// Opens everything for a command that works beside a server, or without one.
    pub(crate) async fn open_for_command(config: &Config) -> Result<Self, Failure> {
        Self::check_reach(config)?;
        let (profiles, key) = (profiles(config)?, key(config)?);
        let storage = moving::open(&config.storage, Role::Command).await?;
        Self::furnish(config, profiles, key, storage, Arc::new(Tracing), None).await
    }

    /// Opens the store to look at it, in whatever state it is.
    pub(crate) async fn open_to_look(config: &Config) -> Result<Storage, Failure> {
        Self::check_reach(config)?;
        let (profiles, key) = (profiles(config)?, key(config)?);
        let storage = moving::open(&config.storage, Role::Look).await?;
        // A copy that does not lead may have no keys yet, and who looks must not make some.
        match moving::leads(&storage, &config.storage.url).await {
            Ok(true) => {
                let house = Self::furnish(config, profiles, key, storage, Arc::new(Tracing), None).await?;
                Ok(house.storage)
            }
            Ok(false) => Ok(storage),
            Err(failure) => {
                storage.close().await;
                Err(failure)
            }
        }
    }

    /// Whether a command can reach the store at all.
    fn check_reach(config: &Config) -> Result<(), Failure> {
        if config.storage.url == StorageUrl::Memory {
            return Err(Failure::failed(
                "storage.url is \"memory:\": what such a server keeps is in its own process, where no command can reach \
                 it; configure sqlite:PATH",
            ));
        }
        Ok(())
    }

    /// The operators' API over these rooms.
    pub(crate) fn api(&self) -> Api {
        let others = self.engines.iter().skip(1).cloned();
        let api = Api::of_profiles(self.engine.clone(), others, Arc::clone(&self.directory));
        api.ledger(self.ledger.clone()).figures(Arc::clone(&self.figures))
    }

    /// The same for whoever runs a command here.
    pub(crate) fn operator(&self) -> Within {
        self.api().within(Caller::Operator)
    }

    /// The engine of a profile.
    pub(crate) fn engine_of(&self, profile: &str) -> Option<&Engine> {
        self.engines.iter().find(|engine| engine.profile().name == profile)
    }

    /// Opens everything, under the names that the server answers to.
    pub(crate) async fn open(
        config: &Config,
        profiles: Vec<Profile>,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, Failure> {
        // The key is first: a store that was made beside the wrong key would have to be thrown away.
        let key = key(config)?;
        let bundles = Bundles::start(&config.log)?.map(Arc::new);
        let storage = moving::open(&config.storage, Role::Serve).await?;
        Self::furnish(config, profiles, key, storage, observer, bundles).await
    }

    async fn furnish(
        config: &Config,
        profiles: Vec<Profile>,
        key: ServerKey,
        storage: Storage,
        observer: Arc<dyn Observer>,
        bundles: Option<Arc<Bundles>>,
    ) -> Result<Self, Failure> {
        let figures = Arc::new(Figures::new());
        let store: Arc<dyn Store> = Arc::new(MeteredLayer::new(Arc::clone(&storage.store), figures.clone()));
        let keep = grantor_ledger::Settings { keep: config.audit.keep, ..Default::default() };
        let ledger = Ledger::start(Arc::clone(&store), Arc::new(SystemClock), keep);
        let observer = All(vec![observer, figures.clone(), Arc::new(ledger.clone())]);
        let furnished = async {
            let mut profiles = profiles.into_iter();
            let first = profiles.next().ok_or_else(|| Failure::failed("there is no profile"))?;
            let mut builder = Engine::builder(first, Arc::clone(&store), key)
                .algorithm(config.keys.algorithm)
                .remember_registrations(storage.registrations_stand_for())
                .observer(Arc::new(observer));
            if let Some(bundles) = &bundles {
                builder = builder.recorder(Arc::clone(bundles) as Arc<dyn Recorder>);
            }
            let engine = builder.open().await?;
            let mut engines = vec![engine.clone()];
            engines.extend(profiles.map(|profile| engine.for_profile(profile)));
            let people = Settings { idle: config.session_idle, ..Settings::default() };
            let directory = Directory::new(store, engine.server_key(), people)
                .map_err(|e| Failure::failed(format!("passwords cannot be hashed: {e}")))?
                .observer(Arc::new(People(ledger.clone())));
            Ok((engine, engines, Arc::new(directory)))
        };
        match furnished.await {
            Ok((engine, engines, directory)) => {
                Ok(Self { engine, engines, directory, ledger, figures, bundles, storage })
            }
            Err(failure) => {
                // Whoever tries again would find a folder in use.
                storage.close().await;
                Err(failure)
            }
        }
    }

    /// The store, and what can be done with it beside the contract.
    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Writes what is still on its way and lets the store go.
    pub(crate) async fn close(self) {
        if tokio::time::timeout(LAST_WORDS, self.ledger.flush()).await.is_err() {
            tracing::error!(
                "the store does not answer: what waited to be written to the audit trail is lost"
            );
        }
        if let Some(bundles) = &self.bundles
            && tokio::time::timeout(LAST_WORDS, bundles.flush()).await.is_err()
        {
            tracing::error!("the folder of replay bundles does not answer: those that waited are lost");
        }
        self.storage.close().await;
    }
}

/// The profiles as a command knows them.
fn profiles(config: &Config) -> Result<Vec<Profile>, Failure> {
    // A port that is chosen at start is not known here; only JWTs of such a server are told apart by it.
    let at = |profile: &ProfileConfig| profile.listen.unwrap_or(config.listen.public);
    let profiles = config.profiles.iter().map(|profile| {
        let issuer = profile.issuer_at(config, at(profile))?;
        profile.load(config, issuer)
    });
    profiles.collect()
}

fn key(config: &Config) -> Result<ServerKey, Failure> {
    match &config.storage.url {
        StorageUrl::Memory => server_key::ephemeral(),
        StorageUrl::Sqlite(_) | StorageUrl::Sled(_) | StorageUrl::Redis(_) => server_key::obtain(config),
    }
}
