//! A flow as a value that says what it needs next.
//!
//! A flow neither awaits nor calls. It is a [`Step`]: a need, which is answered by a method that takes that need's own
//! answer and gives the next step, or the end. Whoever holds a step may answer it now, later, or never: the engine does
//! it in a loop, a simulation holds several still and picks, a test answers by hand.
//!
//! ```
//! use grantor_core::record::{Hint, Key};
//! use grantor_core::step::{Step, load};
//! # use grantor_core::record::Kind;
//! # fn key() -> Key<grantor_core::Standing> { Key::of("alice") }
//! let flow = load(key()).then(|found| Step::done(found.is_none()));
//! let Step::Load(need) = flow else { unreachable!() };
//! assert_eq!(need.key().to_string(), "standing/alice");
//! let Step::Done(Ok(in_good_standing)) = need.answer(None) else { unreachable!() };
//! assert!(in_good_standing);
//! ```

use std::fmt;
use std::sync::Arc;

use crate::client::Client;
use crate::event::Event;
use crate::ids::ClientId;
use crate::record::{CorruptRecord, Key, Put, Record, RecordKey, Stored, Version, Write, decode, encode};
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;

type Next<A, T> = Box<dyn FnOnce(A) -> Step<T> + Send>;

/// What a flow needs next, or its end.
#[must_use = "a flow does nothing until its steps are answered"]
pub enum Step<T> {
    /// A record, please.
    Load(Load<T>),
    /// What is registered of a client, please. It need not be the very newest.
    Registration(Registration<T>),
    /// Write this, please.
    Commit(Commit<T>),
    /// The answer to a write was lost: which write stands?
    Settle(Settle<T>),
    /// Does this secret match a slow hash?
    VerifySecret(VerifySecret<T>),
    /// Sign this, please.
    Sign(Sign<T>),
    /// Is this a JWT that we signed?
    VerifyJws(VerifyJws<T>),
    /// The end.
    Done(Result<T, Stop>),
}

/// How a flow ends when it does not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The request was refused, by a rule.
    Refused(Refusal),
    /// The server could not do its work. The request may be right.
    Fault(FlowFault),
}

/// What can be wrong on our side, as a flow sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowFault {
    /// A record that cannot be read.
    Corrupt(CorruptRecord),
    /// A write of which it is not known whether it stands.
    Unsettled(RecordKey),
    /// Others won every race for this record.
    Contended(RecordKey),
}

impl FlowFault {
    /// Which of them it is, in a word.
    pub const fn word(&self) -> &'static str {
        match self {
            FlowFault::Corrupt(_) => "corrupt",
            FlowFault::Unsettled(_) => "unsettled",
            FlowFault::Contended(_) => "contended",
        }
    }
}

impl fmt::Display for FlowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlowFault::Corrupt(corrupt) => corrupt.fmt(f),
            FlowFault::Unsettled(key) => write!(f, "the outcome of a write of {key} is unknown"),
            FlowFault::Contended(key) => write!(f, "too many others write {key} at the same time"),
        }
    }
}

impl std::error::Error for FlowFault {}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Stop::Refused(refusal)
    }
}

impl From<Reason> for Stop {
    fn from(reason: Reason) -> Self {
        Stop::Refused(reason.into())
    }
}

impl From<FlowFault> for Stop {
    fn from(fault: FlowFault) -> Self {
        Stop::Fault(fault)
    }
}

