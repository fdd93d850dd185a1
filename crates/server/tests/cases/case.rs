//! A case, and how it is tried: on a good server it must hold, and on each flawed one it must not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::http::Told;
use crate::judge::{Found, Outcome, broken, rule};
use crate::place::{Kind, Place, Settings};
use crate::stage::{How, Stage};
use crate::wire::{Spoil, answers, instead};

pub(crate) struct Case {
    /// As the document has it.
    pub(crate) number: &'static str,
    /// The sentence it proves, with `_` between words.
    pub(crate) sentence: &'static str,
    pub(crate) on: &'static [Kind],
    /// Whether nothing else may run meanwhile: it takes all there is of this machine.
    alone: bool,
    /// Whether it takes a file system of a few MiB.
    small_disk: bool,
    judge: fn(&Stage) -> Outcome,
    pub(crate) flaws: Vec<Flaw>,
}

/// What a server does that breaks the rule of a case.
pub(crate) struct Flaw {
    pub(crate) what: &'static str,
    how: How,
}

pub(crate) fn case(number: &'static str, sentence: &'static str, judge: fn(&Stage) -> Outcome) -> Case {
    Case { number, sentence, on: &[Kind::Sqlite], alone: false, small_disk: false, judge, flaws: Vec::new() }
}

impl Case {
    pub(crate) fn on(self, on: &'static [Kind]) -> Self {
        Self { on, ..self }
    }

    pub(crate) fn on_a_small_disk(self) -> Self {
        Self { small_disk: true, ..self }
    }

    pub(crate) fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// A flaw on the way.
    pub(crate) fn fails_if(self, what: &'static str, spoil: Spoil) -> Self {
        self.flaw(what, How::Wire(spoil))
    }

    /// Another server altogether, which says these words to whatever it is asked.
    pub(crate) fn fails_if_all_it_says_is(self, what: &'static str, words: &'static str) -> Self {
        self.flaw(what, How::Parrot(words))
    }

    /// A setting with which the server itself breaks the rule.
    pub(crate) fn fails_by_setting(
        self,
        what: &'static str,
        name: &'static str,
        value: &'static str,
    ) -> Self {
        self.flaw(what, How::Setting(name, value))
    }

    /// A program that does something wrong and then is the server, `exec "$0" "$@"`.
    pub(crate) fn fails_by_program(self, what: &'static str, line: &'static str) -> Self {
        self.flaw(what, How::Program(line))
    }

    fn flaw(mut self, what: &'static str, how: How) -> Self {
        self.flaws.push(Flaw { what, how });
        self
    }

    /// What it and this kind are called together.
    pub(crate) fn name(&self, kind: Kind) -> String {
        format!("{}_{}::{}", self.number.to_lowercase(), self.sentence, kind.name())
    }

    /// In a process of its own where there must be a small disk; then that one has it.
    pub(crate) fn run(&self, kind: Kind, shared: &Arc<Place>, tell: bool) -> Result<(), String> {
        if !self.small_disk || small_disk().is_some() {
            return self.run_here(kind, shared, tell);
        }
        let name = self.name(kind);
        if std::env::var(SKIP).is_ok_and(|value| value == "1") {
            println!("skipped: {name} ({SKIP}=1)");
            return Ok(());
        }
        let io = |e: std::io::Error| e.to_string();
        let folder = tempfile::tempdir().map_err(io)?;
        let mount = r#"mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@""#;
        let ended = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", mount])
            .arg(folder.path())
            .arg(std::env::current_exe().map_err(io)?)
            .args(["--exact", &name])
            .args(tell.then_some("--nocapture"))
            .env(SMALL, folder.path())
            .output()
            .map_err(io)?;
        let said =
            String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
        if tell {
            println!("{said}");
        }
        let why = format!("{said}\nor this system lets nobody mount: then set {SKIP}=1");
        ended.status.success().then_some(()).ok_or(why)
    }

    /// On a good server of this kind, and where it is the first kind the case is for, on each bad one.
    fn run_here(&self, kind: Kind, shared: &Arc<Place>, tell: bool) -> Result<(), String> {
        let _others = if self.alone { Others::waited_for() } else { Others::met() };
        match self.once(kind, shared, None) {
            Ok(()) => {}
            Err(Found::Rule(found)) => return Err(found),
            Err(Found::Broken(found)) => return Err(format!("it could not be judged: {found}")),
        }
        if self.on.first() != Some(&kind) {
            return Ok(());
        }
        for flaw in &self.flaws {
            match self.once(kind, shared, Some(flaw.how.clone())) {
                Err(Found::Rule(found)) if tell => println!("{} if {}: {found}", self.number, flaw.what),
                Err(Found::Rule(_)) => {}
                Ok(()) => return Err(format!("it holds even if {}", flaw.what)),
                Err(Found::Broken(found)) => {
                    return Err(format!("if {}, it could not be judged: {found}", flaw.what));
                }
            }
        }
        Ok(())
    }

    fn once(&self, kind: Kind, shared: &Arc<Place>, flaw: Option<How>) -> Outcome {
        let run = || (self.judge)(&Stage::new(kind, shared.clone(), flaw));
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            Err(broken(words.unwrap_or_default()))
        })
    }
}

/// The cases that prove nothing, each with what it is found out by.
pub(crate) fn known_bad(place: &Arc<Place>) -> Result<(), String> {
    let passes_on = || answers(|_, _| {});
    let silent = || instead(|_| Some(Told::new(503, "text/plain", "")));
    let bad = [
        (
            case("X01", "it_looks_at_nothing", |_| Ok(())).fails_if("it answers nothing", silent()),
            "it holds even if",
        ),
        (
            case("X02", "its_flaw_is_none", |stage| stage.alice().map(drop))
                .fails_if("nothing is wrong", passes_on()),
            "it holds even if",
        ),
        (
            case("X03", "its_flaw_is_in_the_way", |stage| stage.grant("web").map(drop))
                .fails_if("nobody logs in", silent()),
            "it could not be judged",
        ),
        (case("X04", "the_server_breaks_it", |_| Err(rule("broken by the server"))), "broken by the server"),
        (case("X05", "it_breaks_off", |_| panic!("in the middle")), "in the middle"),
    ];
    bad.iter().try_for_each(|(bad, found)| match bad.run(Kind::Sqlite, place, false) {
        Err(words) if words.contains(found) => Ok(()),
        other => Err(format!("{}: {other:?}", bad.sentence)),
    })
}

/// Set to `1`, it lets cases that need a small file system of their own be skipped.
const SKIP: &str = "GRANTOR_SKIP_MOUNTS";
/// Where the small file system is, in the process that has one.
const SMALL: &str = "GRANTOR_CASES_SMALL_DISK";

/// The folder of a file system with 8 MiB, if this process has one.
pub(crate) fn small_disk() -> Option<PathBuf> {
    std::env::var_os(SMALL).map(PathBuf::from)
}

/// A server of its own for one case, as every other is but for this.
pub(crate) fn with(config: &str) -> Settings {
    Settings { config: config.to_owned(), ..Settings::default() }
}

/// Whoever runs, and whoever runs alone.
static RUNNING: RwLock<()> = RwLock::new(());

/// Held while a case runs.
enum Others {
    Met(#[allow(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    WaitedFor(#[allow(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>),
}

impl Others {
    fn met() -> Self {
        Self::Met(RUNNING.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn waited_for() -> Self {
        Self::WaitedFor(RUNNING.write().unwrap_or_else(PoisonError::into_inner))
    }
}
