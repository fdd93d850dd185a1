//! Strategies for proptest: what clients, people and thieves do, and by which rules.
//!
//! [`prove!`](crate::prove) draws from these. They are public, so that properties of your own can: about your router, your
//! directory, or whatever stands around the flows.
//!
//! ```
//! use grantor_core::Profile;
//! use grantor_testkit::proof::{Policy, holds};
//! use grantor_testkit::strategies;
//! use proptest::prelude::*;
//!
//! fn policy() -> Policy {
//!     Policy::of(Profile::standard("https://auth.example.com".parse().unwrap()))
//! }
//!
//! proptest! {
//!     # #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]
//!     // In a test, with `#[test]` here.
//!     fn every_promise_is_kept(acts in strategies::history(&policy(), 1..20)) {
//!         prop_assert!(holds(&policy(), &acts).is_ok());
//!     }
//! }
//! # every_promise_is_kept();
//! ```

use std::collections::BTreeMap;
use std::ops::Range;

use grantor_core::client::{AccessTokenFormat, GrantType};
use grantor_core::{Lifetime, Profile, RefreshMode, ScopeCatalogue, ScopeMeaning};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::proof::{Act, Client, Ender, Person, Policy, Slip, Token, Way, Words};

/// Every refresh mode, with graces that are none, short and long.
pub fn refresh_modes() -> impl Strategy<Value = RefreshMode> {
    prop_oneof![
        1 => Just(RefreshMode::None),
        1 => Just(RefreshMode::Reuse),
        1 => Just(RefreshMode::ReplaceAll),
        1 => Just(RefreshMode::Rotate { grace: Lifetime::ZERO }),
        3 => Just(RefreshMode::Rotate { grace: Lifetime::seconds(10) }),
        1 => Just(RefreshMode::Rotate { grace: Lifetime::seconds(3_600) }),
    ]
}

/// Both formats of access tokens.
pub fn formats() -> impl Strategy<Value = AccessTokenFormat> {
    prop_oneof![Just(AccessTokenFormat::Reference), Just(AccessTokenFormat::Jwt)]
}

/// Catalogues of a few words, some of which include others, or all, or each other.
pub fn catalogues() -> impl Strategy<Value = ScopeCatalogue> {
    const NAMES: [&str; 4] = ["all", "edit", "read", "stats"];
    let implied = prop_oneof![8 => (0..NAMES.len()).prop_map(|at| NAMES[at]), 1 => Just("*")];
    let meaning = (vec(implied, 0..3), any::<bool>()).prop_map(|(implies, optional)| ScopeMeaning {
        description: Default::default(),
        implies: implies.into_iter().map(str::to_owned).collect(),
        optional,
    });
    let meanings =
        proptest::collection::btree_map((0..NAMES.len()).prop_map(|at| NAMES[at].to_owned()), meaning, 0..=4);
    meanings.prop_map(|meanings: BTreeMap<_, _>| ScopeCatalogue::new(meanings).unwrap_or_default())
}

/// Profiles of all kinds: every refresh mode, both formats, and what dialects differ in as far as a flow goes by it.
pub fn profiles() -> impl Strategy<Value = Profile> {
    let lifetime =
        |choices: [Option<u64>; 3]| prop::sample::select(choices.map(|s| s.map(Lifetime::seconds)).to_vec());
    let lifetimes =
        (lifetime([Some(30 * 86_400), Some(100), None]), lifetime([Some(365 * 86_400), Some(150), None]));
    (refresh_modes(), formats(), catalogues(), lifetimes, any::<[bool; 6]>()).prop_map(
        |(
            refresh,
            format,
            scopes,
            (refresh_token, grant),
            [account, remember, one_grant, old, lax, short],
        )| {
            let mut profile = Profile::standard("https://auth.test".parse().unwrap());
            profile.refresh = refresh;
            profile.access_token.format = format;
            profile.scopes = scopes;
            profile.lifetimes.refresh_token = refresh_token;
            profile.lifetimes.grant = grant;
            profile.approval.account = account;
            profile.approval.remember = remember;
            profile.approval.one_grant = one_grant;
            if old {
                profile.grant_types.extend([GrantType::Implicit, GrantType::Password]);
                profile.response_types.insert(grantor_core::client::ResponseType::Token);
            }
            profile.clients.danger_pkce_optional = lax;
            profile.clients.basic_or_post = lax;
            if short {
                profile.formats.refresh_token = "{hex:64}".parse().unwrap();
                profile.formats.authorization_code = "{hex:64}".parse().unwrap();
            }
            profile
        },
    )
}

