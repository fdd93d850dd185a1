//! What many ask in one turn of the runtime's loop goes to the server as one write.
//!
//! **Invariant: whoever has joined a batch has sent his command.** It is written once, in its place among the others, and has
//! the outcome that the server gives just that one; where no answer comes, it is lost.
//!
//! A small command costs little and a write costs much: the call into the system, the network's path, and the switch to
//! whoever is woken by it, on both sides. So the first to ask begins a batch, all who are about to run join it, and it is
//! sent when they have had their turn. An idle server is asked no later for that: then there is nobody to wait for.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisResult, Value, cmd};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

/// How much sooner than the batch's an asker's own deadline may be without a timer of its own.
const SLACK: Duration = Duration::from_millis(20);

/// One connection, and what is to be sent on it next.
#[derive(Clone)]
pub(crate) struct Batches {
    connection: MultiplexedConnection,
    /// How long an operation may take.
    patience: Duration,
    next: Arc<Mutex<Batch>>,
}

#[derive(Default)]
struct Batch {
    commands: Pipeline,
    askers: Vec<Asker>,
    replies: usize,
}

/// Somebody who waits for an answer.
struct Asker {
    told: oneshot::Sender<RedisResult<Value>>,
    /// How many replies are his: of a transaction one for each of its commands, one for its beginning and one for its end.
    replies: usize,
}

impl Batches {
    pub(crate) fn new(connection: MultiplexedConnection, patience: Duration) -> Self {
        Self { connection, patience, next: Arc::default() }
    }

    /// Sends one command, or several as one transaction, with what others are about to send. `None` if no answer came in
    /// time. The error of a command of a transaction is an error only where none of them was executed.
    pub(crate) async fn ask(&self, commands: &[Cmd], deadline: Instant) -> Option<RedisResult<Value>> {
        let answer = self.join(commands);
        // One timer for the batch is enough for all whose time has just begun.
        if deadline + SLACK >= Instant::now() + self.patience {
            answer.await.ok()
        } else {
            timeout_at(deadline, answer).await.ok()?.ok()
        }
    }

    fn join(&self, commands: &[Cmd]) -> oneshot::Receiver<RedisResult<Value>> {
        let (told, answer) = oneshot::channel();
        let is_first = {
            let mut next = self.next();
            let is_transaction = commands.len() > 1;
            let replies = commands.len() + if is_transaction { 2 } else { 0 };
            if is_transaction {
                next.commands.add_command(cmd("MULTI"));
            }
            for command in commands {
                next.commands.add_command(command.clone());
            }
            if is_transaction {
                next.commands.add_command(cmd("EXEC"));
            }
            next.replies += replies;
            next.askers.push(Asker { told, replies });
            next.askers.len() == 1
        };
        if is_first {
            drop(tokio::spawn(self.clone().send()));
        }
        answer
    }

    async fn send(mut self) {
        tokio::task::yield_now().await;
        let Batch { commands, askers, replies } = mem::take(&mut *self.next());
        let sent = self.connection.send_packed_commands(&commands, 0, replies);
        // Whoever waits for a batch that is given up finds his sender gone.
        match timeout(self.patience, sent).await {
            Ok(Ok(answers)) => {
                let mut answers = answers.into_iter();
                for asker in askers {
                    if let Some(answer) = answer_to(&mut answers, asker.replies) {
                        // Who is no longer there needs no answer.
                        let _told = asker.told.send(answer);
                    }
                }
            }
            Ok(Err(error)) => {
                for asker in askers {
                    let _told = asker.told.send(Err(error.clone()));
                }
            }
            Err(_) => {}
        }
    }

    /// `ASKING` and one command, which must not come apart.
    pub(crate) async fn ask_after_asking(
        &self,
        command: &Cmd,
        deadline: Instant,
    ) -> Option<RedisResult<Value>> {
        let mut both = redis::pipe();
        both.cmd("ASKING").ignore().add_command(command.clone());
        let mut connection = self.connection.clone();
        let asked = both.query_async::<(Value,)>(&mut connection);
        Some(timeout_at(deadline, asked).await.ok()?.map(|(value,)| value))
    }

    fn next(&self) -> MutexGuard<'_, Batch> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next answer: one reply, or the last of a transaction's, unless one of its commands was refused and with it all of them.
fn answer_to(replies: &mut impl Iterator<Item = Value>, count: usize) -> Option<RedisResult<Value>> {
    if count == 1 {
        return replies.next().map(Value::extract_error);
    }
    let mut refused = None;
    let mut last = None;
    for reply in replies.take(count) {
        if let Value::ServerError(error) = reply {
            refused.get_or_insert(error);
        } else {
            last = Some(reply);
        }
    }
    refused.map(|error| Err(error.into())).or(last.map(Ok))
}
