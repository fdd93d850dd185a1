//! From a run to its bundle: the flow is run once more beside it, with the stand-ins.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::call::{Ended, refused};
use super::stand_ins::{JWT, StandIns};
use super::{Bundle, End, OutcomeText, ProfileText, Run, StepText, StoredText, Text, Unfaithful, WriteText};
use crate::entropy::Entropy;
use crate::fact::{Fact, Found};
use crate::flow::Context;
use crate::profile::Profile;
use crate::record::{Expect, Put, RecordKey, Stored, Version};
use crate::refusal::Refusal;
use crate::secret::{Digest, ServerKey};
use crate::step::{Answered, CommitOutcome, Step, Stop};

impl Run {
    /// The run without its secrets. `entropy` is what the stand-ins are made of: it must be fresh, and is kept in the
    /// bundle in no form that tells of another.
    ///
    /// Costs three further runs of the rules, and no read.
    ///
    /// # Errors
    /// [`Unfaithful`] if it would not come out as it did: then nothing may be kept of it.
    pub fn bundle(self, mut entropy: Entropy) -> Result<Bundle, Unfaithful> {
        let Run { profile, key, now, call, answers, end } = self;
        let (seed, stand_in_key) = (entropy.draw(), entropy.draw());
        let profile_text = ProfileText::of(&profile)?;
        let profile = profile_text.read().map_err(|e| unfaithful(&e.to_string()))?;
        let keys = (key, Arc::new(ServerKey::from_bytes(stand_in_key)));
        let mut stand_ins = StandIns::new(profile.clone(), keys.clone(), entropy);
        for answer in &answers {
            let known = match answer {
                Answered::Load(key, Some(Stored { body, .. })) | Answered::Registration(key, Some(body)) => {
                    Some((key, body))
                }
                Answered::Load(_, None)
                | Answered::Registration(_, None)
                | Answered::Commit(..)
                | Answered::Settle(..)
                | Answered::VerifySecret(..)
                | Answered::Sign(_)
                | Answered::VerifyJws(_) => None,
            };
            if let Some((key, body)) = known {
                stand_ins.learn(key, body);
            }
        }
        let request = stand_ins.call(&call);
        let call = request.clone().read().map_err(|e| unfaithful(&e.to_string()))?;
        let entropy = Entropy::from_seed(seed);
        let flow = call.begin(Context { profile, key: keys.1, now, entropy });
        let mut beside =
            Beside { stand_ins, versions: BTreeMap::new(), own: BTreeMap::new(), steps: Vec::new() };
        let ended = beside.run(flow, answers, &end)?;
        let written = Text {
            recorded_by: env!("CARGO_PKG_VERSION").to_owned(),
            happened: happened(&end),
            now,
            entropy: Digest::from_bytes(seed),
            server_key: Digest::from_bytes(stand_in_key),
            profile: profile_text,
            request,
            steps: beside.steps,
            end: ended,
        };
        let bundle = Bundle::of(written);
        let replayed = bundle.replay().map_err(|e| unfaithful(&e.to_string()))?;
        if replayed.is_same() {
            Ok(bundle)
        } else {
            Err(unfaithful("it is not the same when it is replayed"))
        }
    }
}

impl ProfileText {
    fn of(profile: &Profile) -> Result<Self, Unfaithful> {
        let values: Value = toml::from_str(&profile.to_toml()).map_err(|e| unfaithful(e.message()))?;
        let (name, issuer) = (profile.name.clone(), profile.issuer.as_str().to_owned());
        Ok(Self { name, issuer, limits: profile.limits, values })
    }
}

/// The second run, and what is known of how it goes beside the first.
struct Beside {
    stand_ins: StandIns,
    /// Which write here is which of the real ones.
    versions: BTreeMap<Version, Version>,
    /// What was written here, by the version of the real write.
    own: BTreeMap<Version, Value>,
    steps: Vec<StepText>,
}