/// The profiles that come with grantor, by name.
pub fn presets() -> impl Strategy<Value = Profile> {
    prop::sample::select(grantor_core::profile::PRESETS.to_vec()).prop_map(|(name, text)| {
        Profile::from_toml(text, &[], name, "https://auth.test".parse().unwrap()).unwrap()
    })
}

/// One thing that somebody does, honest or not, under a policy.
pub fn act(policy: &Policy) -> BoxedStrategy<Act> {
    let words = words(policy);
    let asked = move || option::weighted(0.4, words.clone());
    let client = || clients(policy);
    let mut acts: Vec<(u32, BoxedStrategy<Act>)> = vec![
        (
            6,
            (client(), person(), asked(), option::weighted(0.1, words_of_few()), way(policy))
                .prop_map(|(client, person, scope, part, way)| Act::Approve {
                    client,
                    person,
                    scope,
                    part,
                    way,
                })
                .boxed(),
        ),
        (
            1,
            (client(), person(), asked(), way(policy))
                .prop_map(|(client, person, scope, way)| Act::Ask { client, person, scope, way })
                .boxed(),
        ),
        (
            1,
            (recent(), person(), prop::bool::weighted(0.9), prop::bool::weighted(0.9))
                .prop_map(|(question, person, same_session, approve)| Act::Decide {
                    question,
                    person,
                    same_session,
                    approve,
                })
                .boxed(),
        ),
        (8, (recent(), client(), slip()).prop_map(|(code, by, slip)| Act::Redeem { code, by, slip }).boxed()),
        (
            8,
            (recent(), client(), asked(), slip())
                .prop_map(|(token, by, scope, slip)| Act::Refresh { token, by, scope, slip })
                .boxed(),
        ),
        (1, (client(), asked(), slip()).prop_map(|(by, scope, slip)| Act::Own { by, scope, slip }).boxed()),
        (
            2,
            (token(), client(), slip())
                .prop_map(|(token, by, slip)| Act::GiveBack { token, by, slip })
                .boxed(),
        ),
        (2, (token(), client(), slip()).prop_map(|(token, by, slip)| Act::Look { token, by, slip }).boxed()),
        (
            1,
            (recent(), asked(), slip())
                .prop_map(|(token, scope, slip)| Act::Use { token, scope, slip })
                .boxed(),
        ),
        (
            1,
            (recent(), any::<bool>())
                .prop_map(|(grant, owner)| Act::EndGrant {
                    grant,
                    by: if owner { Ender::Owner } else { Ender::Operator },
                })
                .boxed(),
        ),
        (1, person().prop_map(|person| Act::Suspend { person }).boxed()),
        (1, person().prop_map(|person| Act::Reinstate { person }).boxed()),
        (1, client().prop_map(|client| Act::SwitchOff { client }).boxed()),
        (1, client().prop_map(|client| Act::SwitchOn { client }).boxed()),
        (4, seconds(policy).prop_map(|seconds| Act::Pass { seconds }).boxed()),
        (1, prop::sample::select(vec![1, 30, 120]).prop_map(|seconds| Act::SetBack { seconds }).boxed()),
        (1, Just(Act::Purge).boxed()),
    ];
    let types = &policy.profile().grant_types;
    if types.contains(&GrantType::Password) {
        let password = (client(), person(), prop::bool::weighted(0.9), asked(), slip());
        acts.push((
            4,
            password
                .prop_map(|(by, person, right, scope, slip)| Act::Password { by, person, right, scope, slip })
                .boxed(),
        ));
    }
    if types.contains(&GrantType::ApiKey) {
        acts.push((8, (client(), slip()).prop_map(|(by, slip)| Act::Key { by, slip }).boxed()));
    }
    proptest::strategy::Union::new_weighted(acts).boxed()
}

/// What happens one after another. Now and then one client goes its way for a while: what each of several right steps leads
/// to, hardly any history of acts that know nothing of each other would find.
pub fn history(policy: &Policy, length: Range<usize>) -> impl Strategy<Value = Vec<Act>> + use<> {
    let alone = act(policy).prop_map(|act| vec![act]);
    let parts = vec(prop_oneof![10 => alone, 2 => flow(policy), 1 => own(policy)], length);
    parts.prop_map(|parts| parts.concat())
}

/// A client asks for a token of its own, and somebody asks what it is worth.
fn own(policy: &Policy) -> impl Strategy<Value = Vec<Act>> + use<> {
    let count = u8::try_from(policy.clients().len()).unwrap();
    ((0..count).prop_map(Client), (0..count).prop_map(Client)).prop_map(|(by, asker)| {
        vec![
            Act::Own { by, scope: None, slip: None },
            Act::Look { token: Token::Access(0), by: asker, slip: None },
        ]
    })
}

