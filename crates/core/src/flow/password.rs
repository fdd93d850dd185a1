//! A person's password given to the client (RFC 6749, section 4.3). RFC 9700, section 2.4 forbids it; it is here for
//! services whose clients have nothing else, and off in the standard profile.

use super::issue::{self, Speaker};
use super::{ClientAuthenticated, Context, TokenAnswer, store};
use crate::client::GrantType;
use crate::grant::GrantFacts;
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
        return Step::stop(Refusal::from(Reason::PasswordWrong).by(client.id()).saw("proven", false));
    };
    let scope = match issue::scope_for(&ctx, client.metadata(), scope) {
        Ok(scope) => scope,
        Err(refusal) => return Step::stop(refusal),
    };
    let expires_at = ctx.profile.lifetimes.grant.map(|lifetime| ctx.now + lifetime);
    let facts = GrantFacts {
        id: GrantId::draw(ctx.now, &mut ctx.entropy),
        client: client.id().clone(),
        subject,
        account: None,
        scope,
        audience: client.metadata().access_token_audience.clone(),
        created_at: ctx.now,
        expires_at,
        era: 0,
    };
    let facts = ctx.named(facts);
    let (refresh_token, chain, keep_until) = issue::first_refresh_token(&mut ctx, &client, &facts);
    store::with_tokens(ctx, facts, chain, keep_until)
        .then(|(ctx, facts)| store::require_good_standing(ctx, facts))
        .then(move |(ctx, facts)| {
            let (speaker, scope) = (Speaker::Subject(facts.clone()), facts.scope.clone());
            issue::access_token(ctx, client.metadata(), TYPE, speaker, scope).then(move |(ctx, issued)| {
                let text = refresh_token.map(|token| token.text());
                Step::done(TokenAnswer::of_grant(ctx.now, issued, TYPE, facts, text))
            })
        })
}
