//! Whatever is asked, in whatever order: what must always hold.

use std::collections::{BTreeMap, BTreeSet};

use grantor_core::client::AccessTokenFormat;
use grantor_core::flow::{Introspection, TokenAnswer};
use grantor_core::grant::{Grant, RevocationCause, State};
use grantor_core::record::{Kind, RecordKey, Stored, decode};
use grantor_core::request::GrantRequest;
use grantor_core::{Event, GrantId, Lifetime, Reason, RefreshMode, Scope, Secret, Time};
use proptest::prelude::*;

use crate::replay::leaked;
use crate::world::{CALLBACK, VERIFIER, World, code_grant, secret_of};

/// Something that somebody does. Numbers pick among what there is by then.
#[derive(Debug, Clone)]
enum Act {
    Approve { client: &'static str, scope: &'static str },
    Redeem { code: usize, client: &'static str, right_uri: bool, right_verifier: bool },
    Refresh { token: usize, client: &'static str, scope: Option<&'static str> },
    ClientCredentials { scope: &'static str },
    Revoke { token: usize, client: &'static str, refresh_token: bool },
    EndGrant { grant: usize },
    Pass { seconds: u64 },
}

fn client() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("web"), 1 => Just("other"), 1 => Just("spa")]
}

fn scope() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("read"), Just("read write"), Just("write admin"), Just("nuclear")]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (client(), scope()).prop_map(|(client, scope)| Act::Approve { client, scope }),
        5 => (any::<usize>(), client(), prop::bool::weighted(0.9), prop::bool::weighted(0.9))
            .prop_map(|(code, client, right_uri, right_verifier)| Act::Redeem { code, client, right_uri, right_verifier }),
        6 => (any::<usize>(), client(), prop::option::of(scope()))
            .prop_map(|(token, client, scope)| Act::Refresh { token, client, scope }),
        1 => scope().prop_map(|scope| Act::ClientCredentials { scope }),
        2 => (any::<usize>(), client(), any::<bool>())
            .prop_map(|(token, client, refresh_token)| Act::Revoke { token, client, refresh_token }),
        1 => any::<usize>().prop_map(|grant| Act::EndGrant { grant }),
        2 => prop_oneof![Just(1u64), Just(9), Just(61), Just(3601)].prop_map(|seconds| Act::Pass { seconds }),
    ]
}

fn mode() -> impl Strategy<Value = RefreshMode> {
    prop_oneof![
        Just(RefreshMode::None),
        Just(RefreshMode::Reuse),
        Just(RefreshMode::ReplaceAll),
        Just(RefreshMode::Rotate { grace: Lifetime::ZERO }),
        Just(RefreshMode::Rotate { grace: Lifetime::seconds(10) }),
    ]
}

/// What was handed out, and what must never be true of it again.
#[derive(Default)]
struct Ledger {
    codes: Vec<(Secret, &'static str, &'static str)>,
    redeemed: BTreeSet<usize>,
    refresh_tokens: Vec<(Secret, GrantId)>,
    access_tokens: Vec<(Secret, Option<GrantId>, Time)>,
    granted: BTreeMap<GrantId, Scope>,
    over: BTreeSet<GrantId>,
    dead: BTreeSet<usize>,
}

impl Ledger {
    fn take(&mut self, answer: TokenAnswer) {
        if let Some(grant) = answer.grant {
            assert!(answer.scope.is_within(&self.granted[&grant]), "scope grew");
            assert!(!self.over.contains(&grant), "tokens of a revoked grant");
            self.refresh_tokens.extend(answer.refresh_token.map(|token| (token, grant)));
        }
        self.access_tokens.push((answer.access_token, answer.grant, answer.expires_at));
    }

    /// All that nobody else may see.
    fn secrets(&self) -> Vec<Secret> {
        let codes = self.codes.iter().map(|(code, ..)| code);
        let refresh_tokens = self.refresh_tokens.iter().map(|(token, _)| token);
        let access_tokens = self.access_tokens.iter().map(|(token, ..)| token);
        let tokens = codes.chain(refresh_tokens).chain(access_tokens).cloned();
        let clients = ["web", "other", "rs"].map(secret_of);
        tokens.chain(clients).chain([Secret::new(VERIFIER)]).collect()
    }

    /// After every act: what is over is over.
    fn check(&mut self, w: &mut World) {
        for event in w.events.drain(..) {
            match event {
                Event::RequestApproved { grant, scope, .. } => {
                    self.granted.insert(grant, scope);
                }
                Event::GrantRevoked { grant, .. } => assert!(self.over.insert(grant), "revoked twice"),
                Event::RequestDenied { .. }
                | Event::ActedAs { .. }
                | Event::CodeRedeemed { .. }
                | Event::RefreshTokenRotated { .. }
                | Event::AccessTokenIssued { .. }
                | Event::AccessTokenRevoked { .. }
                | Event::ClientRegistered { .. }
                | Event::ClientChanged { .. }
                | Event::ClientSecretRotated { .. }
                | Event::ClientDeleted { .. } => {}
            }
        }
        for at in 0..self.access_tokens.len() {
            let (token, grant, expires_at) = &self.access_tokens[at];
            let may_live = *expires_at > w.now && !grant.is_some_and(|g| self.over.contains(&g));
            let live = w.is_live(token);
            assert!(!live || may_live, "a token outlives its grant or its time");
            assert!(!live || !self.dead.contains(&at), "a dead token came back");
            if !live {
                self.dead.insert(at);
            }
        }
        let mut current: BTreeMap<GrantId, BTreeSet<&str>> = BTreeMap::new();
        for (token, grant) in &self.refresh_tokens {
            for asker in ["web", "other"] {
                if w.introspect(asker, token) != Introspection::Inactive {
                    current.entry(*grant).or_default().insert(token.expose());
                }
            }
        }
        assert!(current.values().all(|tokens| tokens.len() == 1), "two live refresh tokens of one grant");
        assert!(
            current.keys().all(|grant| !self.over.contains(grant)),
            "a live refresh token of a revoked grant"
        );
    }
}

