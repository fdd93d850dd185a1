//! A server held still: records in a map, a clock that is set, and flows that go on by one step when told to.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::flow::Context;
use grantor_core::grant::SubjectGrant;
use grantor_core::record::{Expect, Kind, Put, RecordKey, Version, Write};
use grantor_core::step::{CommitOutcome, JwsHeader, SigningKey, Step};
use grantor_core::{Digest, Entropy, GrantId, Lifetime, SubjectId, Time};

use super::act::{Act, Client};
use super::policy::Policy;
use super::shelf::{Down, Shelf};

/// How far back the clock may go, all in all; what is long past is kept this much longer.
const MARGIN: u64 = 3600;

/// How the store answers one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// As it should.
    Well,
    /// Not at all, and nothing happened.
    Fails,
    /// With what stood there before.
    Stale,
    /// It writes, and the answer is lost.
    AnswerLost,
    /// It never hears of the write, and nobody can tell.
    RequestLost,
    /// The write is on its way still, and nobody can tell.
    Late,
    /// It writes, and the same write comes once more later.
    Twice,
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) policy: Policy,
    pub(crate) now: Time,
    pub(crate) shelf: Shelf,
    late: Vec<Put>,
    seeds: u64,
    set_back: u64,
    /// When what happens at the same time began: no request takes as long as what is past is kept.
    round: Option<Time>,
}

impl World {
    /// A server at which the policy's clients are registered, and nothing has happened yet.
    pub(crate) fn new(policy: &Policy, shelf: Shelf) -> Self {
        let mut world = Self {
            policy: policy.clone(),
            now: Time::from_unix_millis(1_800_000_000_000),
            shelf,
            late: Vec::new(),
            seeds: 0,
            set_back: 0,
            round: None,
        };
        for at in 0..policy.count() {
            let client = policy.registration(Client(u8::try_from(at).unwrap()), world.now);
            let key = grantor_core::client::Client::key(client.id());
            let version = Version::draw(&mut world.entropy());
            let put = world.shelf.put(Put::of(&key, Expect::Absent, version, &client, None));
            assert_eq!(
                put.ok(),
                Some(CommitOutcome::Applied),
                "{} is registered in an empty store",
                client.id()
            );
        }
        world
    }

