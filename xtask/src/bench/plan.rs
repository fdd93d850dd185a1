//! What is measured: subjects, endpoints, connections, and in which order.

use crate::cli::BenchOptions;
use crate::failure::{Failure, Outcome};

use super::peer::Peer;

/// What one operation is. The load knows them by these names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Token,
    TokenJwt,
    Code,
    Refresh,
    Introspect,
    Revoke,
    Flow,
}

impl Endpoint {
    pub(super) const ALL: [Self; 7] =
        [Self::Token, Self::TokenJwt, Self::Code, Self::Refresh, Self::Introspect, Self::Revoke, Self::Flow];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::TokenJwt => "token-jwt",
            Self::Code => "code",
            Self::Refresh => "refresh",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::Flow => "flow",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Token => "token, reference",
            Self::TokenJwt => "token, JWT",
            Self::Code => "code + PKCE",
            Self::Refresh => "refresh, rotated",
            Self::Introspect => "introspection",
            Self::Revoke => "revocation",
            Self::Flow => "browser flow",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.name() == name)
    }
}

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) name: &'static str,
    /// What people call it.
    pub(super) title: &'static str,
    pub(super) kind: Kind,
    /// The floor whose work it must do in any case; none for a floor itself.
    pub(super) floor: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Floor(Backend),
    Grantor(Backend),
    Peer(Peer, Backend),
}

/// Where records lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Memory,
    Sqlite,
    /// Without a flush for each commit.
    SqliteRelaxed,
    Sled,
    Redis,
}

const fn subject(
    name: &'static str,
    title: &'static str,
    kind: Kind,
    floor: Option<&'static str>,
) -> Subject {
    Subject { name, title, kind, floor }
}

pub(super) const SUBJECTS: [Subject; 13] = [
    subject("floor-memory", "floor, memory", Kind::Floor(Backend::Memory), None),
    subject("grantor-memory", "grantor, memory", Kind::Grantor(Backend::Memory), Some("floor-memory")),
    subject("oauth-as", "oauth-as, memory", Kind::Peer(Peer::OauthAs, Backend::Memory), Some("floor-memory")),
    subject(
        "oxide-auth",
        "oxide-auth, memory",
        Kind::Peer(Peer::OxideAuth, Backend::Memory),
        Some("floor-memory"),
    ),
    subject(
        "oidc-provider",
        "oidc-provider, memory",
        Kind::Peer(Peer::OidcProvider, Backend::Memory),
        Some("floor-memory"),
    ),
    subject("floor-sqlite", "floor, SQLite", Kind::Floor(Backend::Sqlite), None),
    subject("grantor-sqlite", "grantor, SQLite", Kind::Grantor(Backend::Sqlite), Some("floor-sqlite")),
    subject(
        "grantor-sqlite-relaxed",
        "grantor, SQLite relaxed",
        Kind::Grantor(Backend::SqliteRelaxed),
        Some("floor-sqlite"),
    ),
    subject("floor-sled", "floor, sled", Kind::Floor(Backend::Sled), None),
    subject("grantor-sled", "grantor, sled", Kind::Grantor(Backend::Sled), Some("floor-sled")),
    subject("floor-redis", "floor, Redis", Kind::Floor(Backend::Redis), None),
    subject("grantor-redis", "grantor, Redis", Kind::Grantor(Backend::Redis), Some("floor-redis")),
    subject(
        "oidc-provider-redis",
        "oidc-provider, Redis",
        Kind::Peer(Peer::OidcProvider, Backend::Redis),
        Some("floor-redis"),
    ),
];

impl Subject {
    pub(super) fn named(name: &str) -> Option<Self> {
        SUBJECTS.into_iter().find(|subject| subject.name == name)
    }

    /// Whether it has such an endpoint at all.
    pub(super) fn has(self, endpoint: Endpoint) -> bool {
        match self.kind {
            Kind::Floor(_) | Kind::Grantor(_) => true,
            Kind::Peer(peer, _) => peer.has(endpoint),
        }
    }

    pub(super) fn backend(self) -> Backend {
        match self.kind {
            Kind::Floor(backend) | Kind::Grantor(backend) | Kind::Peer(_, backend) => backend,
        }
    }

    /// How much less is made for it beforehand: what is a moment's work for one is a minute's for another.
    pub(super) fn slower_by(self) -> usize {
        match self.kind {
            Kind::Floor(_) | Kind::Grantor(_) | Kind::Peer(Peer::OauthAs | Peer::OxideAuth, _) => 1,
            Kind::Peer(Peer::OidcProvider, _) => 10,
        }
    }
}

