//! What the engine tells, as entries of the trail.

use grantor_core::grant::RevocationCause;
use grantor_core::{Event, Reason, Refusal, Time};

use crate::entry::{Actor, Entry, EntryKind};

/// The entry that an event is worth, if it is worth one.
pub(crate) fn of_event(event: &Event, at: Time) -> Option<Entry> {
    let entry = |kind| Entry::new(kind, at);
    Some(match event {
        Event::RequestApproved { grant, client, subject, scope } => entry(EntryKind::RequestApproved)
            .by(Actor::Person(subject.clone()))
            .client(client)
            .subject(subject)
            .grant(*grant)
            .detail(&scope.to_string()),
        Event::RequestDenied { client, subject } => {
            entry(EntryKind::RequestDenied).by(Actor::Person(subject.clone())).client(client).subject(subject)
        }
        Event::AccessTokenRevoked { grant } => entry(EntryKind::AccessTokenRevoked).grant(*grant),
        Event::GrantRevoked { grant, client, cause } => {
            let revoked = entry(EntryKind::GrantRevoked).client(client).grant(*grant).detail(name_of(*cause));
            match cause {
                RevocationCause::CodeReplayed
                | RevocationCause::RefreshTokenReplayed
                | RevocationCause::ByClient => revoked.by(Actor::Client(client.clone())),
                // Which of them, the event does not say. Of an operator, his own entry does.
                RevocationCause::BySubject
                | RevocationCause::ByOperator
                | RevocationCause::SubjectSuspended => revoked,
            }
        }
        // Daily business, of which there is no end: it is counted.
        Event::CodeRedeemed { .. }
        | Event::RefreshTokenRotated { .. }
        | Event::AccessTokenIssued { .. }
        | Event::ActedAs { .. } => return None,
    })
}

/// The entry that a refusal is worth. Only replays are: they mean that a code or a token is in two hands.
pub(crate) fn of_refusal(refusal: &Refusal, at: Time) -> Option<Entry> {
    let kinds = [
        (Reason::CodeReplayed, EntryKind::CodeReplayed),
        (Reason::RefreshTokenReplayed, EntryKind::RefreshTokenReplayed),
    ];
    let (_, kind) = kinds.into_iter().find(|(reason, _)| *reason == refusal.reason)?;
    let (client, grant) = (refusal.client.clone(), refusal.grant);
    Some(Entry { by: client.clone().map(Actor::Client), client, grant, ..Entry::new(kind, at) })
}

fn name_of(cause: RevocationCause) -> &'static str {
    match cause {
        RevocationCause::CodeReplayed => "code_replayed",
        RevocationCause::RefreshTokenReplayed => "refresh_token_replayed",
        RevocationCause::ByClient => "by_client",
        RevocationCause::BySubject => "by_subject",
        RevocationCause::ByOperator => "by_operator",
        RevocationCause::SubjectSuspended => "subject_suspended",
    }
}
