//! What many ask in one turn of the runtime's loop goes to the server as one write.
//!
//! **Invariant: whoever has joined a batch has sent his command.** It is written once, in its place among the others, and has
//! the outcome that the server gives just that one; where no answer comes, it is lost.
//!
//! A small command costs little and a write costs much: the call into the system, the network's path, and the switch to
//! whoever is woken by it, on both sides. So the first to ask begins a batch, all who are about to run join it, and it is
//! sent when they have had their turn. An idle server is asked no later for that: then there is nobody to wait for. What they
//! want done as transactions is done as one, which saves the beginning and the end of each.

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
    /// Whether transactions may be made one: on a cluster their keys would have to lie in one slot.
    merges: bool,
    next: Arc<Mutex<Vec<Sent>>>,
}

/// What is sent, and whom its replies are for.
enum Sent {
    Command(Cmd, Asker),
    /// Transactions of several, executed as one. Each is executed as a whole or not at all, as it would be by itself; that they
    /// all are together is more than anybody asked for.
    Transaction(Vec<(Vec<Cmd>, Asker)>),
}

/// Somebody who waits for an answer.
type Asker = oneshot::Sender<RedisResult<Value>>;

impl Batches {
    pub(crate) fn new(connection: MultiplexedConnection, patience: Duration, merges: bool) -> Self {
        Self { connection, patience, merges, next: Arc::default() }
    }

    /// Sends one command, or several as one transaction, with what others are about to send. `None` if no answer came in
    /// time. Of a transaction the answer is that of each command, and an error only where none was executed.
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
        let (asker, answer) = oneshot::channel();
        let is_first = {
            let mut next = self.next();
            let is_first = next.is_empty();
            match (commands, next.last_mut()) {
                ([command], _) => next.push(Sent::Command(command.clone(), asker)),
                (all, Some(Sent::Transaction(transactions))) if self.merges => {
                    transactions.push((all.to_vec(), asker));
                }
                (all, _) => next.push(Sent::Transaction(vec![(all.to_vec(), asker)])),
            }
            is_first
        };
        if is_first {
            drop(tokio::spawn(self.clone().send()));
        }
        answer
    }

    async fn send(mut self) {
        tokio::task::yield_now().await;
        let batch = mem::take(&mut *self.next());
        let (mut commands, mut replies) =
            (Pipeline::with_capacity(batch.len()), Vec::with_capacity(batch.len()));
        for sent in batch {
            replies.push(sent.write(&mut commands));
        }
        let count = replies.iter().map(Replies::count).sum();
        let sent = self.connection.send_packed_commands(&commands, 0, count);
        // Whoever waits for a batch that is given up finds his sender gone.
        match timeout(self.patience, sent).await {
            Ok(Ok(answers)) => {
                let mut answers = answers.into_iter();
                for replies in replies {
                    replies.tell(&mut answers);
                }
            }
            Ok(Err(error)) => {
                for asker in replies.into_iter().flat_map(Replies::askers) {
                    let _told = asker.send(Err(error.clone()));
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

    fn next(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sent {
    fn write(self, pipeline: &mut Pipeline) -> Replies {
        match self {
            Self::Command(command, asker) => {
                pipeline.add_command(command);
                Replies::One(asker)
            }
            Self::Transaction(transactions) => {
                pipeline.add_command(cmd("MULTI"));
                let mut askers = Vec::with_capacity(transactions.len());
                for (commands, asker) in transactions {
                    askers.push((commands.len(), asker));
                    for command in commands {
                        pipeline.add_command(command);
                    }
                }
                pipeline.add_command(cmd("EXEC"));
                Replies::OfTransaction(askers)
            }
        }
    }
}

/// Who is told what of the server's replies.
enum Replies {
    One(Asker),
    /// Each asker, and how many of the commands were his.
    OfTransaction(Vec<(usize, Asker)>),
}

impl Replies {
    fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            // One for each command, one for the beginning and one for the end.
            Self::OfTransaction(askers) => askers.iter().map(|(commands, _)| commands).sum::<usize>() + 2,
        }
    }

    fn askers(self) -> Vec<Asker> {
        match self {
            Self::One(asker) => vec![asker],
            Self::OfTransaction(askers) => askers.into_iter().map(|(_, asker)| asker).collect(),
        }
    }

    /// Takes as many from the head of what came. Who is no longer there needs no answer, and who gets none finds his sender gone.
    fn tell(self, replies: &mut impl Iterator<Item = Value>) {
        let count = self.count();
        match self {
            Self::One(asker) => {
                if let Some(reply) = replies.next() {
                    let _told = asker.send(reply.extract_error());
                }
            }
            Self::OfTransaction(askers) => {
                let (mut refused, mut end) = (None, None);
                for reply in replies.take(count) {
                    if let Value::ServerError(error) = reply {
                        refused.get_or_insert(error);
                    } else {
                        end = Some(reply);
                    }
                }
                // One command that is refused is the end of them all.
                let mut done = match (refused, end) {
                    (None, Some(Value::Array(done))) => Ok(done.into_iter()),
                    (Some(error), _) => Err(error),
                    // It is no answer to a transaction, and nobody can tell what became of it.
                    (None, _) => return,
                };
                for (commands, asker) in askers {
                    let own = match &mut done {
                        Ok(done) => Ok(Value::Array(done.take(commands).collect())),
                        Err(error) => Err(error.clone().into()),
                    };
                    let _told = asker.send(own);
                }
            }
        }
    }
}