impl Beside {
    fn run(&mut self, mut step: Step<Ended>, answers: Vec<Answered>, end: &End) -> Result<Value, Unfaithful> {
        for answer in answers {
            step = match (step, answer) {
                (Step::Load(need), Answered::Load(key, found)) => {
                    self.same_place(&key, need.key())?;
                    let found = found.map(|stored| self.stored(&key, &stored));
                    let text = found.as_ref().map(StoredText::of).transpose()?;
                    self.steps.push(StepText::Load { key: need.key().to_string(), found: text });
                    need.answer(found)
                }
                (Step::Registration(need), Answered::Registration(key, found)) => {
                    self.same_place(&key, need.key().raw())?;
                    let found = found.map(|body| self.stand_ins.body(key.kind(), &body));
                    let client = found.clone().map(serde_json::from_value).transpose();
                    let client = client.map_err(|e| unfaithful(&e.to_string()))?;
                    self.steps.push(StepText::Registration { key: need.key().raw().to_string(), found });
                    need.answer(Ok(client.map(Arc::new)))
                }
                (Step::Commit(need), Answered::Commit(real, outcome)) => {
                    if real.first.len() != need.first().len() {
                        return Err(unfaithful("it wants another number of records written"));
                    }
                    let pairs = real.first.iter().zip(need.first());
                    let first =
                        pairs.map(|(real, here)| self.written(real, here)).collect::<Result<Vec<_>, _>>()?;
                    let write = self.written(&real.put, need.put())?;
                    self.steps.push(StepText::Commit { first, write, outcome: outcome.into() });
                    need.answer(outcome)
                }
                (Step::Settle(need), Answered::Settle(key, stands)) => {
                    self.same_place(&key, need.key())?;
                    let stands = stands.map(|version| self.version(version));
                    let text = stands.map(|version| version.to_string());
                    self.steps.push(StepText::Settle { key: need.key().to_string(), stands: text });
                    need.answer(stands)
                }
                (Step::VerifySecret(need), Answered::VerifySecret(hashes, matches))
                    if hashes == need.hashes().len() =>
                {
                    self.steps.push(StepText::VerifySecret { hashes, matches });
                    need.answer(matches)
                }
                (Step::Sign(need), Answered::Sign(_)) => {
                    let payload = serde_json::from_slice(need.payload()).unwrap_or_default();
                    self.steps.push(StepText::Sign { payload, jws: JWT.to_owned() });
                    need.answer(JWT.to_owned())
                }
                (Step::VerifyJws(need), Answered::VerifyJws(payload)) => {
                    let payload =
                        payload.map(|json| serde_json::from_slice::<Value>(&json).unwrap_or_default());
                    self.steps.push(StepText::VerifyJws { payload: payload.clone() });
                    need.answer(payload.map(|json| json.to_string().into_bytes()))
                }
                (step, _) => return Err(unfaithful(&format!("it asks otherwise: {}", need_of(&step)))),
            };
        }
        self.end(step, end)
    }

    fn end(&mut self, step: Step<Ended>, end: &End) -> Result<Value, Unfaithful> {
        let otherwise = || Err(unfaithful("it ends otherwise"));
        match (&step, end) {
            (Step::Done(Err(Stop::Refused(refusal))), End::Refused(real)) if same(refusal, real) => {}
            (Step::Done(Ok(Ended { refusal: Some(refusal), .. })), End::Refused(real))
                if same(refusal, real) => {}
            (Step::Done(Ok(Ended { refusal: None, .. })), End::Answered) => {}
            (Step::Done(Err(Stop::Fault(fault))), End::Fault(word)) if fault.word() == *word => {}
            (Step::Done(_), _) => return otherwise(),
            // A registration that cannot be read is no answer, and ends the flow.
            (need, End::Cut(by)) | (need @ Step::Registration(_), End::Fault(by)) => {
                self.steps.push(StepText::Cut { need: need_of(need), by: (*by).to_owned() });
                return Ok(json!({"fault": by}));
            }
            (_, End::Answered | End::Refused(_) | End::Fault(_)) => return otherwise(),
        }
        match step {
            Step::Done(ended) => Ok(told(&ended)),
            Step::Load(_)
            | Step::Registration(_)
            | Step::Commit(_)
            | Step::Settle(_)
            | Step::VerifySecret(_)
            | Step::Sign(_)
            | Step::VerifyJws(_) => otherwise(),
        }
    }

