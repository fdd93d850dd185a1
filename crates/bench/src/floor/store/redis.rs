//! One command for each operation, on one connection that all requests share.

use std::io;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue};

use crate::record::Id;

/// A machine that is busy with other things makes a command wait longer than its half second, and that is no fault here.
const PATIENCE: Duration = Duration::from_secs(30);

/// As long as any token lives.
const SECONDS: u32 = 3600;

pub(crate) struct Redis(MultiplexedConnection);

impl Redis {
    pub(super) async fn open(url: &str) -> io::Result<Self> {
        let client = redis::Client::open(url).map_err(io::Error::other)?;
        let patient = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let connection = client.get_multiplexed_async_connection_with_config(&patient).await;
        connection.map(Self).map_err(io::Error::other)
    }

    pub(super) async fn get(&self, id: &Id) -> io::Result<Option<Vec<u8>>> {
        self.ask(redis::cmd("GET").arg(id)).await
    }

    pub(super) async fn put(&self, id: &Id, record: &[u8]) -> io::Result<()> {
        self.ask(redis::cmd("SET").arg(id).arg(record).arg("NX").arg("EX").arg(SECONDS)).await
    }

    pub(super) async fn swap(&self, id: &Id, record: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.ask(redis::cmd("SET").arg(id).arg(record).arg("EX").arg(SECONDS).arg("GET")).await
    }

    pub(super) async fn take(&self, id: &Id) -> io::Result<Option<Vec<u8>>> {
        self.ask(redis::cmd("GETDEL").arg(id)).await
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> io::Result<T> {
        command.query_async(&mut self.0.clone()).await.map_err(io::Error::other)
    }
}