    /// Randomness that nobody had before; the same in every run.
    pub(crate) fn entropy(&mut self) -> Entropy {
        self.seeds += 1;
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seeds.to_be_bytes());
        Entropy::from_seed(seed)
    }

    pub(crate) fn context(&mut self) -> Context {
        Context {
            profile: self.policy.profile().clone(),
            key: self.policy.server_key().clone(),
            now: self.now,
            entropy: self.entropy(),
        }
    }

    /// What is a matter of the clock alone, or of a sweep.
    pub(crate) fn turn(&mut self, act: Act) {
        if let Act::Pass { seconds } = act {
            self.pass(seconds);
        } else if let Act::SetBack { seconds } = act {
            self.set_back(seconds);
        } else if act == Act::Purge {
            self.purge();
        }
    }

    pub(crate) fn pass(&mut self, seconds: u32) {
        self.now = self.now + Lifetime::seconds(u64::from(seconds));
    }

    pub(crate) fn set_back(&mut self, seconds: u32) {
        let seconds = u64::from(seconds).min(MARGIN - self.set_back);
        self.set_back += seconds;
        let millis = i64::try_from(seconds * 1000).unwrap();
        self.now = Time::from_unix_millis(self.now.unix_millis() - millis);
    }

    /// Several are at it at once from here on, or no more. However far the clock jumps meanwhile, nothing is purged that a
    /// request may have seen begin.
    pub(crate) fn round(&mut self, is_on: bool) {
        self.round = is_on.then_some(self.now);
    }

    fn purge(&mut self) {
        let now = self.round.map_or(self.now, |began| began.min(self.now));
        let before = now.unix_millis() - i64::try_from(MARGIN * 1000).unwrap();
        let before = Time::from_unix_millis(before);
        self.shelf.purge(before);
    }

    /// The grants that a subject's hints name.
    pub(crate) fn grants_of(&self, subject: &SubjectId) -> Vec<GrantId> {
        let hints = self.shelf.list(&SubjectGrant::under(subject));
        hints.iter().filter_map(|key| key.second()?.parse().ok()).collect()
    }

    /// Whether a write is on its way still.
    pub(crate) fn has_late_writes(&self) -> bool {
        !self.late.is_empty()
    }

    /// The oldest write that is on its way arrives.
    pub(crate) fn land(&mut self) -> Option<(RecordKey, CommitOutcome)> {
        if self.late.is_empty() {
            return None;
        }
        let put = self.late.remove(0);
        let key = put.key.clone();
        // Whoever sent it is not told.
        let outcome = self.shelf.put(put).unwrap_or(CommitOutcome::Unknown);
        Some((key, outcome))
    }

    /// What is on its way still never arrives.
    pub(crate) fn forget_late_writes(&mut self) {
        self.late.clear();
    }

    /// Whether a reader could be told what stood there before.
    pub(crate) fn has_stale(&self, key: &RecordKey) -> bool {
        let contended = matches!(key.kind(), Kind::Grant | Kind::Interaction | Kind::Consent);
        contended && self.shelf.before(key).is_some()
    }

    /// Answers one need. The end comes back as it is.
    pub(crate) fn answer<T: 'static>(&mut self, step: Step<T>, fate: Fate) -> Result<Step<T>, Down> {
        Ok(match step {
            Step::Load(need) => {
                let before = self.shelf.before(need.key()).filter(|_| fate == Fate::Stale);
                let found = match (fate, before) {
                    (Fate::Fails, _) => return Err(Down),
                    (_, Some(before)) => Some(before.clone()),
                    (_, None) => self.shelf.get(need.key())?,
                };
                need.answer(found)
            }
            Step::Registration(need) => {
                if fate == Fate::Fails {
                    return Err(Down);
                }
                let found = self.shelf.get(need.key().raw())?;
                need.answer_stored(found.as_ref())
            }
            Step::Commit(need) => {
                let (Write { first, put }, _, need) = need.into_parts();
                // They may stand whatever becomes of the last, and where one does not, that is not tried.
                for first in first {
                    match self.shelf.put(first)? {
                        CommitOutcome::Applied => {}
                        CommitOutcome::Conflict => return Ok(need.answer(CommitOutcome::Conflict)),
                        CommitOutcome::Unknown => return Err(Down),
                    }
                }
                let outcome = match fate {
                    Fate::Well | Fate::Stale => self.shelf.put(put)?,
                    Fate::Fails => return Err(Down),
                    Fate::AnswerLost => {
                        let _lost = self.shelf.put(put);
                        CommitOutcome::Unknown
                    }
                    Fate::RequestLost => CommitOutcome::Unknown,
                    Fate::Late => {
                        self.late.push(put);
                        CommitOutcome::Unknown
                    }
                    Fate::Twice => {
                        self.late.push(put.clone());
                        self.shelf.put(put)?
                    }
                };
                need.answer(outcome)
            }
            Step::Settle(need) => {
                if fate == Fate::Fails {
                    return Err(Down);
                }
                let stands = self.shelf.get(need.key())?.map(|stored| stored.version);
                need.answer(stands)
            }
            Step::VerifySecret(need) => {
                let matches = need.hashes().iter().any(|hash| hash == need.presented().expose());
                need.answer(matches)
            }
            Step::Sign(need) => {
                let jws = sign(need.header(), need.payload());
                need.answer(jws)
            }
            Step::VerifyJws(need) => {
                let payload = verify(need.header(), need.compact().expose());
                need.answer(payload)
            }
            Step::Done(end) => Step::Done(end),
        })
    }
}

/// A signature that nobody but the kit can make: no cryptography is on trial here.
fn sign(header: &JwsHeader, payload: &[u8]) -> String {
    let signed_with = match &header.key {
        SigningKey::Published => "published".to_owned(),
        SigningKey::Shared { profile } => format!("shared-{profile}"),
    };
    let head = URL_SAFE_NO_PAD.encode(format!("{} {signed_with}", header.typ));
    let inner = format!("{head}.{}", URL_SAFE_NO_PAD.encode(payload));
    let signature = Digest::of(format!("the kit's own key {inner}").as_bytes()).to_base64url();
    format!("{inner}.{signature}")
}

fn verify(header: &JwsHeader, compact: &str) -> Option<Vec<u8>> {
    let payload = URL_SAFE_NO_PAD.decode(compact.split('.').nth(1)?).ok()?;
    (sign(header, &payload) == compact).then_some(payload)
}
