//! What the server's processes used, as Linux tells it.

use std::fs;

use crate::http::Wrong;

/// How many ticks of `/proc/PID/stat` a second has: `USER_HZ`, which is 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

/// Processes that are measured as one server.
pub(crate) struct Processes(Vec<u32>);

impl Processes {
    pub(crate) fn new(pids: &[u32]) -> Self {
        Self(pids.to_vec())
    }

    /// Processor time since they started, in seconds: in their own code and in the kernel for them.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, Wrong> {
        let mut all = 0.0;
        for pid in &self.0 {
            let stat = read(*pid, "stat")?;
            // The name, in parentheses, may hold anything; after it come numbers, from the third on.
            let numbers = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
            let number = |at: usize| numbers.split_whitespace().nth(at - 3)?.parse::<f64>().ok();
            match (number(14), number(15)) {
                (Some(user), Some(system)) => all += (user + system) / TICKS,
                (_, _) => return Err(Wrong::new(format!("process {pid} has no times"))),
            }
        }
        Ok(all)
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

fn read(pid: u32, name: &str) -> Result<String, Wrong> {
    let path = format!("/proc/{pid}/{name}");
    fs::read_to_string(&path).map_err(|error| Wrong::new(format!("{path}: {error}")))
}
