//! An API key for a short-lived token: for services whose clients are a person's own programs. Of no RFC; it is client
//! credentials in all but name, except that the tokens speak for the key's owner, and that a refresh token comes with them.

use super::issue::{self, Speaker};
use super::{ClientAuthenticated, Context, TokenAnswer, store};
use crate::client::GrantType;
use crate::grant::GrantFacts;
use crate::ids::{GrantId, SubjectId};
use crate::refusal::{Reason, Refusal};
use crate::step::Step;

/// New tokens for a key. Where the profile lets one grant live for each key, the refresh tokens it gave before end here.
pub(super) fn issue(mut ctx: Context, client: ClientAuthenticated) -> Step<TokenAnswer> {
    const TYPE: GrantType = GrantType::ApiKey;
    if let Err(refusal) = client.must_be_allowed(&ctx, TYPE) {
        return Step::stop(refusal);
    }
    let metadata = client.metadata();
    let itself = || SubjectId::parse(client.id().as_str()).ok();
    let Some(subject) = metadata.owner.clone().or_else(itself) else {
        let refusal = Refusal::from(Reason::ApiKeyWrong).by(client.id());
        return Step::stop(refusal.saw("owner", false));
    };
    let lifetimes = &ctx.profile.lifetimes;
    let expires_at = lifetimes.grant.map(|lifetime| ctx.now + lifetime);
    let id = GrantId::draw(ctx.now, &mut ctx.entropy);
    let facts = ctx.named(GrantFacts {
        id,
        client: client.id().clone(),
        subject,
        account: None,
        scope: metadata.scope.clone(),
        audience: metadata.access_token_audience.clone(),
        created_at: ctx.now,
        expires_at,
        era: 0,
    });
    let (refresh_token, chain, keep_until) = issue::first_refresh_token(&mut ctx, &client, &facts);
    store::with_tokens(ctx, facts, chain, keep_until)
        // After the grant, which whoever suspends the owner will then find.
        .then(|(ctx, facts)| store::require_good_standing(ctx, facts))
        .then(move |(ctx, facts)| {
            let (speaker, scope) = (Speaker::Subject(facts.clone()), facts.scope.clone());
            issue::access_token(ctx, client.metadata(), TYPE, speaker, scope).then(move |(ctx, issued)| {
                let text = refresh_token.map(|token| token.text());
                Step::done(TokenAnswer::of_grant(ctx.now, issued, TYPE, facts, text))
            })
        })
}
