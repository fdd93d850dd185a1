//! Putting a grant into the store: so that whoever looks for a subject's or a client's grants misses none, and in the one
//! place there is where a profile lets only one live.

use std::sync::Arc;

use super::Context;
use crate::event::Event;
use crate::grant::{ClientGrant, CodeIssued, Grant, GrantFacts, RefreshChain, SubjectGrant};
use crate::ids::GrantId;
use crate::record::{Expect, Put, Write};
use crate::refusal::{Reason, Refusal};
use crate::standing::Standing;
use crate::step::{Committed, FlowFault, Step, commit, create, load};
use crate::time::Time;

impl Context {
    /// The facts of a grant under the id that it must have: where only one may live for a client, person and account,
    /// one that is derived from those. Its era is then one that no earlier grant of that id can have had, even one whose
    /// record is gone: the time.
    pub(super) fn named(&self, facts: GrantFacts) -> GrantFacts {
        if !self.profile.approval.one_grant {
            return facts;
        }
        let account = facts.account.as_ref().map_or("", |id| id.as_str());
        let parts = [self.profile.name.as_str(), facts.client.as_str(), facts.subject.as_str(), account];
        let derived = self.key.derive("grantor only grant", &parts.map(str::as_bytes));
        let mut id = [0; 16];
        id.copy_from_slice(derived.split_at(16).0);
        let era = u32::try_from(self.now.unix_seconds()).unwrap_or_default();
        GrantFacts { id: GrantId::from_bytes(id), era, ..facts }
    }
}

/// What happened when a request was approved.
pub(super) fn approved(facts: &GrantFacts) -> Event {
    Event::RequestApproved {
        grant: facts.id,
        client: facts.client.clone(),
        subject: facts.subject.clone(),
        scope: facts.scope.clone(),
    }
}

/// Stores a grant that begins with a code.
pub(super) fn with_code(ctx: Context, facts: GrantFacts, code: CodeIssued) -> Step<Context> {
    if !ctx.profile.approval.one_grant {
        let event = approved(&facts);
        return grant(ctx, Grant::with_code(facts, code), event);
    }
    let again = facts.clone();
    let make: Make = Arc::new(move |old| match old {
        None => Grant::with_code(again.clone(), code.clone()),
        Some(old) => old.approved_again(again.clone(), code.clone()),
    });
    Only { ctx, facts, make, races: 0 }.store().then(|(ctx, _)| Step::done(ctx))
}

/// Stores a grant that begins with tokens, and tells what it came to be.
pub(super) fn with_tokens(
    ctx: Context,
    facts: GrantFacts,
    refresh: Option<RefreshChain>,
    keep_until: Option<Time>,
) -> Step<(Context, GrantFacts)> {
    if !ctx.profile.approval.one_grant {
        let event = approved(&facts);
        let record = Grant::with_tokens(facts.clone(), refresh, keep_until);
        return grant(ctx, record, event).then(move |ctx| Step::done((ctx, facts)));
    }
    let again = facts.clone();
    let make: Make = Arc::new(move |old| match old {
        None => Grant::with_tokens(again.clone(), refresh.clone(), keep_until),
        Some(old) => old.tokens_given_again(again.clone(), refresh.clone(), keep_until),
    });
    Only { ctx, facts, make, races: 0 }.store()
}

/// Writes the hints, then the grant: whoever looks for a subject's or a client's grants misses none.
pub(super) fn grant(mut ctx: Context, grant: Grant, event: Event) -> Step<Context> {
    let facts = grant.facts();
    // No other grant has this id, so neither hint is there already.
    let first = hints(&mut ctx, facts, facts.expires_at).into();
    let (key, version) = (Grant::key(facts.id), ctx.version());
    let put = Put::of(&key, Expect::Absent, version, &grant, grant.keep_until());
    create(Write { first, put }, vec![event]).then(move |()| Step::done(ctx))
}

/// The hints of a grant that is to be written next.
fn hints(ctx: &mut Context, facts: &GrantFacts, keep_until: Option<Time>) -> [Put; 2] {
    let (of_subject, of_client) =
        (SubjectGrant::key(&facts.subject, facts.id), ClientGrant::key(&facts.client, facts.id));
    [
        Put::of(&of_subject, Expect::Absent, ctx.version(), &SubjectGrant::default(), keep_until),
        Put::of(&of_client, Expect::Absent, ctx.version(), &ClientGrant::default(), keep_until),
    ]
}

/// Refuses a suspended subject. To be asked after the grant became findable (see [`Standing`]).
pub(super) fn require_good_standing(ctx: Context, facts: GrantFacts) -> Step<(Context, GrantFacts)> {
    load(Standing::key(&facts.subject)).then(move |found| {
        if let Some(suspended) = found.filter(|s| s.record.is_suspended()) {
            let refusal = Refusal::from(Reason::SubjectSuspended).by(&facts.client).on(facts.id);
            return Step::stop(refusal.saw("since", suspended.record.since()));
        }
        Step::done((ctx, facts))
    })
}

/// What a grant becomes, by what it was.
type Make = Arc<dyn Fn(Option<Grant>) -> Grant + Send + Sync>;

/// The only grant there may be for its client, person and account: one compare-and-set puts the new one in the place of
/// the old.
struct Only {
    ctx: Context,
    facts: GrantFacts,
    make: Make,
    races: u32,
}

impl Only {
    fn store(self) -> Step<(Context, GrantFacts)> {
        let Self { mut ctx, facts, make, races } = self;
        // For ever: the grant may begin anew for as long as there are its person and its client, and whoever finds the hint
        // of an earlier time writes none. So one that is there already says the same.
        let [of_subject, of_client] = hints(&mut ctx, &facts, None);
        commit(of_subject, Vec::new())
            .then(move |_| commit(of_client, Vec::new()))
            .then(move |_| Self { ctx, facts, make, races }.replace())
    }

    fn replace(mut self) -> Step<(Context, GrantFacts)> {
        let key = Grant::key(self.facts.id);
        load(key.clone()).then(move |found| {
            let (expect, old) = match found {
                Some(found) => (Expect::Version(found.version), Some(found.record)),
                None => (Expect::Absent, None),
            };
            let grant = (self.make)(old);
            let facts = grant.facts().clone();
            let put = Put::of(&key, expect, self.ctx.version(), &grant, grant.keep_until());
            commit(put, vec![approved(&facts)]).then(move |committed| match committed {
                Committed::Yes => Step::done((self.ctx, facts)),
                Committed::LostRace if self.races < self.ctx.profile.limits.races => {
                    Self { races: self.races + 1, ..self }.replace()
                }
                Committed::LostRace => Step::stop(FlowFault::Contended(key.raw().clone())),
            })
        })
    }
}
