//! One Redis server, and the one connection to it that everybody shares.
//!
//! It is made here rather than by the driver's connection manager or cluster client for one reason: a put's outcome hangs
//! on whether its command was sent, and those do not tell. They also send a command again whose answer was lost.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grantor_store::StoreError;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, PushInfo, PushKind, RedisResult, Value};
use tokio::time::{Instant, timeout_at};

use crate::error::{ConnectError, Failure, Refusal, cannot_connect, timed_out};

/// How many commands may wait to be written to the connection before those who bring more wait themselves.
const QUEUE: usize = 1024;

/// A server.
pub(crate) struct Node {
    client: Client,
    address: String,
    /// How long making a connection may take.
    patience: Duration,
    live: Mutex<Option<Live>>,
    /// Held while a connection is made, so that those who find none make one together.
    dialing: tokio::sync::Mutex<()>,
}

/// A connection that was made, and whether it has ended since.
#[derive(Clone)]
struct Live {
    connection: MultiplexedConnection,
    ended: Arc<AtomicBool>,
}

impl Node {
    /// # Errors
    /// If `info` names nothing that can be connected to.
    pub(crate) fn new(info: &ConnectionInfo, patience: Duration) -> Result<Self, ConnectError> {
        let address = info.addr().to_string();
        let client = Client::open(info.clone()).map_err(|e| cannot_connect(&address, &e))?;
        Ok(Self { client, address, patience, live: Mutex::default(), dialing: tokio::sync::Mutex::default() })
    }

    /// Host and port, or the path of a socket.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Sends one command, after `ASKING` if a cluster redirected it here for once, and waits for its answer.
    pub(crate) async fn ask(&self, command: &Cmd, asking: bool, deadline: Instant) -> Result<Value, Failure> {
        let mut live = match self.live() {
            Some(live) => live,
            None => self.dial(deadline).await.map_err(Failure::NotSent)?,
        };
        let answer = timeout_at(deadline, live.ask(command, asking)).await;
        let lost = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => match Refusal::of(&self.address, &error) {
                Some(refusal) => return Err(Failure::Refused(refusal)),
                None => StoreError::Unavailable(format!(
                    "the connection to Redis at {} was lost: {error}",
                    self.address
                )),
            },
            Err(_) => timed_out(&self.address, "answer in time"),
        };
        // A peer that vanished without a word is only ever noticed by its silence.
        self.forget(&live);
        Err(Failure::Lost(lost))
    }

    /// Lets the next command make a new connection: the name may lead elsewhere by now.
    pub(crate) fn reconnect(&self) {
        *self.slot() = None;
    }

    fn live(&self) -> Option<Live> {
        self.slot().clone().filter(|live| !live.ended.load(Ordering::Acquire))
    }

    async fn dial(&self, deadline: Instant) -> Result<Live, ConnectError> {
        let deadline = deadline.min(Instant::now() + self.patience);
        let late = |_| timed_out(&self.address, "accept a connection in time");
        let _dialing = timeout_at(deadline, self.dialing.lock()).await.map_err(late)?;
        if let Some(live) = self.live() {
            return Ok(live);
        }
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let config = AsyncConnectionConfig::new()
            // Each command has its own deadline.
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE)
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    end.store(true, Ordering::Release);
                }
                Ok::<(), redis::aio::SendError>(())
            });
        let connection =
            timeout_at(deadline, self.client.get_multiplexed_async_connection_with_config(&config))
                .await
                .map_err(late)?
                .map_err(|e| cannot_connect(&self.address, &e))?;
        let live = Live { connection, ended };
        *self.slot() = Some(live.clone());
        Ok(live)
    }

    /// Drops the connection, unless another has taken its place.
    fn forget(&self, lost: &Live) {
        let mut slot = self.slot();
        if slot.as_ref().is_some_and(|live| Arc::ptr_eq(&live.ended, &lost.ended)) {
            *slot = None;
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    async fn ask(&mut self, command: &Cmd, asking: bool) -> RedisResult<Value> {
        if !asking {
            return command.query_async(&mut self.connection).await;
        }
        let mut both = redis::pipe();
        both.cmd("ASKING").ignore().add_command(command.clone());
        both.query_async::<(Value,)>(&mut self.connection).await.map(|(value,)| value)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}
