//! What was given to whom, by numbers: whoever tells a story speaks of "the newest code", and not of its characters.

use std::sync::Arc;

use grantor_core::{GrantId, Secret};

use super::act::{Act, Client, Person, Slip, Token};
use super::forge;
use super::policy::Policy;

/// The number of something that was given.
pub(crate) type Id = u32;

/// What was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Question,
    Code,
    Access,
    Refresh,
    Grant,
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    text: Arc<str>,
    /// To whom.
    pub(crate) client: Client,
    pub(crate) person: Option<Person>,
    /// For a code: what its request said.
    pub(crate) named: bool,
    pub(crate) challenged: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Ledger {
    entries: Vec<Entry>,
}

/// An act, and what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) act: Act,
    pub(crate) on: Option<Id>,
}

impl Ledger {
    pub(crate) fn entry(&self, id: Id) -> &Entry {
        &self.entries[id as usize]
    }

    pub(crate) fn text(&self, id: Id) -> &str {
        &self.entry(id).text
    }

    pub(crate) fn secret(&self, id: Id) -> Secret {
        Secret::new(self.text(id))
    }

    pub(crate) fn grant(&self, id: Id) -> GrantId {
        self.text(id).parse().unwrap()
    }

    /// The numbers of a kind, the oldest first.
    pub(crate) fn all(&self, kind: Kind) -> impl DoubleEndedIterator<Item = Id> {
        let ids = self.entries.iter().enumerate().filter(move |(_, entry)| entry.kind == kind);
        ids.map(|(at, _)| u32::try_from(at).unwrap())
    }

    fn newest(&self, kind: Kind, back: u8) -> Option<Id> {
        self.all(kind).rev().nth(usize::from(back))
    }

    /// How long ago something was given, as an act says it.
    pub(crate) fn back(&self, id: Id) -> u8 {
        let kind = self.entry(id).kind;
        u8::try_from(self.all(kind).rev().position(|other| other == id).unwrap()).unwrap()
    }

    /// Its place among those of its kind, from 1, and how many there are.
    pub(crate) fn place(&self, id: Id) -> (usize, usize) {
        let kind = self.entry(id).kind;
        (self.all(kind).position(|other| other == id).unwrap() + 1, self.all(kind).count())
    }

    /// The number of a text, which may be known already.
    pub(crate) fn learn(&mut self, kind: Kind, text: &str, client: Client, person: Option<Person>) -> Id {
        let known = self.entries.iter().position(|entry| entry.kind == kind && *entry.text == *text);
        let at = known.unwrap_or_else(|| {
            let entry = Entry { kind, text: text.into(), client, person, named: false, challenged: false };
            self.entries.push(entry);
            self.entries.len() - 1
        });
        u32::try_from(at).unwrap()
    }

    /// What a code's request said.
    pub(crate) fn bind(&mut self, code: Id, named: bool, challenged: bool) {
        let entry = &mut self.entries[code as usize];
        (entry.named, entry.challenged) = (named, challenged);
    }

    /// What an act is about; `None` if there is no such thing or no such client.
    pub(crate) fn resolve(&self, policy: &Policy, act: Act) -> Option<Asked> {
        let (kind, back) = match act {
            Act::Decide { question, .. } => (Kind::Question, question),
            Act::Redeem { code, .. } => (Kind::Code, code),
            Act::Refresh { token, .. } => (Kind::Refresh, token),
            Act::GiveBack { token, .. } | Act::Look { token, .. } => match token {
                Token::Access(back) => (Kind::Access, back),
                Token::Refresh(back) => (Kind::Refresh, back),
            },
            Act::Use { token, .. } => (Kind::Access, token),
            Act::EndGrant { grant, .. } => (Kind::Grant, grant),
            Act::Ask { .. }
            | Act::Approve { .. }
            | Act::Own { .. }
            | Act::Password { .. }
            | Act::Key { .. }
            | Act::Suspend { .. }
            | Act::Reinstate { .. }
            | Act::SwitchOff { .. }
            | Act::SwitchOn { .. }
            | Act::Pass { .. }
            | Act::SetBack { .. }
            | Act::Purge => {
                return actor(act)
                    .is_none_or(|client| fits(policy, act, client))
                    .then_some(Asked { act, on: None });
            }
        };
        if actor(act).is_some_and(|client| !fits(policy, act, client)) {
            return None;
        }
        Some(Asked { act, on: Some(self.newest(kind, back)?) })
    }

    /// The text that is shown for a code or token.
    pub(crate) fn shown(&self, policy: &Policy, id: Id, slip: Option<Slip>) -> Secret {
        let text = self.text(id);
        match slip {
            Some(Slip::Invented) => Secret::new(forge::invented(policy.profile(), self.entry(id).kind, text)),
            Some(Slip::Garbled) => Secret::new(forge::garbled(text)),
            _ => Secret::new(text),
        }
    }
}

/// Whether a client can try this at all: a key is shown by nobody but a key's holder, and nothing else is his to do.
fn fits(policy: &Policy, act: Act, client: Client) -> bool {
    if !policy.has(client) {
        return false;
    }
    let anybodys = matches!(act, Act::Refresh { .. } | Act::SwitchOff { .. } | Act::SwitchOn { .. });
    anybodys || matches!(act, Act::Key { .. }) == policy.is_keyed(client)
}

/// The client that acts.
pub(crate) fn actor(act: Act) -> Option<Client> {
    match act {
        Act::Ask { client, .. }
        | Act::Approve { client, .. }
        | Act::SwitchOff { client }
        | Act::SwitchOn { client } => Some(client),
        Act::Redeem { by, .. }
        | Act::Refresh { by, .. }
        | Act::Own { by, .. }
        | Act::Password { by, .. }
        | Act::Key { by, .. }
        | Act::GiveBack { by, .. }
        | Act::Look { by, .. } => Some(by),
        Act::Decide { .. }
        | Act::Use { .. }
        | Act::EndGrant { .. }
        | Act::Suspend { .. }
        | Act::Reinstate { .. }
        | Act::Pass { .. }
        | Act::SetBack { .. }
        | Act::Purge => None,
    }
}
