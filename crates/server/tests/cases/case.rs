//! A case, and how it is tried: on a good server it must hold, and on each flawed one it must not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::judge::{Found, Outcome, broken};
use crate::place::{Kind, Place, Settings};
use crate::stage::{How, Stage};
use crate::wire::Spoil;

pub(crate) struct Case {
    /// As the document has it.
    pub(crate) number: &'static str,
    /// The sentence it proves, with `_` between words.
    pub(crate) sentence: &'static str,
    pub(crate) on: &'static [Kind],
    judge: fn(&Stage) -> Outcome,
    pub(crate) flaws: Vec<Flaw>,
}

/// What a server does that breaks the rule of a case.
pub(crate) struct Flaw {
    pub(crate) what: &'static str,
    how: How,
}

pub(crate) fn case(number: &'static str, sentence: &'static str, judge: fn(&Stage) -> Outcome) -> Case {
    Case { number, sentence, on: &[Kind::Sqlite], judge, flaws: Vec::new() }
}

impl Case {
    pub(crate) fn on(self, on: &'static [Kind]) -> Self {
        Self { on, ..self }
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

    /// On a good server of this kind, and where it is the first kind the case is for, on each bad one.
    pub(crate) fn run(&self, kind: Kind, shared: &Arc<Place>, tell: bool) -> Result<(), String> {
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
        let run = || (self.judge)(&Stage::new(kind, shared.clone(), flaw)?);
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            Err(broken(words.unwrap_or_default()))
        })
    }
}

/// A server of its own for one case, as every other is but for this.
pub(crate) fn with(config: &str) -> Settings {
    Settings { config: config.to_owned(), ..Settings::default() }
}