    /// What is written here where `real` was.
    fn written(&mut self, real: &Put, here: &Put) -> Result<WriteText, Unfaithful> {
        self.same_place(&real.key, &here.key)?;
        let write = WriteText::of(here);
        self.versions.insert(real.version, here.version);
        self.own.insert(real.version, write.body.clone());
        Ok(write)
    }

    fn same_place(&mut self, real: &RecordKey, here: &RecordKey) -> Result<(), Unfaithful> {
        if real.kind() != here.kind() {
            return Err(unfaithful(&format!(
                "it asks for a {} where a {} was asked for",
                here.kind(),
                real.kind()
            )));
        }
        self.stand_ins.pair(real, here);
        Ok(())
    }

    fn version(&self, real: Version) -> Version {
        self.versions.get(&real).copied().unwrap_or(real)
    }

    fn stored(&mut self, key: &RecordKey, stored: &Stored) -> Stored {
        let body = match self.own.get(&stored.version) {
            Some(body) => body.clone(),
            None => self.stand_ins.body(key.kind(), &stored.body),
        };
        let (version, keep_until) = (self.version(stored.version), stored.keep_until);
        Stored { version, keep_until, body: body.to_string().into_bytes() }
    }
}

impl StoredText {
    fn of(stored: &Stored) -> Result<Self, Unfaithful> {
        let body = serde_json::from_slice(&stored.body).map_err(|e| unfaithful(&e.to_string()))?;
        Ok(Self { version: stored.version.to_string(), keep_until: stored.keep_until, body })
    }
}

impl WriteText {
    pub(super) fn of(put: &Put) -> Self {
        let expect = match put.expect {
            Expect::Absent => None,
            Expect::Version(version) => Some(version.to_string()),
        };
        let body = serde_json::from_slice(&put.body).unwrap_or_default();
        Self { key: put.key.to_string(), expect, keep_until: put.keep_until, body }
    }
}

impl From<CommitOutcome> for OutcomeText {
    fn from(outcome: CommitOutcome) -> Self {
        match outcome {
            CommitOutcome::Applied => OutcomeText::Applied,
            CommitOutcome::Conflict => OutcomeText::Conflict,
            CommitOutcome::Unknown => OutcomeText::Unknown,
        }
    }
}

/// Whether a rule refused for the same reason, and looked at the same. What a client is called may differ: an API key's name
/// is derived under the server's key.
fn same(here: &Refusal, real: &Refusal) -> bool {
    let seen = |refusal: &Refusal| -> Vec<Fact> {
        let told = refusal.looked_at.iter().filter(|fact| !matches!(fact.found, Found::Client(_)));
        told.cloned().collect()
    };
    here.reason == real.reason && here.parameter == real.parameter && seen(here) == seen(real)
}

/// How a run ended, for the log's reader: with the names that the log has.
fn happened(end: &End) -> Value {
    match end {
        End::Answered => json!("answered"),
        End::Refused(refusal) => json!({"refused": refused(refusal)}),
        End::Fault(word) | End::Cut(word) => json!({"fault": word}),
    }
}

/// How a run ended here.
pub(super) fn told(ended: &Result<Ended, Stop>) -> Value {
    match ended {
        Ok(Ended { refusal: Some(refusal), told }) => json!({"refused": refused(refusal), "told": told}),
        Ok(Ended { refusal: None, told }) => json!({"answered": told}),
        Err(Stop::Refused(refusal)) => json!({"refused": refused(refusal)}),
        Err(Stop::Fault(fault)) => json!({"fault": fault.word()}),
    }
}

/// What a flow needs next, in words.
pub(super) fn need_of(step: &Step<Ended>) -> String {
    match step {
        Step::Load(need) => format!("load {}", need.key()),
        Step::Registration(need) => format!("look up {}", need.key().raw()),
        Step::Commit(need) => format!("write {}", need.put().key),
        Step::Settle(need) => format!("settle {}", need.key()),
        Step::VerifySecret(need) => format!("verify a secret against {} slow hashes", need.hashes().len()),
        Step::Sign(_) => "sign".to_owned(),
        Step::VerifyJws(_) => "verify a signature".to_owned(),
        Step::Done(_) => "the end".to_owned(),
    }
}

fn unfaithful(why: &str) -> Unfaithful {
    Unfaithful(why.to_owned())
}
