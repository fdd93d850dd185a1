//! What parties do: plain values, which print as the Rust they are written in.

use std::fmt;

/// One of a policy's clients, by its place in [`Policy::clients`](super::Policy::clients).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client(pub u8);

/// A person who approves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Person {
    /// The first.
    Alice,
    /// The other.
    Bob,
}

/// A scope, as a set of a policy's [`words`](super::Policy::words): bit *n* is the *n*th word. The word after the last is
/// one that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Words(pub u64);

/// How an authorization request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// For a code, with a challenge, and naming the redirect URI.
    Code,
    /// For a code, without a challenge.
    WithoutChallenge,
    /// For a code, with a challenge, to a redirect URI that is left unsaid.
    Unnamed,
    /// For a code, to a URI that is not the client's.
    Elsewhere,
    /// For an access token at once.
    Implicit,
}

/// The one thing that is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slip {
    /// The client's secret.
    WrongSecret,
    /// There is no client secret, where there should be one.
    NoSecret,
    /// The redirect URI is another.
    OtherUri,
    /// The redirect URI is missing.
    NoUri,
    /// The verifier is another, or is sent though there was no challenge.
    OtherVerifier,
    /// The verifier is missing.
    NoVerifier,
    /// The code or token has another secret part, and is whole in all else.
    Invented,
    /// The code or token was changed in one character.
    Garbled,
}

/// A token: 0 is the newest of its kind, 1 the one before.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Token {
    /// An access token.
    Access(u8),
    /// A refresh token.
    Refresh(u8),
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By its whole name, since there is an act of the same.
        match self {
            Token::Access(back) => write!(f, "Token::Access({back})"),
            Token::Refresh(back) => write!(f, "Token::Refresh({back})"),
        }
    }
}

/// Who ends a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ender {
    /// The person it speaks for.
    Owner,
    /// An operator.
    Operator,
}

/// Something that a party does. Codes, tokens, questions and grants are named by how long ago they were given: 0 is the
/// newest. What does not exist is not used, and nothing happens then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// A client sends a person to the server, who is asked, and does not answer yet.
    Ask {
        /// Which client.
        client: Client,
        /// Who is asked.
        person: Person,
        /// For what; the client's default if nothing is said.
        scope: Option<Words>,
        /// How.
        way: Way,
    },
    /// The same, and he approves.
    Approve {
        /// Which client.
        client: Client,
        /// Who approves.
        person: Person,
        /// What was asked for; the client's default if nothing is said.
        scope: Option<Words>,
        /// The optional words that he ticks, if not all: what is required he approves without.
        part: Option<Words>,
        /// How.
        way: Way,
    },
    /// A person answers a question that was put to him, or is answered again.
    Decide {
        /// Which question.
        question: u8,
        /// Who answers.
        person: Person,
        /// Whether it is in the browser session in which it was asked.
        same_session: bool,
        /// Yes or no.
        approve: bool,
    },
    /// A code is exchanged for tokens.
    Redeem {
        /// Which code.
        code: u8,
        /// By whom.
        by: Client,
        /// What is wrong with it.
        slip: Option<Slip>,
    },
    /// A refresh token is exchanged for tokens.
    Refresh {
        /// Which refresh token.
        token: u8,
        /// By whom.
        by: Client,
        /// For less, or for more; for all that was granted if nothing is said.
        scope: Option<Words>,
        /// What is wrong with it.
        slip: Option<Slip>,
    },
    /// A client asks for a token of its own.
    Own {
        /// Which client.
        by: Client,
        /// For what.
        scope: Option<Words>,
        /// What is wrong with it.
        slip: Option<Slip>,
    },
    /// A client shows a person's password.
    Password {
        /// Which client.
        by: Client,
        /// Whose.
        person: Person,
        /// Whether it is right.
        right: bool,
        /// For what.
        scope: Option<Words>,
        /// What is wrong with the client.
        slip: Option<Slip>,
    },
    /// An API key is shown for tokens.
    Key {
        /// Whose.
        by: Client,
        /// What is wrong with it.
        slip: Option<Slip>,
    },
    /// A client gives a token back.
    GiveBack {
        /// Which.
        token: Token,
        /// Who.
        by: Client,
        /// What is wrong with the client.
        slip: Option<Slip>,
    },
    /// A client asks what a token is worth.
    Look {
        /// Which.
        token: Token,
        /// Who asks.
        by: Client,
        /// What is wrong with the client.
        slip: Option<Slip>,
    },
    /// An access token is shown at a resource.
    Use {
        /// Which.
        token: u8,
        /// What the resource wants.
        scope: Option<Words>,
        /// What is wrong with it.
        slip: Option<Slip>,
    },
    /// Somebody ends a grant.
    EndGrant {
        /// Which.
        grant: u8,
        /// Who.
        by: Ender,
    },
    /// A person is suspended, and his grants are ended.
    Suspend {
        /// Who.
        person: Person,
    },
    /// A person is no longer suspended.
    Reinstate {
        /// Who.
        person: Person,
    },
    /// A client is switched off.
    SwitchOff {
        /// Which.
        client: Client,
    },
    /// A client is switched on again.
    SwitchOn {
        /// Which.
        client: Client,
    },
    /// Time passes.
    Pass {
        /// So many seconds.
        seconds: u32,
    },
    /// The clock is set back; by an hour at most, all in all.
    SetBack {
        /// So many seconds.
        seconds: u32,
    },
    /// Records that are long past are removed.
    Purge,
}