/// One run of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) subjects: Vec<Subject>,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) connections: Vec<usize>,
    pub(super) repeat: usize,
    /// How long one measurement is.
    pub(super) seconds: u64,
    /// How many codes or tokens are made beforehand, where each is used up.
    pub(super) prepare: usize,
}

impl Plan {
    pub(super) fn of(options: &BenchOptions) -> Outcome<Self> {
        let usual = match options.quick {
            true => Self::quick(),
            false => Self::whole(),
        };
        let connections = match options.connections.is_empty() {
            true => usual.connections.clone(),
            false => options.connections.clone(),
        };
        Self {
            connections,
            repeat: options.repeat.unwrap_or(usual.repeat),
            seconds: options.seconds.unwrap_or(usual.seconds),
            ..usual
        }
        .narrowed(&options.only)
    }

    fn whole() -> Self {
        Self {
            subjects: SUBJECTS.to_vec(),
            endpoints: Endpoint::ALL.to_vec(),
            connections: vec![1, 16, 64, 256],
            repeat: 3,
            seconds: 3,
            prepare: 20_000,
        }
    }

    fn quick() -> Self {
        Self { connections: vec![16], repeat: 2, seconds: 1, prepare: 5000, ..Self::whole() }
    }

    /// Only those of these names, and the floors that belong to them.
    fn narrowed(mut self, only: &[String]) -> Outcome<Self> {
        let known = |name: &&String| Subject::named(name).is_some() || Endpoint::named(name).is_some();
        if let Some(unknown) = only.iter().find(|name| !known(name)) {
            let names = SUBJECTS.iter().map(|subject| subject.name);
            let names: Vec<_> = names.chain(Endpoint::ALL.iter().map(|endpoint| endpoint.name())).collect();
            return Err(Failure::new(format!("there is no {unknown}; --only takes {}", names.join(", "))));
        }
        let subjects: Vec<_> = only.iter().filter_map(|name| Subject::named(name)).collect();
        let endpoints: Vec<_> = only.iter().filter_map(|name| Endpoint::named(name)).collect();
        if !subjects.is_empty() {
            let wanted = |one: &Subject| {
                subjects.iter().any(|subject| subject == one || subject.floor == Some(one.name))
            };
            self.subjects.retain(wanted);
        }
        if !endpoints.is_empty() {
            self.endpoints.retain(|endpoint| endpoints.contains(endpoint));
        }
        Ok(self)
    }

    /// Each subject with each endpoint it has, again and again: subjects take turns, so that what else the machine does befalls
    /// all alike.
    pub(super) fn turns(&self) -> Vec<(Endpoint, Subject)> {
        let mut turns = Vec::new();
        for _ in 0..self.repeat {
            for &endpoint in &self.endpoints {
                let able = self.subjects.iter().filter(|subject| subject.has(endpoint));
                turns.extend(able.map(|&subject| (endpoint, subject)));
            }
        }
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(only: &[&str]) -> Outcome<Plan> {
        Plan::of(&BenchOptions {
            only: only.iter().map(ToString::to_string).collect(),
            ..BenchOptions::default()
        })
    }

    #[test]
    fn a_part_brings_the_floors_that_it_is_compared_with() {
        let plan = of(&["grantor-redis", "refresh"]).unwrap();
        let names: Vec<_> = plan.subjects.iter().map(|subject| subject.name).collect();
        assert_eq!(names, ["floor-redis", "grantor-redis"]);
        assert_eq!(plan.endpoints, [Endpoint::Refresh]);
        assert_eq!(of(&["oauth-as"]).unwrap().endpoints, Endpoint::ALL);
        assert!(of(&["grantor-postgres"]).is_err());
    }

    #[test]
    fn every_subject_has_its_turn_before_any_has_its_second() {
        let turns = of(&["token"]).unwrap().turns();
        let names: Vec<_> = turns.iter().map(|(_, subject)| subject.name).collect();
        assert_eq!(names.len(), 3 * SUBJECTS.len());
        assert_eq!(names.get(..SUBJECTS.len()), names.get(SUBJECTS.len()..2 * SUBJECTS.len()));
    }

    #[test]
    fn every_floor_that_is_named_is_one() {
        for subject in SUBJECTS {
            let Some(floor) = subject.floor else { continue };
            let floor = Subject::named(floor).unwrap();
            assert!(matches!(floor.kind, Kind::Floor(_)), "{}", floor.name);
            let flushes_more = subject.backend() == Backend::SqliteRelaxed;
            assert!(flushes_more || floor.backend() == subject.backend(), "{}", subject.name);
        }
    }
}
