//! What the binary knows of its server, for the operators' API.

use std::sync::Arc;

use async_trait::async_trait;
use grantor_admin::{Deployment, Moving, SettingInForce};

use crate::config::Config;
use crate::moving::{self, Copying};

/// The configuration, and the move that it may say.
pub(crate) struct Served {
    config: Config,
    copying: Option<Copying>,
}

impl Served {
    pub(crate) fn new(config: &Config, copying: Option<Copying>) -> Arc<Self> {
        Arc::new(Self { config: config.clone(), copying })
    }
}

#[async_trait]
impl Deployment for Served {
    fn version(&self) -> String {
        env!("CARGO_PKG_VERSION").to_owned()
    }

    fn settings(&self) -> Vec<SettingInForce> {
        self.config.in_force.clone()
    }

    fn dangers(&self) -> Vec<String> {
        self.config.dangers()
    }

    async fn moving(&self) -> Result<Option<Moving>, String> {
        let Some(copying) = &self.copying else { return Ok(None) };
        let status = moving::status(copying, &self.config.storage).await;
        status.map(Some).map_err(|error| error.to_string())
    }
}
