//! A client that speaks for itself (RFC 6749, section 4.4).

use super::issue::{self, Speaker};
use super::{ClientAuthenticated, Context, TokenAnswer};
use crate::client::GrantType;
use crate::refusal::{Reason, Refusal};
use crate::scope::Scope;
use crate::step::Step;

/// One token, one write, no refresh token (section 4.4.3).
pub(super) fn issue(ctx: Context, client: &ClientAuthenticated, scope: Option<&Scope>) -> Step<TokenAnswer> {
    const TYPE: GrantType = GrantType::ClientCredentials;
    if let Err(refusal) = client.must_be_allowed(&ctx, TYPE) {
        return Step::stop(refusal);
    }
    let metadata = client.metadata();
    if metadata.is_public() {
        return Step::stop(Refusal::from(Reason::ClientNotConfidential).by(client.id()).saw("public", true));
    }
    let scope = match issue::scope_for(&ctx, metadata, scope) {
        Ok(scope) => scope,
        Err(refusal) => return Step::stop(refusal),
    };
    let id = client.id().clone();
    issue::access_token(ctx, metadata, TYPE, Speaker::Client, scope)
        .then(move |(ctx, issued)| Step::done(TokenAnswer::new(ctx.now, issued, TYPE, id)))
}
