//! Could an honest server have said all that? A check of what clients were told about grants and tokens.
//!
//! Clients write down in a [`Lifecycle`] what they ask and what they are told, with however many threads, servers and
//! crashes. Each grant is taken as one thing that is used by one client at a time (see [`linear`]): its
//! code is redeemed once, its refresh tokens follow one another, what was taken back stays taken back, and introspection
//! says what is so at a moment between question and answer. A request without an answer, and one answered "unavailable",
//! may have happened or not, at once or later. Tokens must not expire while the history lasts.

mod journal;
mod model;

use std::collections::BTreeMap;
use std::fmt;

pub use journal::{Asked, Begun, Lifecycle, Request, Told};

use model::{Generations, Grant, State};

use crate::linear::{self, Call};

/// What the predecessor of the current refresh token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grace {
    /// Nothing: using it is a replay, and ends the grant.
    None,
    /// It gives its successor again. The grace must be longer than the history.
    Endless,
}

/// What no server may do, however often it crashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Nobody asked what a token is worth, which shows nothing.
    NothingSeen,
    /// A client asked about a token that nobody was given: a fault of the test.
    Invented {
        /// The token.
        token: String,
    },
    /// The code of a grant was redeemed more than once.
    RedeemedTwice {
        /// The grant.
        grant: String,
    },
    /// One token was given out in two places.
    GivenTwice {
        /// The token.
        token: String,
    },
    /// A refresh token was replaced by two.
    Forked {
        /// The refresh token.
        token: String,
        /// Its successors.
        successors: [String; 2],
    },
    /// No order of the requests explains an answer.
    Unexplained {
        /// The grant.
        grant: String,
        /// The answer that is not explained.
        request: Box<Request>,
        /// What is known of the grant until then, for whoever has to find out why.
        story: String,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::NothingSeen => write!(f, "a history in which nobody looked shows nothing"),
            Violation::Invented { token } => write!(f, "{token} was asked about, and given to nobody"),
            Violation::RedeemedTwice { grant } => write!(f, "{grant}: its code was redeemed twice"),
            Violation::GivenTwice { token } => write!(f, "{token} was given out twice"),
            Violation::Forked { token, successors: [one, other] } => {
                write!(f, "{token} was replaced by {one} and by {other}")
            }
            Violation::Unexplained { grant, request, story } => {
                write!(f, "{grant}: no order explains {request:?}\n{story}")
            }
        }
    }
}

impl std::error::Error for Violation {}

/// What was looked at and found right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checked {
    /// Grants that were asked about.
    pub grants: usize,
    /// Requests.
    pub requests: usize,
    /// Those of them that were not answered.
    pub unanswered: usize,
    /// Those of them that asked what a token is worth, and were told.
    pub looks: usize,
    /// The most requests about one grant that were on their way at one moment.
    pub at_once: usize,
}

/// Whether an honest server could have said all that.
///
/// # Errors
/// A [`Violation`]; of several, the first of the first grant.
pub fn check(requests: &[Request], grace: Grace) -> Result<Checked, Violation> {
    let mut by_grant: BTreeMap<&str, Vec<&Request>> = BTreeMap::new();
    for request in requests {
        by_grant.entry(&request.grant).or_default().push(request);
    }
    let mut checked = Checked { grants: by_grant.len(), requests: requests.len(), ..Checked::default() };
    for (grant, requests) in by_grant {
        one(grant, &requests, grace)?;
        checked.unanswered += requests.iter().filter(|request| request.told.is_none()).count();
        checked.looks += requests.iter().filter(|request| request.is_a_look()).count();
        checked.at_once = checked.at_once.max(at_once(&requests));
    }
    if checked.looks == 0 { Err(Violation::NothingSeen) } else { Ok(checked) }
}

fn one(grant: &str, requests: &[&Request], grace: Grace) -> Result<(), Violation> {
    let names = Generations::of(grant, requests)?;
    let calls: Vec<_> = requests
        .iter()
        .map(|request| {
            let answer = request.told.as_ref().map(|(ended, told)| (*ended, model::said(told)));
            Ok(Call { ask: names.ask(&request.asked)?, began: request.began, answer })
        })
        .collect::<Result<_, Violation>>()?;
    linear::check(&Grant { grace }, State::default(), &calls).map_err(|unexplained| {
        let request = Box::new(requests[unexplained.call].clone());
        let ended = request.told.as_ref().map_or(u64::MAX, |(ended, _)| *ended);
        let mut story = format!("  just before, it may have been {:?}\n", unexplained.states);
        for request in requests.iter().filter(|other| other.began <= ended) {
            story += &format!("  {request:?}\n");
        }
        Violation::Unexplained { grant: grant.to_owned(), request, story }
    })
}

fn at_once(requests: &[&Request]) -> usize {
    let mut moments: Vec<(u64, bool)> = Vec::new();
    for request in requests {
        if let Some((ended, _)) = &request.told {
            moments.extend([(request.began, true), (*ended, false)]);
        }
    }
    moments.sort_unstable();
    let (mut open, mut most) = (0, 0);
    for (_, begins) in moments {
        open = if begins { open + 1 } else { open - 1 };
        most = most.max(open);
    }
    most
}
