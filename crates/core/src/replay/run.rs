//! A bundle, run again.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::call::Ended;
use super::record::{need_of, told};
use super::{InvalidBundle, OutcomeText, ProfileText, StepText, StoredText, Text, WriteText};
use crate::entropy::Entropy;
use crate::flow::Context;
use crate::profile::Profile;
use crate::record::{Stored, Version};
use crate::refusal::Reason;
use crate::secret::ServerKey;
use crate::step::{CommitOutcome, Step};
use crate::time::Time;

/// What came of a replay. Its `Display` is a story for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    same: bool,
    /// Whether the bundle is as it was recorded, to the letter.
    intact: bool,
    recorded_by: String,
    call: &'static str,
    profile: String,
    now: Time,
    /// How the real run ended, with the names that the log has.
    happened: Value,
    steps: Vec<Told>,
    end: Value,
    recorded_end: Value,
    /// What went otherwise on the way.
    differences: Vec<String>,
}

/// One need, and what it was answered, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// What was asked.
    pub asked: String,
    /// What was answered.
    pub answered: String,
}

impl Replayed {
    /// Whether the answer is the recorded one, and the bundle is as it was recorded.
    pub fn is_same(&self) -> bool {
        self.same && self.intact
    }

    /// The steps.
    pub fn steps(&self) -> &[Told] {
        &self.steps
    }

    /// What went otherwise than it was recorded, on the way to the answer.
    pub fn differences(&self) -> &[String] {
        &self.differences
    }

    /// The rule that refused, if one did.
    pub fn reason(&self) -> Option<Reason> {
        reason_of(&self.end)
    }
}

impl ProfileText {
    pub(super) fn read(&self) -> Result<Arc<Profile>, InvalidBundle> {
        let issuer = self.issuer.parse().map_err(InvalidBundle::because)?;
        let text = toml::to_string(&self.values).map_err(InvalidBundle::because)?;
        let profile = Profile::from_toml(&text, &[], &self.name, issuer).map_err(InvalidBundle::because)?;
        Ok(Arc::new(Profile { limits: self.limits, ..profile }))
    }
}

pub(super) fn replay(text: &Text, intact: bool) -> Result<Replayed, InvalidBundle> {
    let profile = text.profile.read()?;
    let call = text.request.clone().read()?;
    let name = call.name();
    let context = Context {
        profile,
        key: Arc::new(ServerKey::from_bytes(*text.server_key.bytes())),
        now: text.now,
        entropy: Entropy::from_seed(*text.entropy.bytes()),
    };
    let mut tape =
        Tape { steps: text.steps.iter().map(Some).collect(), told: Vec::new(), differences: Vec::new() };
    let end = tape.run(call.begin(context))?;
    let left = tape.steps.iter().flatten().map(|step| step.need());
    tape.differences.extend(left.map(|need| format!("never asked: {need}")));
    Ok(Replayed {
        same: end == text.end,
        intact,
        recorded_by: text.recorded_by.clone(),
        call: name,
        profile: text.profile.name.clone(),
        now: text.now,
        happened: text.happened.clone(),
        steps: tape.told,
        end,
        recorded_end: text.end.clone(),
        differences: tape.differences,
    })
}

/// The recorded answers, each of which is given once.
struct Tape<'a> {
    steps: Vec<Option<&'a StepText>>,
    told: Vec<Told>,
    differences: Vec<String>,
}

