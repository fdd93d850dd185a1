//! Where a browser goes that has logged out for a client.

use super::Context;
use crate::ids::ClientId;
use crate::redirect::{RedirectTrusted, ResponsePlace};
use crate::refusal::{Reason, Refusal};
use crate::step::{Step, registration};

/// The client's redirect URI, the first if it has several, with `logout=true` in its query. A URI of the request is not
/// looked at: then nobody could be sent anywhere but to a client that is registered here (RFC 9700, section 4.11).
///
/// # Refusals
/// [`Reason::ClientUnknown`], also for a client that is disabled, another profile's, or has no redirect URI.
pub fn leave(ctx: Context, client: &str) -> Step<String> {
    let unknown = || Refusal::from(Reason::ClientUnknown).of("client_id");
    let Ok(id) = ClientId::parse(client) else { return Step::stop(unknown()) };
    registration(&id).then(move |found| {
        let client = found.filter(|c| c.metadata.profile == ctx.profile.name && !c.metadata.disabled);
        let only = client.and_then(|client| client.metadata.redirect_uris.first().cloned());
        match RedirectTrusted::establish(only.as_slice(), None, ctx.profile.authorization.redirect_match) {
            Some(redirect) => Step::done(redirect.with(ResponsePlace::Query, &[("logout", "true")])),
            None => Step::stop(unknown()),
        }
    })
}
