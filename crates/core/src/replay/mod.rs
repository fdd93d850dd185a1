//! What a flow was asked and answered, written down without its secrets and run again.
//!
//! **Invariant: what stands in a [`Bundle`] is worth nothing to anybody, and replays to what happened.** A [`Run`] holds a
//! request and the answers that its flow got, in custody. [`Run::bundle`] puts another secret in the place of each, another
//! server key in the place of the server's, and other randomness in the place of what was drawn, and then *runs the flow
//! again* beside the real run: asked the same, answered the same but for those. What is written down is that second run, and
//! only if it ended as the first did. So a bundle holds nothing that was ever accepted anywhere, and nobody has to trust
//! that it says the same: it was tried.
//!
//! [`Bundle::replay`] runs it with the code as it is now, without a store, a network or a key of anybody's, and tells what
//! differs.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use grantor_core::replay::{Call, End, Run};
//! use grantor_core::request::{ClientCredentials, ClientProof, GrantRequest, TokenRequest};
//! use grantor_core::step::{Step, Stop};
//! use grantor_core::{Entropy, Profile, Secret, ServerKey, Time, flow};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let profile = Arc::new(Profile::standard("https://auth.example.com".parse()?));
//! let key = Arc::new(ServerKey::from_bytes([7; 32]));
//! let now = Time::from_unix_millis(1_800_000_000_000);
//! let proof = ClientProof::Basic(Secret::new("a secret that nobody must see"));
//! let client = ClientCredentials { client: "service".parse()?, proof }.into();
//! let request = TokenRequest { client, grant: GrantRequest::ClientCredentials { scope: None } };
//!
//! // Where there is no such client:
//! let context = flow::Context { profile: profile.clone(), key: key.clone(), now, entropy: Entropy::from_seed([1; 32]) };
//! let answers = Arc::new(Mutex::new(Vec::new()));
//! let noted = answers.clone();
//! let note = move |answer| noted.lock().unwrap().push(answer);
//! let Step::Registration(need) = flow::token(context, request.clone()).watched(note) else { unreachable!() };
//! let Step::Done(Err(Stop::Refused(refusal))) = need.answer(Ok(None)) else { unreachable!() };
//!
//! let answers = std::mem::take(&mut *answers.lock().unwrap());
//! let run = Run { profile, key, now, call: Call::Token(request), answers, end: End::Refused(refusal) };
//! let bundle = run.bundle(Entropy::from_seed([2; 32]))?;
//! assert!(!bundle.to_json().contains("nobody must see"));
//! assert!(bundle.replay()?.is_same());
//! # Ok(()) }
//! ```

mod call;
mod record;
mod request;
mod run;
mod stand_ins;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use call::{Call, Outcome};
pub use run::{Replayed, Told};

use crate::limits::Limits;
use crate::profile::Profile;
use crate::record::Format;
use crate::refusal::Refusal;
use crate::secret::{Digest, ServerKey};
use crate::step::Answered;
use crate::time::Time;
use request::Written;

/// One run of a flow, as it happened. It holds the secrets of it, so nothing can be done with it but to make a bundle.
pub struct Run {
    /// The values it went by.
    pub profile: Arc<Profile>,
    /// The server's key.
    pub key: Arc<ServerKey>,
    /// The time.
    pub now: Time,
    /// What was asked.
    pub call: Call,
    /// What its needs were answered, in order: what [`Step::watched`](crate::step::Step::watched) told.
    pub answers: Vec<Answered>,
    /// How it ended.
    pub end: End,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Well.
    Answered,
    /// Refused by a rule, whoever was told so.
    Refused(Refusal),
    /// By a fault that the flow found, of this name: [`FlowFault::word`](crate::step::FlowFault::word).
    Fault(&'static str),
    /// By what should have answered its last need and failed: the store, the signing keys, the slow hash.
    Cut(&'static str),
}

/// A run that holds no secret of anybody's, and can be run again anywhere.
pub struct Bundle {
    written: Text,
    /// Whether it is as it was recorded, to the letter.
    intact: bool,
}

/// What stands in a bundle.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    /// The version that recorded it.
    recorded_by: String,
    /// How the real run ended, as logs tell it.
    happened: Value,
    now: Time,
    /// In the place of what was drawn.
    entropy: Digest,
    /// In the place of the server's key.
    server_key: Digest,
    profile: ProfileText,
    request: Written,
    steps: Vec<StepText>,
    end: Value,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileText {
    name: String,
    issuer: String,
    limits: Limits,
    /// What a profile file says.
    values: Value,
}

/// A need and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum StepText {
    Load {
        key: String,
        found: Option<StoredText>,
    },
    Registration {
        key: String,
        found: Option<Value>,
    },
    Commit {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        first: Vec<WriteText>,
        write: WriteText,
        outcome: OutcomeText,
    },
    Settle {
        key: String,
        stands: Option<String>,
    },
    VerifySecret {
        hashes: usize,
        matches: bool,
    },
    Sign {
        payload: Value,
        jws: String,
    },
    VerifyJws {
        payload: Option<Value>,
    },
    /// Never answered: what should have done it failed.
    Cut {
        need: String,
        by: String,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredText {
    version: String,
    keep_until: Option<Time>,
    body: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteText {
    key: String,
    /// The version that must stand there; none if nothing may.
    expect: Option<String>,
    keep_until: Option<Time>,
    body: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeText {
    Applied,
    Conflict,
    Unknown,
}

/// A bundle in its file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    grantor_bundle: Format<1>,
    /// Of the run, so that whoever changes a bundle to see what would have happened is told that it is not as it was.
    digest: Digest,
    run: Value,
}

impl Bundle {
    /// The most that one may have in JSON, in bytes. What is longer is not kept.
    pub const LARGEST: usize = 1 << 20;

    fn of(written: Text) -> Self {
        Self { written, intact: true }
    }

    /// The bundle as JSON.
    pub fn to_json(&self) -> String {
        // Structs, enums and JSON itself, all with text keys: there is nothing that JSON has no form for.
        let run = serde_json::to_value(&self.written).unwrap_or_default();
        let file = File { grantor_bundle: Format, digest: digest_of(&run), run };
        serde_json::to_string_pretty(&file).unwrap_or_default()
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// [`InvalidBundle`] if it is none, or one of another format.
    pub fn from_json(json: &str) -> Result<Self, InvalidBundle> {
        if json.len() > Self::LARGEST {
            return Err(InvalidBundle::because("it is too long"));
        }
        let file: File = serde_json::from_str(json).map_err(InvalidBundle::because)?;
        let intact = file.digest.matches(&digest_of(&file.run));
        let written: Text = serde_json::from_value(file.run).map_err(InvalidBundle::because)?;
        Ok(Self { written, intact })
    }

    /// Runs it again.
    ///
    /// # Errors
    /// [`InvalidBundle`] if what stands in it is no request or no profile.
    pub fn replay(&self) -> Result<Replayed, InvalidBundle> {
        run::replay(&self.written, self.intact)
    }
}

fn digest_of(run: &Value) -> Digest {
    Digest::of(run.to_string().as_bytes())
}

/// What is no bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidBundle(String);

impl InvalidBundle {
    fn because(why: impl fmt::Display) -> Self {
        Self(why.to_string())
    }
}

impl fmt::Display for InvalidBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a replay bundle that this version reads: {}", self.0)
    }
}

impl std::error::Error for InvalidBundle {}

/// A run that comes out otherwise without its secrets, so that there is no bundle of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfaithful(String);

impl fmt::Display for Unfaithful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the run comes out otherwise without its secrets: {}", self.0)
    }
}

impl std::error::Error for Unfaithful {}
