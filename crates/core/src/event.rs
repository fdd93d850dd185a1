//! What happened, in the past tense. Events belong to a write: they are told once it stands.

use serde::Serialize;

use crate::client::GrantType;
use crate::grant::RevocationCause;
use crate::ids::{ClientId, GrantId, SubjectId};
use crate::scope::Scope;

/// A fact for audit trails and figures. It holds names, never secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A person approved a client's request.
    RequestApproved {
        /// The grant that came of it.
        grant: GrantId,
        /// Whose request it was.
        client: ClientId,
        /// Who approved.
        subject: SubjectId,
        /// What was approved.
        scope: Scope,
    },
    /// A person declined a client's request.
    RequestDenied {
        /// Whose request it was.
        client: ClientId,
        /// Who declined.
        subject: SubjectId,
    },
    /// An authorization code was exchanged for tokens.
    CodeRedeemed {
        /// The grant.
        grant: GrantId,
        /// The client.
        client: ClientId,
    },
    /// A refresh token was replaced by its successor.
    RefreshTokenRotated {
        /// The grant.
        grant: GrantId,
        /// The client.
        client: ClientId,
        /// The successor's place in the chain.
        generation: u32,
    },
    /// An access token was stored, or signed if it is a JWT. If what had to follow failed, nobody has it.
    AccessTokenIssued {
        /// The grant, or the id that stands for it where a client speaks for itself; none for a JWT of such a client.
        #[serde(skip_serializing_if = "Option::is_none")]
        grant: Option<GrantId>,
        /// The client.
        client: ClientId,
        /// By which grant type.
        grant_type: GrantType,
    },
    /// A client acted for a person, at a resource.
    ActedAs {
        /// The client.
        client: ClientId,
        /// The person.
        subject: SubjectId,
    },
    /// An access token was revoked by itself.
    AccessTokenRevoked {
        /// The grant it belonged to.
        grant: GrantId,
    },
    /// A grant and all its tokens were revoked.
    GrantRevoked {
        /// The grant.
        grant: GrantId,
        /// The client.
        client: ClientId,
        /// Whose it was.
        subject: SubjectId,
        /// Why.
        cause: RevocationCause,
    },
    /// A client was registered.
    ClientRegistered {
        /// The client.
        client: ClientId,
        /// By whom.
        by: Actor,
    },
    /// A client's registration or picture was changed.
    ClientChanged {
        /// The client.
        client: ClientId,
        /// By whom.
        by: Actor,
    },
    /// A client was given another secret.
    ClientSecretRotated {
        /// The client.
        client: ClientId,
        /// By whom.
        by: Actor,
    },
    /// A client was deleted, and all its tokens with it.
    ClientDeleted {
        /// The client.
        client: ClientId,
        /// By whom.
        by: Actor,
    },
}

impl Event {
    /// The name of each, in order: as it is written where events are told.
    pub const NAMES: [&'static str; 12] = [
        "request_approved",
        "request_denied",
        "code_redeemed",
        "refresh_token_rotated",
        "access_token_issued",
        "acted_as",
        "access_token_revoked",
        "grant_revoked",
        "client_registered",
        "client_changed",
        "client_secret_rotated",
        "client_deleted",
    ];

    /// The place of its name among [`Event::NAMES`].
    pub const fn number(&self) -> usize {
        match self {
            Event::RequestApproved { .. } => 0,
            Event::RequestDenied { .. } => 1,
            Event::CodeRedeemed { .. } => 2,
            Event::RefreshTokenRotated { .. } => 3,
            Event::AccessTokenIssued { .. } => 4,
            Event::ActedAs { .. } => 5,
            Event::AccessTokenRevoked { .. } => 6,
            Event::GrantRevoked { .. } => 7,
            Event::ClientRegistered { .. } => 8,
            Event::ClientChanged { .. } => 9,
            Event::ClientSecretRotated { .. } => 10,
            Event::ClientDeleted { .. } => 11,
        }
    }

    /// Whether it is daily business, of which there is no end: codes redeemed, tokens issued and renewed, people acted for. It
    /// is counted rather than told.
    pub const fn is_routine(&self) -> bool {
        match self {
            Event::CodeRedeemed { .. }
            | Event::RefreshTokenRotated { .. }
            | Event::AccessTokenIssued { .. }
            | Event::ActedAs { .. } => true,
            Event::RequestApproved { .. }
            | Event::RequestDenied { .. }
            | Event::AccessTokenRevoked { .. }
            | Event::GrantRevoked { .. }
            | Event::ClientRegistered { .. }
            | Event::ClientChanged { .. }
            | Event::ClientSecretRotated { .. }
            | Event::ClientDeleted { .. } => false,
        }
    }
}

/// Who changed a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// An operator, or whoever holds a key that an operator gave out for that.
    Operator,
    /// The user who owns it.
    Owner(SubjectId),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_the_name_that_it_is_written_with() {
        let (client, subject): (ClientId, SubjectId) = ("web".parse().unwrap(), "alice".parse().unwrap());
        let grant = GrantId::from_bytes([7; 16]);
        let (by, cause) = (Actor::Operator, RevocationCause::BySubject);
        let all = [
            Event::RequestApproved {
                grant,
                client: client.clone(),
                subject: subject.clone(),
                scope: Scope::none(),
            },
            Event::RequestDenied { client: client.clone(), subject: subject.clone() },
            Event::CodeRedeemed { grant, client: client.clone() },
            Event::RefreshTokenRotated { grant, client: client.clone(), generation: 1 },
            Event::AccessTokenIssued {
                grant: None,
                client: client.clone(),
                grant_type: GrantType::RefreshToken,
            },
            Event::ActedAs { client: client.clone(), subject: subject.clone() },
            Event::AccessTokenRevoked { grant },
            Event::GrantRevoked { grant, client: client.clone(), subject, cause },
            Event::ClientRegistered { client: client.clone(), by: by.clone() },
            Event::ClientChanged { client: client.clone(), by: by.clone() },
            Event::ClientSecretRotated { client: client.clone(), by: by.clone() },
            Event::ClientDeleted { client, by },
        ];
        for (number, event) in all.iter().enumerate() {
            assert_eq!(event.number(), number);
            assert_eq!(serde_json::to_value(event).unwrap()["event"], Event::NAMES[number]);
        }
        assert_eq!(all.len(), Event::NAMES.len());
    }
}
