//! One Redis server, and the one connection to it that everybody shares.
//!
//! It is made here rather than by the driver's connection manager or cluster client for one reason: a put's outcome hangs
//! on whether its command was sent, and those do not tell. They also send a command again whose answer was lost.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use grantor_store::StoreError;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, PushInfo, PushKind, RedisResult, Value};
use tokio::time::{Instant, timeout_at};

use crate::batch::Batches;
use crate::error::{ConnectError, Failure, Refusal, cannot_connect, timed_out};

/// How many batches may wait to be written to the connection before those that come wait themselves.
const QUEUE: usize = 1024;

/// How many bytes are gathered before they are written, unless nothing more is to come.
const WRITE: usize = 64 * 1024;

/// A server.
pub(crate) struct Node {
    client: Client,
    address: String,
    /// How long an operation may take; making a connection, half of that, so that there is time to find who serves in place
    /// of a node that does not answer.
    timeout: Duration,
    is_of_cluster: bool,
    live: Mutex<Option<Live>>,
    /// Held while a connection is made, so that those who find none make one together.
    dialing: tokio::sync::Mutex<()>,
}

/// A connection that was made, and whether it has ended since.
#[derive(Clone)]
struct Live {
    batches: Batches,
    ended: Arc<AtomicBool>,
}

impl Node {
    /// # Errors
    /// If `info` names nothing that can be connected to.
    pub(crate) fn new(
        info: &ConnectionInfo,
        timeout: Duration,
        is_of_cluster: bool,
    ) -> Result<Self, ConnectError> {
        let address = info.addr().to_string();
        let client = Client::open(info.clone()).map_err(|e| cannot_connect(&address, &e))?;
        let (live, dialing) = Default::default();
        Ok(Self { client, address, timeout, is_of_cluster, live, dialing })
    }

    /// Host and port, or the path of a socket.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Sends one command and waits for its answer.
    pub(crate) async fn ask(&self, command: &Cmd, deadline: Instant) -> Result<Value, Failure> {
        self.ask_all(std::slice::from_ref(command), deadline).await
    }

    /// Sends one command, or several as one transaction, and waits for the answer.
    pub(crate) async fn ask_all(&self, commands: &[Cmd], deadline: Instant) -> Result<Value, Failure> {
        let live = self.connected(deadline).await?;
        let answer = live.batches.ask(commands, deadline).await;
        self.told(&live, answer)
    }

    /// Sends one command that a cluster redirected here for once.
    pub(crate) async fn ask_after_asking(&self, command: &Cmd, deadline: Instant) -> Result<Value, Failure> {
        let live = self.connected(deadline).await?;
        let answer = live.batches.ask_after_asking(command, deadline).await;
        self.told(&live, answer)
    }

    async fn connected(&self, deadline: Instant) -> Result<Live, Failure> {
        match self.live() {
            Some(live) => Ok(live),
            None => self.dial(deadline).await.map_err(Failure::NotSent),
        }
    }

    fn told(&self, live: &Live, answer: Option<RedisResult<Value>>) -> Result<Value, Failure> {
        let lost = match answer {
            Some(Ok(value)) => return Ok(value),
            Some(Err(error)) => match Refusal::of(&self.address, &error) {
                Some(refusal) => return Err(Failure::Refused(refusal)),
                None => StoreError::Unavailable(format!(
                    "the connection to Redis at {} was lost: {error}",
                    self.address
                )),
            },
            None => timed_out(&self.address, "answer in time"),
        };
        // A peer that vanished without a word is only ever noticed by its silence.
        self.forget(live);
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
        let deadline = deadline.min(Instant::now() + self.timeout / 2);
        let late = |_| timed_out(&self.address, "accept a connection in time");
        let _dialing = timeout_at(deadline, self.dialing.lock()).await.map_err(late)?;
        if let Some(live) = self.live() {
            return Ok(live);
        }
        let ended = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ended);
        let config = AsyncConnectionConfig::new()
            // Each batch has its own.
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(QUEUE)
            .set_write_backpressure_boundary(WRITE)
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
        let live = Live { batches: Batches::new(connection, self.timeout, !self.is_of_cluster), ended };
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

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}