impl<'a> Tape<'a> {
    fn run(&mut self, mut step: Step<Ended>) -> Result<Value, InvalidBundle> {
        loop {
            let need = need_of(&step);
            let Some(recorded) = self.take(&step, &need) else {
                return Ok(match &step {
                    Step::Done(ended) => told(ended),
                    Step::Load(_)
                    | Step::Registration(_)
                    | Step::Commit(_)
                    | Step::Settle(_)
                    | Step::VerifySecret(_)
                    | Step::Sign(_)
                    | Step::VerifyJws(_) => {
                        self.differences.push(format!("the bundle has no answer to: {need}"));
                        serde_json::json!({"unanswered": need})
                    }
                });
            };
            self.told.push(Told { asked: need, answered: recorded.answer() });
            step = match (step, recorded) {
                (_, StepText::Cut { by, .. }) => return Ok(serde_json::json!({"fault": by})),
                (Step::Load(need), StepText::Load { found, .. }) => {
                    need.answer(found.as_ref().map(StoredText::read).transpose()?)
                }
                (Step::Registration(need), StepText::Registration { found, .. }) => {
                    let client = found.clone().map(serde_json::from_value).transpose();
                    need.answer(Ok(client.map_err(InvalidBundle::because)?.map(Arc::new)))
                }
                (Step::Commit(need), StepText::Commit { first, write, outcome }) => {
                    for (recorded, here) in first.iter().zip(need.first()) {
                        self.compare(recorded, &WriteText::of(here));
                    }
                    for recorded in first.iter().skip(need.first().len()) {
                        self.differences.push(format!("does not write {} before it", recorded.key));
                    }
                    for here in need.first().iter().skip(first.len()) {
                        self.differences.push(format!("writes {} before it", here.key));
                    }
                    self.compare(write, &WriteText::of(need.put()));
                    need.answer(outcome.read())
                }
                (Step::Settle(need), StepText::Settle { stands, .. }) => {
                    need.answer(stands.as_deref().map(version).transpose()?)
                }
                (Step::VerifySecret(need), StepText::VerifySecret { matches, .. }) => need.answer(*matches),
                (Step::Sign(need), StepText::Sign { jws, .. }) => need.answer(jws.clone()),
                (Step::VerifyJws(need), StepText::VerifyJws { payload }) => {
                    need.answer(payload.as_ref().map(|json| json.to_string().into_bytes()))
                }
                // `take` gives an answer of the need's own kind.
                (step, _) => step,
            };
        }
    }

    /// The recorded answer to a need: of those that were not given yet, the first to this need, or else, for a write, the
    /// first to one of its kind, since names can be drawn otherwise by now.
    fn take(&mut self, step: &Step<Ended>, need: &str) -> Option<&'a StepText> {
        let kind = match step {
            Step::Done(_) => return None,
            Step::Commit(need) => Some(need.put().key.kind().as_str()),
            Step::Load(_)
            | Step::Registration(_)
            | Step::Settle(_)
            | Step::VerifySecret(_)
            | Step::Sign(_)
            | Step::VerifyJws(_) => None,
        };
        let find = |fits: &dyn Fn(&StepText) -> bool| {
            self.steps.iter().position(|recorded| recorded.is_some_and(fits))
        };
        let of_its_kind = |recorded: &StepText| match recorded {
            StepText::Commit { write, .. } => write.key.split('/').next() == kind,
            StepText::Load { .. }
            | StepText::Registration { .. }
            | StepText::Settle { .. }
            | StepText::VerifySecret { .. }
            | StepText::Sign { .. }
            | StepText::VerifyJws { .. }
            | StepText::Cut { .. } => false,
        };
        let at = find(&|recorded| recorded.need() == need).or_else(|| find(&of_its_kind))?;
        if self.steps.iter().take(at).any(Option::is_some) {
            self.differences.push(format!("asked out of turn: {need}"));
        }
        self.steps.get_mut(at)?.take()
    }

    fn compare(&mut self, recorded: &WriteText, here: &WriteText) {
        if recorded != here {
            let mut paths = Vec::new();
            differing("", &recorded.body, &here.body, &mut paths);
            if recorded.expect != here.expect {
                paths.push("the version it expects".to_owned());
            }
            if recorded.keep_until != here.keep_until {
                paths.push("until when it is kept".to_owned());
            }
            self.differences.push(format!("writes {} with another {}", here.key, paths.join(", ")));
        }
    }
}

/// Where two values differ, by the names that lead there.
fn differing(at: &str, one: &Value, other: &Value, into: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                let value =
                    |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                differing(&at, &value(one), &value(other), into);
            }
        }
        (one, other) if one == other => {}
        (one, other) => into.push(format!("{at} ({one} where {other} comes now)")),
    }
}

fn version(text: &str) -> Result<Version, InvalidBundle> {
    text.parse().map_err(|_| InvalidBundle::because("a version that is none"))
}

impl StoredText {
    fn read(&self) -> Result<Stored, InvalidBundle> {
        let body = self.body.to_string().into_bytes();
        Ok(Stored { version: version(&self.version)?, keep_until: self.keep_until, body })
    }
}