impl<T: 'static> Step<T> {
    /// The end, well.
    pub fn done(value: T) -> Self {
        Step::Done(Ok(value))
    }

    /// The end, refused or at fault.
    pub fn stop(stop: impl Into<Stop>) -> Self {
        Step::Done(Err(stop.into()))
    }

    /// What `result` says: the end, either way.
    pub fn ended<E: Into<Stop>>(result: Result<T, E>) -> Self {
        Step::Done(result.map_err(Into::into))
    }

    /// Goes on with the value at the end; a stop stays one. Costs one allocation for each need still to come.
    pub fn then<U: 'static>(self, go_on: impl FnOnce(T) -> Step<U> + Send + 'static) -> Step<U> {
        match self {
            Step::Done(Ok(value)) => go_on(value),
            Step::Done(Err(stop)) => Step::Done(Err(stop)),
            Step::Load(Load { key, next }) => {
                Step::Load(Load { key, next: Box::new(move |found| next(found).then(go_on)) })
            }
            Step::Registration(Registration { client, next }) => Step::Registration(Registration {
                client,
                next: Box::new(move |found| next(found).then(go_on)),
            }),
            Step::Commit(Commit { write, events, next }) => Step::Commit(Commit {
                write,
                events,
                next: Box::new(move |outcome| next(outcome).then(go_on)),
            }),
            Step::Settle(Settle { key, next }) => {
                Step::Settle(Settle { key, next: Box::new(move |stands| next(stands).then(go_on)) })
            }
            Step::VerifySecret(VerifySecret { presented, hashes, next }) => {
                Step::VerifySecret(VerifySecret {
                    presented,
                    hashes,
                    next: Box::new(move |verdict| next(verdict).then(go_on)),
                })
            }
            Step::Sign(Sign { header, payload, events, next }) => {
                Step::Sign(Sign { header, payload, events, next: Box::new(move |jws| next(jws).then(go_on)) })
            }
            Step::VerifyJws(VerifyJws { compact, header, next }) => Step::VerifyJws(VerifyJws {
                compact,
                header,
                next: Box::new(move |payload| next(payload).then(go_on)),
            }),
        }
    }
}

/// What a need was answered.
pub enum Answered {
    /// A record, or that there is none.
    Load(RecordKey, Option<Stored>),
    /// What is registered of a client, as its record would be stored, or that it is not registered.
    Registration(RecordKey, Option<Vec<u8>>),
    /// What became of a write.
    Commit(Write, CommitOutcome),
    /// Which write stands.
    Settle(RecordKey, Option<Version>),
    /// Whether a secret matches one of so many slow hashes.
    VerifySecret(usize, bool),
    /// A signature, over this.
    Sign(Vec<u8>),
    /// What was signed, if it was.
    VerifyJws(Option<Vec<u8>>),
}

impl<T: 'static> Step<T> {
    /// The same flow, which tells `note` what each of its needs is answered, before it goes on. Costs one allocation for
    /// each need, and a copy of what is told.
    pub fn watched(self, note: impl Fn(Answered) + Clone + Send + 'static) -> Self {
        match self {
            Step::Done(end) => Step::Done(end),
            Step::Load(Load { key, next }) => {
                let of = key.clone();
                let next = Box::new(move |found: Option<Stored>| {
                    note(Answered::Load(of, found.clone()));
                    next(found).watched(note)
                });
                Step::Load(Load { key, next })
            }
            Step::Registration(Registration { client, next }) => {
                let of = Client::key(&client).raw().clone();
                let next = Box::new(move |found: Result<Option<Arc<Client>>, CorruptRecord>| {
                    if let Ok(found) = &found {
                        note(Answered::Registration(of, found.as_ref().map(|client| encode(&**client))));
                    }
                    next(found).watched(note)
                });
                Step::Registration(Registration { client, next })
            }
            Step::Commit(Commit { write, events, next }) => {
                let of = write.clone();
                let next = Box::new(move |outcome| {
                    note(Answered::Commit(of, outcome));
                    next(outcome).watched(note)
                });
                Step::Commit(Commit { write, events, next })
            }
            Step::Settle(Settle { key, next }) => {
                let of = key.clone();
                let next = Box::new(move |stands| {
                    note(Answered::Settle(of, stands));
                    next(stands).watched(note)
                });
                Step::Settle(Settle { key, next })
            }
            Step::VerifySecret(VerifySecret { presented, hashes, next }) => {
                let of = hashes.len();
                let next = Box::new(move |matches| {
                    note(Answered::VerifySecret(of, matches));
                    next(matches).watched(note)
                });
                Step::VerifySecret(VerifySecret { presented, hashes, next })
            }
            Step::Sign(Sign { header, payload, events, next }) => {
                let of = payload.clone();
                let next = Box::new(move |jws| {
                    note(Answered::Sign(of));
                    next(jws).watched(note)
                });
                Step::Sign(Sign { header, payload, events, next })
            }
            Step::VerifyJws(VerifyJws { compact, header, next }) => {
                let next = Box::new(move |payload: Option<Vec<u8>>| {
                    note(Answered::VerifyJws(payload.clone()));
                    next(payload).watched(note)
                });
                Step::VerifyJws(VerifyJws { compact, header, next })
            }
        }
    }
}

/// The need of a record.
pub struct Load<T> {
    key: RecordKey,
    next: Next<Option<Stored>, T>,
}