/// One client's way: it asks, it redeems, and mostly it refreshes some time later.
fn flow(policy: &Policy) -> impl Strategy<Value = Vec<Act>> + use<> {
    let count = u8::try_from(policy.clients().len()).unwrap();
    let later = option::weighted(0.7, (seconds(policy), slip(), seconds(policy)));
    // Mostly she says yes at once, where she was asked; or somebody does, somewhere, later.
    let decided = option::weighted(0.25, (person(), any::<bool>()));
    let parts = ((0..count).prop_map(Client), way(policy), decided, slip(), later);
    parts.prop_map(|(client, way, decided, slip, later)| {
        let (asked, scope) = (Person::Alice, None);
        let mut acts = match decided {
            None => vec![Act::Approve { client, person: asked, scope, part: None, way }],
            Some((person, same_session)) => vec![
                Act::Ask { client, person: asked, scope, way },
                Act::Decide { question: 0, person, same_session, approve: true },
            ],
        };
        acts.push(Act::Redeem { code: 0, by: client, slip });
        if let Some((seconds, slip, rest)) = later {
            acts.push(Act::Pass { seconds });
            acts.push(Act::Refresh { token: 0, by: client, scope: None, slip });
            acts.push(Act::Pass { seconds: rest });
        }
        acts
    })
}

/// One of a policy's clients, mostly the first.
pub fn clients(policy: &Policy) -> impl Strategy<Value = Client> + use<> {
    let count = u8::try_from(policy.clients().len()).unwrap();
    prop_oneof![4 => Just(Client(0)), 3 => (0..count).prop_map(Client)]
}

fn person() -> impl Strategy<Value = Person> {
    prop_oneof![4 => Just(Person::Alice), 1 => Just(Person::Bob)]
}

/// What was given lately.
fn recent() -> impl Strategy<Value = u8> {
    prop_oneof![5 => Just(0_u8), 3 => Just(1), 1 => Just(2), 1 => Just(3)]
}

fn token() -> impl Strategy<Value = Token> {
    prop_oneof![recent().prop_map(Token::Access), recent().prop_map(Token::Refresh)]
}

/// Scopes of the first few words, and now and then of the one that nobody knows.
fn words(policy: &Policy) -> BoxedStrategy<Words> {
    let few = policy.words().len().min(5);
    let unknown = 1_u64 << (policy.words().len() - 1);
    let known = 1..(1_u64 << few);
    prop_oneof![6 => known.clone().prop_map(Words), 1 => known.prop_map(move |few| Words(few | unknown))]
        .boxed()
}

fn words_of_few() -> impl Strategy<Value = Words> {
    (1..8_u64).prop_map(Words)
}

fn way(policy: &Policy) -> BoxedStrategy<Way> {
    let token = policy.profile().response_types.contains(&grantor_core::client::ResponseType::Token);
    let implicit = if token { 3 } else { 1 };
    prop_oneof![
        12 => Just(Way::Code),
        2 => Just(Way::WithoutChallenge),
        2 => Just(Way::Unnamed),
        1 => Just(Way::Elsewhere),
        implicit => Just(Way::Implicit),
    ]
    .boxed()
}

fn slip() -> impl Strategy<Value = Option<Slip>> {
    use Slip as S;
    let all = vec![
        S::WrongSecret,
        S::NoSecret,
        S::OtherUri,
        S::NoUri,
        S::OtherVerifier,
        S::NoVerifier,
        S::Invented,
        S::Garbled,
    ];
    option::weighted(0.25, prop::sample::select(all))
}

/// Moments around which something of a policy ends, and a few others.
fn seconds(policy: &Policy) -> impl Strategy<Value = u32> + use<> {
    let lifetimes = &policy.profile().lifetimes;
    let grace = match policy.profile().refresh {
        RefreshMode::Rotate { grace } => Some(grace),
        RefreshMode::None | RefreshMode::Reuse | RefreshMode::ReplaceAll => None,
    };
    let ends = [
        Some(lifetimes.authorization_code),
        Some(lifetimes.access_token).filter(|lifetime| *lifetime != Lifetime::FOREVER),
        lifetimes.refresh_token,
        lifetimes.grant,
        Some(lifetimes.interaction),
        grace,
    ];
    let around = ends.into_iter().flatten().filter_map(|end| u32::try_from(end.as_seconds()).ok());
    let mut moments: Vec<u32> = around.flat_map(|end| [end.saturating_sub(1), end]).collect();
    moments.extend([1, 1, 5, 7_200]);
    prop::sample::select(moments)
}
