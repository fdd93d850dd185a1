//! What the engine and the directory tell, as entries of the trail.

use grantor_core::grant::RevocationCause;
use grantor_core::{ClientId, Event, Reason, Refusal, Time};
use grantor_directory::{DirectoryEvent, DirectoryRefusal};

use crate::entry::{Actor, Entry, EntryKind, who_acts};

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
        Event::AccessTokenRevoked { grant } => {
            by_who_acts(entry(EntryKind::AccessTokenRevoked).grant(*grant))
        }
        Event::GrantRevoked { grant, client, subject, cause } => {
            let revoked = entry(EntryKind::GrantRevoked)
                .client(client)
                .subject(subject)
                .grant(*grant)
                .detail(cause.as_str());
            match cause {
                RevocationCause::CodeReplayed
                | RevocationCause::RefreshTokenReplayed
                | RevocationCause::ByClient => revoked.by(Actor::Client(client.clone())),
                RevocationCause::BySubject => revoked.by(Actor::Person(subject.clone())),
                RevocationCause::ByOperator | RevocationCause::SubjectSuspended => by_who_acts(revoked),
            }
        }
        Event::ClientRegistered { client, by } => about(EntryKind::ClientRegistered, at, client, by),
        Event::ClientChanged { client, by } => about(EntryKind::ClientChanged, at, client, by),
        Event::ClientSecretRotated { client, by } => about(EntryKind::ClientSecretRotated, at, client, by),
        Event::ClientDeleted { client, by } => about(EntryKind::ClientDeleted, at, client, by),
        // Daily business, of which there is no end: it is counted.
        Event::CodeRedeemed { .. }
        | Event::RefreshTokenRotated { .. }
        | Event::AccessTokenIssued { .. }
        | Event::ActedAs { .. } => return None,
    })
}

fn about(kind: EntryKind, at: Time, client: &ClientId, by: &grantor_core::Actor) -> Entry {
    let entry = Entry::new(kind, at).client(client);
    match by {
        grantor_core::Actor::Owner(owner) => entry.by(Actor::Person(owner.clone())),
        grantor_core::Actor::Operator => by_who_acts(entry.detail("by_operator")),
    }
}

/// An entry of what is done for somebody who asked for it, where the event does not say for whom.
fn by_who_acts(entry: Entry) -> Entry {
    Entry { by: who_acts(), ..entry }
}

/// The entry that an event of the directory is worth, if it is worth one.
pub(crate) fn of_directory(event: &DirectoryEvent, at: Time) -> Option<Entry> {
    let himself = |kind, user: &grantor_core::SubjectId| {
        Entry::new(kind, at).subject(user).by(Actor::Person(user.clone()))
    };
    let somebody = |kind, user| by_who_acts(Entry::new(kind, at).subject(user).detail(event.name()));
    Some(match event {
        DirectoryEvent::LoggedIn { user } => himself(EntryKind::LoggedIn, user),
        DirectoryEvent::SignedUp { user } => himself(EntryKind::SignedUp, user),
        DirectoryEvent::PasswordChanged { user } => himself(EntryKind::PasswordChanged, user),
        // By himself or by an operator, who then acts.
        DirectoryEvent::PasswordSet { user } => somebody(EntryKind::PasswordChanged, user),
        DirectoryEvent::SessionEnded { user, .. }
        | DirectoryEvent::OtherSessionsEnded { user, .. }
        | DirectoryEvent::AllSessionsEnded { user } => somebody(EntryKind::SessionEnded, user),
        // It follows a log-in, which is told.
        DirectoryEvent::SessionStarted { .. } => return None,
    })
}

/// The entry that a refusal of the directory is worth: somebody may be guessing.
pub(crate) fn of_directory_refusal(refusal: &DirectoryRefusal, at: Time) -> Option<Entry> {
    let kind = match refusal {
        DirectoryRefusal::Login { .. } => EntryKind::LoginFailed,
        DirectoryRefusal::PasswordChange { .. } => EntryKind::PasswordChangeFailed,
        // Nobody came in, and nobody who is here was touched.
        DirectoryRefusal::SignUp { .. } => return None,
    };
    let entry = Entry::new(kind, at).detail(refusal.reason());
    Some(Entry { subject: refusal.user().cloned(), ..entry })
}

/// The entry that a refusal is worth. Only replays are: they mean that a code or a token is in two hands.
pub(crate) fn of_refusal(refusal: &Refusal, at: Time) -> Option<Entry> {
    let kinds = [
        (Reason::CodeReplayed, EntryKind::CodeReplayed),
        (Reason::RefreshTokenReplayed, EntryKind::RefreshTokenReplayed),
    ];
    let (_, kind) = kinds.into_iter().find(|(reason, _)| *reason == refusal.reason)?;
    let (client, grant) = (refusal.client.clone(), refusal.grant);
    Some(Entry {
        by: client.clone().map(Actor::Client),
        client,
        grant,
        ..Entry::new(kind, at).detail(refusal.reason.name())
    })
}
