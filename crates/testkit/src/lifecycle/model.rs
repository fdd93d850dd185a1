//! A grant as one client at a time sees it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Grace, Request, Told, Violation};
use crate::linear::Sequential;

/// The thing itself.
pub(super) struct Grant {
    pub(super) grace: Grace,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    /// Which refresh token is the current one; none before the code was redeemed.
    generation: Option<u32>,
    /// The access tokens that ended by themselves.
    ended: BTreeSet<usize>,
    /// Whether all of it has ended.
    revoked: bool,
}

/// [`Asked`], with numbers for names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    Redeem,
    Refresh(u32),
    EndGrant,
    EndToken(usize),
    IntrospectAccess(usize),
    IntrospectRefresh(u32),
}

/// [`Told`] without names: those are compared where numbers are given to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Tokens,
    Refused,
    Ended,
    Active(bool),
}

pub(super) fn said(told: &Told) -> Said {
    match told {
        Told::Tokens { .. } => Said::Tokens,
        Told::Refused => Said::Refused,
        Told::Ended => Said::Ended,
        Told::Active(active) => Said::Active(*active),
    }
}

impl Sequential for Grant {
    type State = State;
    type Ask = Ask;
    type Answer = Said;

    fn apply(&self, state: &State, ask: &Ask) -> (State, Said) {
        let mut after = state.clone();
        let said = match ask {
            Ask::Redeem if state.generation.is_none() && !state.revoked => {
                after.generation = Some(0);
                Said::Tokens
            }
            Ask::Refresh(generation) if self.is_current(state, *generation) => {
                after.generation = Some(generation + 1);
                Said::Tokens
            }
            Ask::Refresh(generation) if self.is_forgiven(state, *generation) => Said::Tokens,
            // A replay, which ends the grant; or it had ended.
            Ask::Redeem | Ask::Refresh(_) => {
                after.revoked = true;
                Said::Refused
            }
            Ask::EndGrant => {
                after.revoked = true;
                Said::Ended
            }
            Ask::EndToken(token) => {
                after.ended.insert(*token);
                Said::Ended
            }
            Ask::IntrospectAccess(token) => Said::Active(!state.revoked && !state.ended.contains(token)),
            Ask::IntrospectRefresh(generation) => Said::Active(self.is_current(state, *generation)),
        };
        (after, said)
    }
}

impl Grant {
    #[allow(clippy::unused_self, reason = "both of these are rules of the grant")]
    fn is_current(&self, state: &State, generation: u32) -> bool {
        state.generation == Some(generation) && !state.revoked
    }

    fn is_forgiven(&self, state: &State, generation: u32) -> bool {
        self.grace == Grace::Endless && self.is_current(state, generation + 1)
    }
}

/// Which token is which: refresh tokens by their place in the chain, access tokens by any number.
pub(super) struct Generations<'a> {
    refresh: BTreeMap<&'a str, u32>,
    access: BTreeMap<&'a str, usize>,
}

impl<'a> Generations<'a> {
    /// # Errors
    /// What is wrong whenever it happened: two redemptions, two successors, one token given twice.
    pub(super) fn of(grant: &str, requests: &[&'a Request]) -> Result<Self, Violation> {
        let mut names = Self { refresh: BTreeMap::new(), access: BTreeMap::new() };
        let mut successors: BTreeMap<&str, &str> = BTreeMap::new();
        let mut redeemed = false;
        for request in requests {
            let Some((_, Told::Tokens { access, refresh })) = &request.told else { continue };
            let number = names.access.len();
            if names.access.insert(access, number).is_some() {
                return Err(Violation::GivenTwice { token: access.clone() });
            }
            match (&request.asked, refresh) {
                (Asked::Redeem, refresh) => {
                    if std::mem::replace(&mut redeemed, true) {
                        return Err(Violation::RedeemedTwice { grant: grant.to_owned() });
                    }
                    names.refresh.extend(refresh.as_deref().map(|first| (first, 0)));
                }
                (Asked::Refresh(old), Some(new)) => {
                    let other = successors.insert(old, new).unwrap_or(new);
                    if other != new {
                        let successors = [other.to_owned(), new.clone()];
                        return Err(Violation::Forked { token: old.clone(), successors });
                    }
                }
                (Asked::Refresh(_) | Asked::EndGrant | Asked::EndToken(_) | Asked::Introspect(_), _) => {}
            }
        }
        let mut last = names.refresh.iter().next().map(|(first, generation)| (*first, *generation));
        while let Some((token, generation)) = last {
            last = successors.get(token).map(|next| (*next, generation + 1));
            if let Some((next, generation)) = last
                && names.refresh.insert(next, generation).is_some()
            {
                return Err(Violation::GivenTwice { token: next.to_owned() });
            }
        }
        Ok(names)
    }

    pub(super) fn ask(&self, asked: &Asked) -> Result<Ask, Violation> {
        let invented = |token: &String| Violation::Invented { token: token.clone() };
        Ok(match asked {
            Asked::Redeem => Ask::Redeem,
            Asked::Refresh(token) => {
                Ask::Refresh(*self.refresh.get(token.as_str()).ok_or_else(|| invented(token))?)
            }
            Asked::EndGrant => Ask::EndGrant,
            Asked::EndToken(token) => {
                Ask::EndToken(*self.access.get(token.as_str()).ok_or_else(|| invented(token))?)
            }
            Asked::Introspect(token) => match self.refresh.get(token.as_str()) {
                Some(generation) => Ask::IntrospectRefresh(*generation),
                None => {
                    Ask::IntrospectAccess(*self.access.get(token.as_str()).ok_or_else(|| invented(token))?)
                }
            },
        })
    }
}
