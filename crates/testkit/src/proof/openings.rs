//! How stories begin, and what is tried at once then.

use grantor_core::client::{GrantType, ResponseType};

use super::act::{Act, Client, Ender, Person, Token, Way};
use super::ledger::{Kind, Ledger};
use super::policy::Policy;

const FIRST: Client = Client(0);
const OTHER: Client = Client(1);

fn approve() -> Act {
    Act::Approve { client: FIRST, person: Person::Alice, scope: None, part: None, way: Way::Code }
}

fn ask() -> Act {
    Act::Ask { client: FIRST, person: Person::Alice, scope: None, way: Way::Code }
}

fn redeem() -> Act {
    Act::Redeem { code: 0, by: FIRST, slip: None }
}

fn refresh(token: u8) -> Act {
    Act::Refresh { token, by: FIRST, scope: None, slip: None }
}

/// What the policy's first client does before anything happens at once. Never empty: nothing is a beginning, too.
pub(crate) fn openings(policy: &Policy) -> Vec<Vec<Act>> {
    let profile = policy.profile();
    let may =
        |grant_type| profile.grant_types.contains(&grant_type) && policy.metadata(FIRST).may_use(grant_type);
    let mut openings = Vec::new();
    if may(GrantType::AuthorizationCode) {
        openings.push(vec![ask()]);
        openings.push(vec![approve()]);
        openings.push(vec![approve(), redeem()]);
        openings.push(vec![approve(), redeem(), refresh(0)]);
        openings.push(vec![approve(), redeem(), approve()]);
    }
    if may(GrantType::Implicit) && profile.response_types.contains(&ResponseType::Token) {
        openings.push(vec![Act::Approve {
            client: FIRST,
            person: Person::Alice,
            scope: None,
            part: None,
            way: Way::Implicit,
        }]);
    }
    if may(GrantType::Password) {
        openings.push(vec![Act::Password {
            by: FIRST,
            person: Person::Alice,
            right: true,
            scope: None,
            slip: None,
        }]);
    }
    if may(GrantType::ApiKey) {
        openings.push(vec![Act::Key { by: FIRST, slip: None }]);
        openings.push(vec![Act::Key { by: FIRST, slip: None }, refresh(0)]);
    }
    if may(GrantType::ClientCredentials) {
        openings.push(vec![Act::Own { by: FIRST, scope: None, slip: None }]);
    }
    if openings.is_empty() {
        openings.push(Vec::new());
    }
    openings
}

/// What may be done at once, by whom, after an opening: of all that there is by then, the newest and the one before.
pub(crate) fn acts_at_once(policy: &Policy, ledger: &Ledger) -> Vec<Act> {
    let profile = policy.profile();
    let may =
        |grant_type| profile.grant_types.contains(&grant_type) && policy.metadata(FIRST).may_use(grant_type);
    let mut acts = Vec::new();
    if may(GrantType::AuthorizationCode) {
        acts.push(approve());
        acts.push(ask());
    }
    if may(GrantType::Password) {
        acts.push(Act::Password { by: FIRST, person: Person::Alice, right: true, scope: None, slip: None });
    }
    if may(GrantType::ApiKey) {
        acts.push(Act::Key { by: FIRST, slip: None });
    }
    let given = |kind| u8::try_from(ledger.all(kind).count().min(2)).unwrap();
    for code in 0..given(Kind::Code) {
        acts.push(Act::Redeem { code, by: FIRST, slip: None });
        if policy.has(OTHER) {
            acts.push(Act::Redeem { code, by: OTHER, slip: None });
        }
    }
    for token in 0..given(Kind::Refresh) {
        acts.push(refresh(token));
        if policy.has(OTHER) {
            acts.push(Act::Refresh { token, by: OTHER, scope: None, slip: None });
        }
        if !policy.is_keyed(FIRST) {
            acts.push(Act::GiveBack { token: Token::Refresh(token), by: FIRST, slip: None });
        }
    }
    for token in 0..given(Kind::Access).min(1) {
        acts.push(Act::Use { token, scope: None, slip: None });
        if !policy.is_keyed(FIRST) {
            acts.push(Act::GiveBack { token: Token::Access(token), by: FIRST, slip: None });
        }
    }
    for question in 0..given(Kind::Question).min(1) {
        acts.push(Act::Decide { question, person: Person::Alice, same_session: true, approve: true });
    }
    for grant in 0..given(Kind::Grant).min(1) {
        acts.push(Act::EndGrant { grant, by: Ender::Owner });
        acts.push(Act::Suspend { person: Person::Alice });
    }
    acts.push(Act::SwitchOff { client: FIRST });
    acts
}
