//! What the server's processes used, as Linux tells it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::http::Wrong;

/// One tick of `/proc/PID/stat`: `USER_HZ` is 100 on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// Processes that are measured as one server.
pub(crate) struct Processes(Vec<u32>);

/// What they have used since they started, in their own code and in the kernel for them.
pub(crate) struct Used {
    /// Of each thread that is there, to the nanosecond.
    threads: BTreeMap<u32, Duration>,
    /// Of all, those that have ended too, in ticks.
    all: Duration,
}

impl Used {
    /// What was used from here on. A short measurement on a busy machine has few ticks, so the threads' own times count;
    /// unless one has ended, and took its time with it.
    pub(crate) fn until(&self, later: &Self) -> Duration {
        if self.threads.keys().all(|thread| later.threads.contains_key(thread)) {
            let sum = |used: &Self| used.threads.values().sum::<Duration>();
            sum(later).saturating_sub(sum(self))
        } else {
            later.all.saturating_sub(self.all)
        }
    }
}

impl Processes {
    pub(crate) fn new(pids: &[u32]) -> Self {
        Self(pids.to_vec())
    }

    /// Processor time, so far.
    pub(crate) fn used(&self) -> Result<Used, Wrong> {
        let (mut threads, mut all) = (BTreeMap::new(), Duration::ZERO);
        for pid in &self.0 {
            all += ticks(*pid)?;
            let folder = format!("/proc/{pid}/task");
            let tasks = fs::read_dir(&folder).map_err(|error| Wrong::new(format!("{folder}: {error}")))?;
            for task in tasks.flatten() {
                // One that ended meanwhile is not there any more, which is noticed later.
                let Ok(times) = fs::read_to_string(task.path().join("schedstat")) else { continue };
                let nanos = times.split(' ').next().and_then(|nanos| nanos.parse().ok());
                let thread = task.file_name().to_string_lossy().parse().ok();
                if let (Some(thread), Some(nanos)) = (thread, nanos) {
                    threads.insert(thread, Duration::from_nanos(nanos));
                }
            }
        }
        Ok(Used { threads, all })
    }

    /// Memory that is in use now, in bytes.
    pub(crate) fn memory(&self) -> Result<u64, Wrong> {
        self.status("VmRSS:")
    }

    /// The most that ever was.
    pub(crate) fn peak_memory(&self) -> Result<u64, Wrong> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> Result<u64, Wrong> {
        let mut all = 0;
        for pid in &self.0 {
            let status = read(*pid, "status")?;
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
            all += 1024 * kilobytes.ok_or_else(|| Wrong::new(format!("process {pid} has no {name}")))?;
        }
        Ok(all)
    }
}

fn ticks(pid: u32) -> Result<Duration, Wrong> {
    let stat = read(pid, "stat")?;
    // The name, in parentheses, may hold anything; after it come numbers, from the third on.
    let numbers = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let number = |at: usize| numbers.split_whitespace().nth(at - 3)?.parse::<u32>().ok();
    match (number(14), number(15)) {
        (Some(user), Some(system)) => Ok(TICK * user.saturating_add(system)),
        (_, _) => Err(Wrong::new(format!("process {pid} has no times"))),
    }
}

fn read(pid: u32, name: &str) -> Result<String, Wrong> {
    let path = format!("/proc/{pid}/{name}");
    fs::read_to_string(&path).map_err(|error| Wrong::new(format!("{path}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_does_is_counted() {
        let own = Processes::new(&[std::process::id()]);
        let before = own.used().unwrap();
        let mut sum = 0_u64;
        while before.until(&own.used().unwrap()) < Duration::from_millis(2) {
            sum = (0..100_000).fold(sum, |sum, number| std::hint::black_box(sum ^ number));
        }
        assert!(own.memory().unwrap() > 0 && own.peak_memory().unwrap() > 0);
        assert!(Processes::new(&[u32::MAX]).used().is_err());
    }

    #[test]
    fn a_thread_that_ended_makes_ticks_count() {
        let used = |threads: &[(u32, u64)], all: u64| Used {
            threads: threads.iter().map(|(id, millis)| (*id, Duration::from_millis(*millis))).collect(),
            all: Duration::from_millis(all),
        };
        let before = used(&[(1, 5), (2, 5)], 10);
        assert_eq!(before.until(&used(&[(1, 8), (2, 5), (3, 1)], 20)), Duration::from_millis(4));
        assert_eq!(before.until(&used(&[(1, 8)], 20)), Duration::from_millis(10));
    }
}