impl<T> Load<T> {
    /// Which one.
    pub fn key(&self) -> &RecordKey {
        &self.key
    }

    /// Goes on with what stands there.
    pub fn answer(self, found: Option<Stored>) -> Step<T> {
        (self.next)(found)
    }
}

/// The need to know what is registered of a client.
///
/// Unlike a [`Load`], it may be answered by what stood a moment ago: whoever answers may remember registrations. How long
/// that moment is, is how long a client that was switched off may go on.
pub struct Registration<T> {
    client: ClientId,
    next: Next<Result<Option<Arc<Client>>, CorruptRecord>, T>,
}

impl<T> Registration<T> {
    /// Whose.
    pub fn client(&self) -> &ClientId {
        &self.client
    }

    /// Where it stands.
    pub fn key(&self) -> Key<Client> {
        Client::key(&self.client)
    }

    /// Goes on with what is registered, or with a record that cannot be read, which ends the flow.
    pub fn answer(self, found: Result<Option<Arc<Client>>, CorruptRecord>) -> Step<T> {
        (self.next)(found)
    }

    /// Goes on with what stands in a store.
    pub fn answer_stored(self, found: Option<&Stored>) -> Step<T> {
        let key = self.key();
        let read = found.map(|stored| decode(key.raw(), &stored.body).map(Arc::new)).transpose();
        self.answer(read)
    }
}

/// The need of a write.
pub struct Commit<T> {
    write: Write,
    events: Vec<Event>,
    next: Next<CommitOutcome, T>,
}

impl<T> Commit<T> {
    /// The write that decides.
    pub fn put(&self) -> &Put {
        &self.write.put
    }

    /// What must stand before it.
    pub fn first(&self) -> &[Put] {
        &self.write.first
    }

    /// What will have happened once the write stands. To be told to observers then, and only then.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The write and its events, by value, and what takes the answer.
    pub fn into_parts(self) -> (Write, Vec<Event>, CommitAnswer<T>) {
        (self.write, self.events, CommitAnswer { next: self.next })
    }

    /// Goes on with what became of it.
    pub fn answer(self, outcome: CommitOutcome) -> Step<T> {
        (self.next)(outcome)
    }
}

/// Takes the answer to a [`Commit`] whose write has been given away.
pub struct CommitAnswer<T> {
    next: Next<CommitOutcome, T>,
}

impl<T> CommitAnswer<T> {
    /// Goes on with what became of the write.
    pub fn answer(self, outcome: CommitOutcome) -> Step<T> {
        (self.next)(outcome)
    }
}

/// What became of a write. A write that certainly failed is no answer but a fault: the flow ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It stands.
    Applied,
    /// Something else stood there.
    Conflict,
    /// It may stand.
    Unknown,
}

/// The need to know which write stands.
pub struct Settle<T> {
    key: RecordKey,
    next: Next<Option<Version>, T>,
}

impl<T> Settle<T> {
    /// Where.
    pub fn key(&self) -> &RecordKey {
        &self.key
    }

    /// Goes on with the version that stands there.
    pub fn answer(self, stands: Option<Version>) -> Step<T> {
        (self.next)(stands)
    }
}

/// The need to hold a secret against slow hashes.
pub struct VerifySecret<T> {
    presented: Secret,
    hashes: Vec<String>,
    next: Next<bool, T>,
}

impl<T> VerifySecret<T> {
    /// What was presented.
    pub fn presented(&self) -> &Secret {
        &self.presented
    }

    /// Argon2id hashes in PHC string format, one of which it may match.
    pub fn hashes(&self) -> &[String] {
        &self.hashes
    }

    /// Goes on with whether it matches one.
    pub fn answer(self, matches: bool) -> Step<T> {
        (self.next)(matches)
    }
}

/// What a JWS says of itself, and with what it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwsHeader {
    /// The `typ`.
    pub typ: String,
    /// With what it is signed.
    pub key: SigningKey,
}

/// With what a JWS is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningKey {
    /// One of the server's published keys.
    Published,
    /// The key of this profile alone, derived from the server's: HMAC-SHA256.
    Shared {
        /// The profile's name.
        profile: String,
    },
}

/// The need of a signature.
pub struct Sign<T> {
    header: JwsHeader,
    payload: Vec<u8>,
    events: Vec<Event>,
    next: Next<String, T>,
}