impl OutcomeText {
    fn read(self) -> CommitOutcome {
        match self {
            OutcomeText::Applied => CommitOutcome::Applied,
            OutcomeText::Conflict => CommitOutcome::Conflict,
            OutcomeText::Unknown => CommitOutcome::Unknown,
        }
    }
}

impl StepText {
    /// What was asked, as [`need_of`] says it.
    fn need(&self) -> String {
        match self {
            StepText::Load { key, .. } => format!("load {key}"),
            StepText::Registration { key, .. } => format!("look up {key}"),
            StepText::Commit { write, .. } => format!("write {}", write.key),
            StepText::Settle { key, .. } => format!("settle {key}"),
            StepText::VerifySecret { hashes, .. } => format!("verify a secret against {hashes} slow hashes"),
            StepText::Sign { .. } => "sign".to_owned(),
            StepText::VerifyJws { .. } => "verify a signature".to_owned(),
            StepText::Cut { need, .. } => need.clone(),
        }
    }

    fn answer(&self) -> String {
        match self {
            StepText::Load { found: None, .. } | StepText::Registration { found: None, .. } => {
                "nothing is there".to_owned()
            }
            StepText::Registration { found: Some(client), .. } => client.to_string(),
            StepText::Load { found: Some(stored), .. } => stored.body.to_string(),
            StepText::Commit { first, write, outcome } => {
                let outcome = match outcome {
                    OutcomeText::Applied => "it stands",
                    OutcomeText::Conflict => "another came first",
                    OutcomeText::Unknown => "nobody knows whether it stands",
                };
                let before = |first: &WriteText| format!("; before it {}: {}", first.key, first.body);
                let first: String = first.iter().map(before).collect();
                format!("{outcome}: {}{first}", write.body)
            }
            StepText::Settle { stands: None, .. } => "nothing stands there".to_owned(),
            StepText::Settle { stands: Some(version), .. } => format!("{version} stands"),
            StepText::VerifySecret { matches: true, .. } => "it matches one".to_owned(),
            StepText::VerifySecret { matches: false, .. } => "it matches none".to_owned(),
            StepText::Sign { payload, .. } => format!("signed: {payload}"),
            StepText::VerifyJws { payload: None } => "not ours".to_owned(),
            StepText::VerifyJws { payload: Some(payload) } => format!("ours: {payload}"),
            StepText::Cut { by, .. } => format!("no answer: a fault of the {by}"),
        }
    }
}

fn reason_of(end: &Value) -> Option<Reason> {
    serde_json::from_value(end.get("refused")?.get("reason")?.clone()).ok()
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of profile {}, at {}", self.call, self.profile, self.now)?;
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "{number:>3}. {}", step.asked)?;
            writeln!(f, "     {}", step.answered)?;
        }
        fmt_end(&self.end, f)?;
        for difference in &self.differences {
            writeln!(f, "otherwise than recorded: {difference}")?;
        }
        if !self.intact {
            writeln!(f, "this bundle was changed since it was recorded")?;
        }
        if self.same {
            return write!(f, "the same answer as was recorded by {}", self.recorded_by);
        }
        writeln!(f, "ANOTHER answer than was recorded by {}, which was", self.recorded_by)?;
        fmt_end(&self.recorded_end, f)
    }
}

fn fmt_end(end: &Value, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(reason) = reason_of(end) else { return writeln!(f, "end: {end}") };
    let refused = end.get("refused");
    let parameter = refused.and_then(|refused| refused.get("parameter")).and_then(Value::as_str);
    writeln!(f, "refused: {} ({})", reason.name(), reason.code().as_str())?;
    writeln!(f, "  the rule: {} [{}]", reason.meaning(), reason.clause())?;
    if let Some(parameter) = parameter {
        writeln!(f, "  about: {parameter}")?;
    }
    writeln!(f, "  looks at: {}", reason.looks_at())?;
    let seen = refused.and_then(|refused| refused.get("looked_at")).and_then(Value::as_object);
    for (what, found) in seen.into_iter().flatten() {
        let time =
            found.as_i64().filter(|_| what == "now" || what.ends_with("_at") || what.ends_with("since"));
        match time.map(Time::from_unix_millis) {
            Some(time) => writeln!(f, "  found: {what} = {time}")?,
            None => writeln!(f, "  found: {what} = {found}")?,
        }
    }
    Ok(())
}
