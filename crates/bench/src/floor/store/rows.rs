//! A store with one writer: what came while it committed goes into the next commit.

use std::io;
use std::sync::Mutex;

use tokio::sync::{mpsc, oneshot};

use crate::record::Id;

/// How many changes one commit holds at most.
const BATCH: usize = 256;

/// One change of one row.
pub(crate) enum Change {
    Put(Id, Vec<u8>),
    Swap(Id, Vec<u8>),
    Take(Id),
}

/// Applies changes in one commit, and gives what stood there before each.
pub(super) trait Writing: Send + 'static {
    fn commit(&mut self, changes: &[Change]) -> io::Result<Vec<Option<Vec<u8>>>>;
}

/// Reads beside the writer.
pub(super) trait Reading: Send + 'static {
    fn get(&mut self, id: &Id) -> io::Result<Option<Vec<u8>>>;
}

type Before = io::Result<Option<Vec<u8>>>;
type Job = (Change, oneshot::Sender<Before>);

pub(crate) struct Rows {
    queue: mpsc::Sender<Job>,
    reading: Mutex<Box<dyn Reading>>,
}

impl Rows {
    pub(super) fn start(writing: impl Writing, reading: impl Reading) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(4096);
        std::thread::Builder::new().name("writer".to_owned()).spawn(move || write(writing, jobs))?;
        Ok(Self { queue, reading: Mutex::new(Box::new(reading)) })
    }

    pub(super) async fn change(&self, change: Change) -> Before {
        let (answer, answered) = oneshot::channel();
        self.queue.send((change, answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    pub(super) fn get(&self, id: &Id) -> Before {
        self.reading.lock().map_err(|_| gone())?.get(id)
    }
}

fn write(mut writing: impl Writing, mut queue: mpsc::Receiver<Job>) {
    while let Some((change, answer)) = queue.blocking_recv() {
        let (mut changes, mut answers) = (vec![change], vec![answer]);
        while changes.len() < BATCH
            && let Ok((change, answer)) = queue.try_recv()
        {
            changes.push(change);
            answers.push(answer);
        }
        match writing.commit(&changes) {
            Ok(before) => answers.into_iter().zip(before).for_each(|(answer, before)| {
                let _gone = answer.send(Ok(before));
            }),
            Err(error) => answers.into_iter().for_each(|answer| {
                let _gone = answer.send(Err(io::Error::other(error.to_string())));
            }),
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the writer is gone")
}