impl<T> Sign<T> {
    /// The header of the JWS, and with what to sign.
    pub fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// The JSON to sign.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What will have happened once it is signed.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Goes on with the compact JWS.
    pub fn answer(self, jws: String) -> Step<T> {
        (self.next)(jws)
    }
}

/// The need to know whether a JWS is ours.
pub struct VerifyJws<T> {
    compact: Secret,
    header: JwsHeader,
    next: Next<Option<Vec<u8>>, T>,
}

impl<T> VerifyJws<T> {
    /// The compact JWS.
    pub fn compact(&self) -> &Secret {
        &self.compact
    }

    /// The header it must have, and the key that must have signed it.
    pub fn header(&self) -> &JwsHeader {
        &self.header
    }

    /// Goes on with the JSON that was signed, or with nothing if it is not ours.
    pub fn answer(self, payload: Option<Vec<u8>>) -> Step<T> {
        (self.next)(payload)
    }
}

/// A record and the write that made it.
#[derive(Debug, Clone)]
pub struct Loaded<R> {
    /// The record.
    pub record: R,
    /// The version to expect when it is replaced.
    pub version: Version,
}

/// Asks for a record, and reads it as what its key says it is.
pub fn load<R: Record>(key: Key<R>) -> Step<Option<Loaded<R>>> {
    let raw = key.raw().clone();
    Step::Load(Load {
        key: raw.clone(),
        next: Box::new(move |found| match found {
            None => Step::done(None),
            Some(stored) => match decode(&raw, &stored.body) {
                Ok(record) => Step::done(Some(Loaded { record, version: stored.version })),
                Err(corrupt) => Step::stop(FlowFault::Corrupt(corrupt)),
            },
        }),
    })
}

/// Asks for what is registered of a client, which need not be the very newest.
pub fn registration(client: &ClientId) -> Step<Option<Arc<Client>>> {
    let next = |found: Result<_, _>| Step::ended(found.map_err(FlowFault::Corrupt));
    Step::Registration(Registration { client: client.clone(), next: Box::new(next) })
}

/// Whether a write came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It did.
    Yes,
    /// Another stood in its way: read again, and decide again.
    LostRace,
}

/// Writes. An outcome that got lost is settled by one read, by the write's own version: if that stands, all is well;
/// if not, it may still come to stand, so the flow ends in a fault rather than try twice.
///
/// What must stand before it is settled with it: where it stands, that does.
pub fn commit(write: impl Into<Write>, events: Vec<Event>) -> Step<Committed> {
    let write = write.into();
    let (key, version) = (write.put.key.clone(), write.put.version);
    let next = move |outcome| match outcome {
        CommitOutcome::Applied => Step::done(Committed::Yes),
        CommitOutcome::Conflict => Step::done(Committed::LostRace),
        CommitOutcome::Unknown => Step::Settle(Settle {
            key: key.clone(),
            next: Box::new(move |stands| match stands {
                Some(stands) if stands == version => Step::done(Committed::Yes),
                Some(_) | None => Step::stop(FlowFault::Unsettled(key)),
            }),
        }),
    };
    Step::Commit(Commit { write, events, next: Box::new(next) })
}

/// Writes a record that no other can be in the way of, since its key is fresh from entropy.
pub fn create(write: impl Into<Write>, events: Vec<Event>) -> Step<()> {
    let write = write.into();
    let raw = write.put.key.clone();
    commit(write, events).then(move |committed| match committed {
        Committed::Yes => Step::done(()),
        Committed::LostRace => Step::stop(FlowFault::Contended(raw)),
    })
}

/// Asks whether a secret matches one of several slow hashes.
pub fn verify_secret(presented: Secret, hashes: Vec<String>) -> Step<bool> {
    Step::VerifySecret(VerifySecret { presented, hashes, next: Box::new(Step::done) })
}

/// Asks for a signature over JSON.
pub fn sign(header: JwsHeader, payload: Vec<u8>, events: Vec<Event>) -> Step<String> {
    Step::Sign(Sign { header, payload, events, next: Box::new(Step::done) })
}

/// Asks whether a compact JWS is ours, and for what it says.
pub fn verify_jws(compact: Secret, header: JwsHeader) -> Step<Option<Vec<u8>>> {
    Step::VerifyJws(VerifyJws { compact, header, next: Box::new(Step::done) })
}
