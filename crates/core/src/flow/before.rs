//! What a person approved before, and what he approves now: so that a request asks him only for what is new.

use std::sync::Arc;

use super::Context;
use crate::consent::Consent;
use crate::ids::{AccountId, SubjectId};
use crate::interaction::AuthorizationRequest;
use crate::profile::Profile;
use crate::record::{Expect, Key, Put};
use crate::scope::Scope;
use crate::step::{Step, commit, load};

/// What a person may have approved before, of what a request asks for.
pub(super) struct Approved {
    profile: Arc<Profile>,
    key: Key<Consent>,
    scope: Scope,
    assured: bool,
}

/// What he did approve before, and has not taken back.
pub(super) enum Before {
    /// All of it, so that he need not be asked.
    All,
    /// This part, which is not all.
    Part(Scope),
    /// Nothing that counts.
    Nothing,
}

impl Approved {
    pub(super) fn of(
        ctx: &Context,
        request: &AuthorizationRequest,
        subject: &SubjectId,
        account: Option<&AccountId>,
    ) -> Self {
        let key = Consent::key(subject, &request.client, account);
        let (scope, assured) = (request.scope.clone(), request.assured);
        Self { profile: ctx.profile.clone(), key, scope, assured }
    }

    /// The same of this part alone.
    pub(super) fn part(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// Whether there is anything that rests on it.
    pub(super) fn is_nothing(&self) -> bool {
        self.scope.is_empty()
    }

    /// Whether the profile remembers, and the client is one that may be let pass by that.
    fn counts(&self) -> bool {
        self.profile.approval.remember && self.assured
    }

    pub(super) fn read(self) -> Step<Before> {
        if !self.counts() {
            return Step::done(Before::Nothing);
        }
        load(self.key).then(move |found| {
            let (scopes, asked) = (&self.profile.scopes, &self.scope);
            Step::done(match found.map(|f| f.record).filter(|consent| !consent.withdrawn) {
                Some(consent) if consent.permits(asked, scopes) => Before::All,
                Some(consent) => Before::Part(scopes.permitted_of(&consent.scope, asked)),
                None => Before::Nothing,
            })
        })
    }

    /// Whether all of it is approved now.
    pub(super) fn still(self) -> Step<bool> {
        self.read().then(|before| {
            Step::done(match before {
                Before::All => true,
                Before::Part(_) | Before::Nothing => false,
            })
        })
    }

    /// Remembers what a person approves now, beside what he approved before, and tells whether that still stands.
    ///
    /// Where it does not, nothing is written: it would bring back what he took back. A race is lost to another approval or to a
    /// withdrawal: then this one is not remembered, and he is asked again.
    pub(super) fn add(&self, mut ctx: Context, new: &Scope) -> Step<(Context, bool)> {
        if !self.counts() {
            return Step::done((ctx, self.scope.is_empty()));
        }
        let (key, already, new) = (self.key.clone(), self.scope.clone(), new.clone());
        load(key.clone()).then(move |found| {
            let (expect, known) = match found {
                Some(found) => (Expect::Version(found.version), Some(found.record)),
                None => (Expect::Absent, None),
            };
            let stands = known.as_ref().is_some_and(|consent| consent.permits(&already, &ctx.profile.scopes));
            if !stands && !already.is_empty() {
                return Step::done((ctx, false));
            }
            let consent = Consent::given(known, &new, ctx.now);
            let put = Put::of(&key, expect, ctx.version(), &consent, None);
            commit(put, Vec::new()).then(move |_| Step::done((ctx, true)))
        })
    }
}