fn pick<T>(among: &[T], number: usize) -> Option<usize> {
    (!among.is_empty()).then(|| number % among.len())
}

/// What a refusal may change: nothing, or one grant, to revoked.
fn refusal_changed_nothing_but_to_revoke(
    before: &BTreeMap<RecordKey, Stored>,
    after: &BTreeMap<RecordKey, Stored>,
    reason: Reason,
) {
    let changed: Vec<&RecordKey> =
        after.iter().filter(|(key, stored)| before.get(*key) != Some(stored)).map(|(key, _)| key).collect();
    assert!(before.keys().all(|key| after.contains_key(key)));
    let replay = matches!(reason, Reason::CodeReplayed | Reason::RefreshTokenReplayed);
    assert_eq!(changed.len(), usize::from(replay), "{reason:?} changed {changed:?}");
    for key in changed {
        assert_eq!(key.kind(), Kind::Grant);
        let grant: Grant = decode(key, &after[key].body).unwrap();
        assert!(matches!(grant.state(), State::Revoked(_)));
    }
}

/// Lives through it, and keeps a bundle of each act where that is wanted.
fn live(profile_mode: RefreshMode, format: AccessTokenFormat, acts: Vec<Act>, recorded: bool) {
    let mut w = World::new(|p| {
        p.refresh = profile_mode;
        p.access_token.format = format;
    });
    let mut ledger = Ledger::default();
    let mut bundles = Vec::new();
    for act in acts {
        let before = w.records.clone();
        w.bundles = recorded.then(|| std::mem::take(&mut bundles));
        let outcome = match act {
            Act::Approve { client, scope } => {
                if scope != "nuclear" {
                    let code = w.approve(client, &scope.replace(' ', "+"));
                    ledger.codes.push((code, client, scope));
                }
                None
            }
            Act::Redeem { code, client, right_uri, right_verifier } => pick(&ledger.codes, code).map(|at| {
                let (code, ..) = &ledger.codes[at];
                let uri = if right_uri { CALLBACK } else { "https://app.test/other" };
                let wrong = "x".repeat(43);
                let verifier = if right_verifier { VERIFIER } else { &wrong };
                let answer = w.token(client, code_grant(code, Some(uri), Some(verifier)));
                if answer.is_ok() {
                    let (_, owner, _) = ledger.codes[at];
                    assert!(ledger.redeemed.insert(at), "one code, two successes");
                    assert!(right_uri && right_verifier && owner == client, "a check was skipped");
                }
                answer
            }),
            Act::Refresh { token, client, scope } => pick(&ledger.refresh_tokens, token).map(|at| {
                let token = ledger.refresh_tokens[at].0.clone();
                w.refresh(client, &token, scope)
            }),
            Act::ClientCredentials { scope } => {
                let scope = Some(scope.parse().unwrap());
                Some(w.token("web", GrantRequest::ClientCredentials { scope }))
            }
            Act::Revoke { token, client, refresh_token } => {
                let token = if refresh_token {
                    pick(&ledger.refresh_tokens, token).map(|at| ledger.refresh_tokens[at].0.clone())
                } else {
                    pick(&ledger.access_tokens, token).map(|at| ledger.access_tokens[at].0.clone())
                };
                if let Some(token) = token {
                    w.revoke(client, &token);
                }
                None
            }
            Act::EndGrant { grant } => {
                let grants: Vec<GrantId> = ledger.granted.keys().copied().collect();
                if let Some(at) = pick(&grants, grant) {
                    let end =
                        |ctx| grantor_core::flow::revoke_grant(ctx, grants[at], RevocationCause::ByOperator);
                    w.ask(end).unwrap();
                }
                None
            }
            Act::Pass { seconds } => {
                w.pass(seconds);
                None
            }
        };
        bundles = w.bundles.take().unwrap_or_default();
        match outcome {
            None => {}
            Some(Ok(answer)) => {
                // A grant is known by its event, which comes before its tokens.
                ledger.check(&mut w);
                assert!(w.is_live(&answer.access_token), "a token that is worth nothing");
                ledger.take(answer);
            }
            Some(Err(reason)) => refusal_changed_nothing_but_to_revoke(&before, &w.records, reason),
        }
        ledger.check(&mut w);
    }
    let secrets = ledger.secrets();
    for bundle in &bundles {
        assert_eq!(leaked(bundle, &secrets), Vec::<&str>::new(), "in {bundle}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_in_whatever_order(mode in mode(), acts in prop::collection::vec(act(), 1..60)) {
        live(mode, AccessTokenFormat::Reference, acts, false);
    }

    #[test]
    fn and_with_jwts(mode in mode(), acts in prop::collection::vec(act(), 1..40)) {
        live(mode, AccessTokenFormat::Jwt, acts, false);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// And holds no secret of it: the world sees to the one, and this to the other.
    #[test]
    fn each_of_it_replays_to_the_same(mode in mode(), acts in prop::collection::vec(act(), 1..40), jwt: bool) {
        let format = if jwt { AccessTokenFormat::Jwt } else { AccessTokenFormat::Reference };
        live(mode, format, acts, true);
    }
}
