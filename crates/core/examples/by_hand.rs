//! The flows without an engine, a store, a clock, or any `async`: whoever holds a step answers it.
//!
//! A loop over `Step` is all that an engine is. This one keeps records in a map, and hands out one token and checks it. A
//! test of your own policy, a simulation, or a server on another runtime does the same with answers of its own.
#![allow(unreachable_pub, reason = "a test runs it as well")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use grantor_core::client::{Client, ClientMetadata, GrantType};
use grantor_core::flow::{self, Context};
use grantor_core::record::{Expect, Put, RecordKey, Stored, Version, Write};
use grantor_core::request::{ClientCredentials, ClientProof, GrantRequest, TokenRequest};
use grantor_core::step::{CommitOutcome, Step, Stop};
use grantor_core::{Entropy, Lifetime, Profile, Scope, Secret, SecretHash, ServerKey, Time};

struct ByHand {
    records: BTreeMap<RecordKey, Stored>,
    profile: Arc<Profile>,
    key: Arc<ServerKey>,
    now: Time,
    draws: u8,
}

impl ByHand {
    /// Time and randomness are arguments. Here they are made up, so that every run is the same; a server takes them from its
    /// machine, a new seed for each flow.
    fn context(&mut self) -> Context {
        self.draws += 1;
        let (profile, key) = (self.profile.clone(), self.key.clone());
        Context { profile, key, now: self.now, entropy: Entropy::from_seed([self.draws; 32]) }
    }

    /// One compare-and-set, which is all that a store must do.
    fn put(&mut self, put: Put) -> CommitOutcome {
        let stands = self.records.get(&put.key).map(|stored| stored.version);
        let expected = match put.expect {
            Expect::Absent => None,
            Expect::Version(version) => Some(version),
        };
        if stands != expected {
            return CommitOutcome::Conflict;
        }
        let stored = Stored { version: put.version, body: put.body, keep_until: put.keep_until };
        self.records.insert(put.key, stored);
        CommitOutcome::Applied
    }

    fn run<T: 'static>(&mut self, mut step: Step<T>) -> Result<T, Stop> {
        loop {
            step = match step {
                Step::Load(need) => {
                    let found = self.records.get(need.key()).cloned();
                    need.answer(found)
                }
                Step::Registration(need) => {
                    let found = self.records.get(need.key().raw()).cloned();
                    need.answer_stored(found.as_ref())
                }
                Step::Commit(need) => {
                    let (Write { first, put }, _events, need) = need.into_parts();
                    // Those are new: nothing is in their way.
                    for first in first {
                        self.put(first);
                    }
                    let outcome = self.put(put);
                    need.answer(outcome)
                }
                Step::Settle(need) => {
                    let stands = self.records.get(need.key()).map(|stored| stored.version);
                    need.answer(stands)
                }
                // Only short secrets are hashed slowly, and only JWTs are signed: there are none of either here.
                Step::VerifySecret(need) => need.answer(false),
                Step::Sign(need) => need.answer(String::new()),
                Step::VerifyJws(need) => need.answer(None),
                Step::Done(end) => return end,
            };
        }
    }
}

/// Registers a client, gives it a token, and shows what the token is worth now and an hour later.
pub fn main() -> Result<(), Box<dyn Error>> {
    let mut by_hand = ByHand {
        records: BTreeMap::new(),
        profile: Arc::new(Profile::standard("https://auth.example.com".parse()?)),
        key: Arc::new(ServerKey::from_bytes([7; 32])),
        now: Time::from_unix_millis(1_800_000_000_000),
        draws: 0,
    };

    let mut service = ClientMetadata::new("service".parse()?);
    service.grant_types = [GrantType::ClientCredentials].into();
    service.scope = Scope::parse("read write")?;
    let secret = Secret::new("a secret with more bits than anybody can guess");
    let hash = SecretHash::of_strong(&secret);
    let client = Client::register(service, Some(hash), &by_hand.profile, by_hand.now)?;
    let version = Version::draw(&mut by_hand.context().entropy);
    by_hand.put(Put::of(&Client::key(client.id()), Expect::Absent, version, &client, None));

    let shown = ClientCredentials { client: "service".parse()?, proof: ClientProof::Basic(secret) };
    let grant = GrantRequest::ClientCredentials { scope: Some(Scope::parse("read")?) };
    let context = by_hand.context();
    let flow = flow::token(context, TokenRequest { client: shown.into(), grant });
    let answer = by_hand.run(flow).map_err(|stop| format!("no token: {stop:?}"))?;

    let is_worth = |scope: &str, by_hand: &mut ByHand| -> Result<bool, Box<dyn Error>> {
        let context = by_hand.context();
        let flow = flow::check(context, Some(answer.access_token.clone()), Scope::parse(scope)?, None);
        match by_hand.run(flow) {
            Ok(_) => Ok(true),
            Err(Stop::Refused(_)) => Ok(false),
            Err(Stop::Fault(fault)) => Err(fault.into()),
        }
    };
    assert!(is_worth("read", &mut by_hand)?, "it permits what was asked for");
    assert!(!is_worth("write", &mut by_hand)?, "and nothing else");
    by_hand.now = by_hand.now + Lifetime::seconds(3600);
    assert!(!is_worth("read", &mut by_hand)?, "and an hour later nothing at all");
    Ok(())
}
