//! Replay bundles in a folder: of refusals and faults, for whoever wants to know afterwards what a rule saw.
//!
//! Bounded each way: what comes faster than it can be written is dropped and counted, of one rule so many are kept in a
//! minute, and the oldest go when there are too many. So a storm of refusals costs the server one thread at most, and hides
//! no other refusal from the folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use grantor_core::replay::{Bundle, Run};
use grantor_core::{Entropy, Reason};
use grantor_engine::{Ending, Operation, Recorder};
use tokio::sync::oneshot;

use crate::config::Log;
use crate::failure::Failure;
use crate::files;

/// How many runs may wait to be written.
const WAITING: usize = 64;
/// How many of one rule are taken in one span.
const OF_ONE_RULE: u32 = 6;
const SPAN: Duration = Duration::from_secs(60);
/// What a bundle's name begins with. Nothing else in the folder is touched.
const PREFIX: &str = "bundle-";

/// Takes runs, and writes their bundles on a thread of its own.
pub(crate) struct Bundles {
    queue: SyncSender<Work>,
    pace: Mutex<Pace>,
}

enum Work {
    Run(Box<Run>, String),
    /// Tell when all before it is written.
    Flush(oneshot::Sender<()>),
}

impl Bundles {
    /// Begins to record, where the configuration names a folder.
    pub(crate) fn start(log: &Log) -> Result<Option<Self>, Failure> {
        let Some(folder) = log.bundles.clone() else { return Ok(None) };
        metrics::describe_counter!(
            "grantor_bundles_lost_total",
            "Replay bundles that were not written: they came too fast, or could not be written."
        );
        let failed =
            |e: io::Error| Failure::failed(format!("no bundles can be written to {}: {e}", folder.display()));
        files::make_parent(&folder.join(PREFIX)).map_err(failed)?;
        let (queue, work) = sync_channel(WAITING);
        let keeper = Keeper { folder: folder.clone(), most: log.bundles_keep };
        let thread = std::thread::Builder::new().name("bundles".to_owned());
        thread.spawn(move || keeper.work(&work)).map_err(failed)?;
        Ok(Some(Self { queue, pace: Mutex::new(Pace::begin(Instant::now())) }))
    }

    /// Waits until what was taken is written.
    pub(crate) async fn flush(&self) {
        let (told, written) = oneshot::channel();
        let queue = self.queue.clone();
        // The queue may be full, and then this waits its turn, off the runtime's own threads.
        let sent = tokio::task::spawn_blocking(move || queue.send(Work::Flush(told)).is_ok()).await;
        if sent.is_ok_and(|sent| sent) {
            let _ = written.await;
        }
    }
}

impl Recorder for Bundles {
    fn wants(&self, _: Operation, ending: Ending<'_>) -> bool {
        let rule = match ending {
            Ending::Answered => return false,
            Ending::Refused(refusal) => Some(refusal.reason),
            Ending::Failed(_) => None,
        };
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).takes(rule, Instant::now())
    }

    fn record(&self, _: Operation, run: Run) {
        let name = name_of(&run);
        match self.queue.try_send(Work::Run(Box::new(run), name)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => lost(),
        }
    }
}

fn lost() {
    metrics::counter!("grantor_bundles_lost_total").increment(1);
}

/// What a bundle is called, without what tells it from another of the same millisecond: so that the oldest come first.
fn name_of(run: &Run) -> String {
    use grantor_core::replay::End;
    let what = match &run.end {
        End::Answered => "answered",
        End::Refused(refusal) => refusal.reason.name(),
        End::Fault(_) | End::Cut(_) => "fault",
    };
    format!("{PREFIX}{}-{what}", run.now.to_string().replace([':', '-'], ""))
}

/// How many of each rule were taken since the span began.
struct Pace {
    began: Instant,
    rules: Vec<u32>,
    faults: u32,
}

impl Pace {
    fn begin(now: Instant) -> Self {
        Self { began: now, rules: vec![0; Reason::ALL.len()], faults: 0 }
    }

    fn takes(&mut self, rule: Option<Reason>, now: Instant) -> bool {
        if now.duration_since(self.began) >= SPAN {
            *self = Self::begin(now);
        }
        let count = match rule {
            Some(reason) => self.rules.get_mut(reason as usize),
            None => Some(&mut self.faults),
        };
        count.is_some_and(|count| {
            *count += 1;
            *count <= OF_ONE_RULE
        })
    }
}

/// Writes, and lets the oldest go.
struct Keeper {
    folder: PathBuf,
    most: usize,
}

impl Keeper {
    fn work(&self, work: &Receiver<Work>) {
        while let Ok(work) = work.recv() {
            match work {
                Work::Run(run, name) => {
                    if let Err(why) = self.keep(*run, &name) {
                        tracing::warn!(why, "a replay bundle was not written");
                        lost();
                    }
                }
                Work::Flush(told) => {
                    let _ = told.send(());
                }
            }
        }
    }

    fn keep(&self, run: Run, name: &str) -> Result<(), String> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| e.to_string())?;
        let json = run.bundle(Entropy::from_seed(seed)).map_err(|e| e.to_string())?.to_json();
        if json.len() > Bundle::LARGEST {
            return Err("it is too large".to_owned());
        }
        let written = files::random_hex(4).and_then(|random| {
            files::replace(&self.folder.join(format!("{name}-{random}.json")), json.as_bytes())?;
            prune(&self.folder, self.most)
        });
        written.map_err(|e| e.to_string())
    }
}

/// Removes the oldest of too many.
fn prune(folder: &Path, most: usize) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(".json")) {
            names.push(name);
        }
    }
    names.sort();
    let surplus = names.len().saturating_sub(most);
    names.iter().take(surplus).try_for_each(|name| std::fs::remove_file(folder.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_of_one_rule_leaves_room_for_the_others() {
        let now = Instant::now();
        let mut pace = Pace::begin(now);
        let taken = (0..100).filter(|_| pace.takes(Some(Reason::TokenInvalid), now)).count();
        assert_eq!(taken, OF_ONE_RULE as usize);
        assert!(pace.takes(Some(Reason::CodeReplayed), now) && pace.takes(None, now));
        assert!(!pace.takes(Some(Reason::TokenInvalid), now + SPAN / 2));
        assert!(pace.takes(Some(Reason::TokenInvalid), now + SPAN));
    }

    #[test]
    fn the_oldest_bundles_go_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["bundle-1.json", "bundle-2.json", "bundle-3.json", "a-note.txt", "other.json"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        prune(folder.path(), 2).unwrap();
        let mut left: Vec<_> =
            std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["a-note.txt", "bundle-2.json", "bundle-3.json", "other.json"]);
    }
}
