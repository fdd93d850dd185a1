//! A person's password given to the client (RFC 6749, section 4.3). RFC 9700, section 2.4 forbids it; it is here for
//! services whose clients have nothing else, and off in the standard profile.

use super::authorize::{require_good_standing, store_grant};
use super::issue::{self, Speaker};
use super::{ClientAuthenticated, Context, TokenAnswer};
use crate::client::GrantType;
use crate::credential::RefreshToken;
use crate::event::Event;
use crate::grant::{Grant, GrantFacts, RefreshChain};
use crate::ids::{GrantId, SubjectId};
use crate::refusal::{Reason, Refusal};
use crate::scope::Scope;
use crate::step::Step;

/// A grant that begins with tokens. `subject` is who the password proved, or nobody.
pub(super) fn issue(
    mut ctx: Context,
    client: ClientAuthenticated,
    subject: Option<SubjectId>,
    scope: Option<&Scope>,
) -> Step<TokenAnswer> {
    const TYPE: GrantType = GrantType::Password;
    if let Err(refusal) = client.must_be_allowed(&ctx, TYPE) {
        return Step::stop(refusal);
    }
    let Some(subject) = subject else {
        return Step::stop(Refusal::from(Reason::PasswordWrong).by(client.id()));
    };
    let scope = match issue::scope_for(&ctx, client.metadata(), scope) {
        Ok(scope) => scope,
        Err(refusal) => return Step::stop(refusal),
    };
    let lifetimes = &ctx.profile.lifetimes;
    let facts = GrantFacts {
        id: GrantId::from_bytes(ctx.entropy.draw_half()),
        client: client.id().clone(),
        subject,
        account: None,
        scope,
        audience: client.metadata().access_token_audience.clone(),
        created_at: ctx.now,
        expires_at: lifetimes.grant.map(|lifetime| ctx.now + lifetime),
    };
    let refresh_end = facts.refresh_token_end(lifetimes, ctx.now);
    let access_end = facts.capped(ctx.now + lifetimes.access_token);
    let refresh_token =
        issue::has_refresh_token(&ctx, &client).then(|| RefreshToken::mint(facts.id, &mut ctx.entropy));
    let keep_until = match refresh_token {
        Some(_) => refresh_end.map(|at| at + ctx.profile.lifetimes.access_token),
        None => Some(access_end),
    };
    let chain = refresh_token.as_ref().map(|token| RefreshChain::begin(token, refresh_end));
    let grant = Grant::with_tokens(facts.clone(), chain, keep_until);
    let event = Event::RequestApproved {
        grant: facts.id,
        client: facts.client.clone(),
        subject: facts.subject.clone(),
        scope: facts.scope.clone(),
    };
    store_grant(ctx, grant, event).then(move |ctx| require_good_standing(ctx, facts)).then(
        move |(ctx, facts)| {
            let speaker = Speaker::Subject(facts.clone());
            issue::access_token(ctx, client.metadata(), TYPE, speaker, facts.scope.clone()).then(
                move |(ctx, issued)| {
                    let text = refresh_token.map(|token| token.text());
                    Step::done(TokenAnswer::of_grant(ctx.now, issued, TYPE, facts, text))
                },
            )
        },
    )
}
