//! A code comes back (RFC 6749, section 4.1.3; RFC 7636, section 4.6).

use super::issue::{self, Speaker};
use super::{ClientAuthenticated, Context, TokenAnswer};
use crate::client::GrantType;
use crate::credential::AuthorizationCode;
use crate::grant::{Grant, Redeem};
use crate::pkce::CodeVerifier;
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;
use crate::standing::Standing;
use crate::step::{Committed, FlowFault, Loaded, Step, commit, load};

const TYPE: GrantType = GrantType::AuthorizationCode;

/// All that a redemption goes by. It is kept whole, so that a lost race can be run again from the read.
struct Redemption {
    ctx: Context,
    client: ClientAuthenticated,
    code: AuthorizationCode,
    redirect_uri: Option<String>,
    verifier: Option<CodeVerifier>,
    races: u32,
}

/// Exchanges a code for tokens.
pub(super) fn redeem(
    ctx: Context,
    client: ClientAuthenticated,
    code: &Secret,
    redirect_uri: Option<String>,
    verifier: Option<CodeVerifier>,
) -> Step<TokenAnswer> {
    if let Err(refusal) = client.must_be_allowed(&ctx, TYPE) {
        return Step::stop(refusal);
    }
    match AuthorizationCode::parse(&ctx.profile.formats.authorization_code, code.expose()) {
        None => {
            let refusal = Refusal::from(Reason::CodeMalformed).by(client.id());
            Step::stop(refusal.saw("bytes", code.expose().len()))
        }
        Some(code) => Redemption { ctx, client, code, redirect_uri, verifier, races: 0 }.read(),
    }
}

impl Redemption {
    fn read(self) -> Step<TokenAnswer> {
        load(Grant::key(self.code.grant())).then(move |found| match found {
            None => {
                let refusal = Refusal::from(Reason::CodeUnknown).by(self.client.id()).on(self.code.grant());
                Step::stop(refusal.saw("found", false))
            }
            // Read after the grant: whoever suspends a subject writes this first and then revokes what it finds.
            Some(found) => load(Standing::key(&found.record.facts().subject)).then(move |standing| {
                if let Some(suspended) = standing.filter(|s| s.record.is_suspended()) {
                    let refusal =
                        Refusal::from(Reason::SubjectSuspended).by(self.client.id()).on(self.code.grant());
                    return Step::stop(refusal.saw("since", suspended.record.since()));
                }
                self.decide(found)
            }),
        })
    }

    fn decide(mut self, found: Loaded<Grant>) -> Step<TokenAnswer> {
        let facts = found.record.facts().clone();
        let (refresh_token, refresh, keep_until) =
            issue::first_refresh_token(&mut self.ctx, &self.client, &facts);
        let command = Redeem {
            client: &self.client,
            code: &self.code,
            redirect_uri: self.redirect_uri.as_deref(),
            redirect_match: self.ctx.profile.authorization.redirect_match,
            verifier: self.verifier.as_ref(),
            refresh,
            keep_until,
        };
        let decision = found.record.redeem(&command, self.ctx.now);
        let put = decision.write.map(|grant| self.ctx.replace(found.version, &grant));
        let events = decision.events;
        match (decision.verdict, put) {
            (Err(refusal), None) => Step::stop(refusal),
            (Err(refusal), Some(put)) => commit(put, events).then(move |committed| match committed {
                Committed::Yes => Step::stop(refusal),
                Committed::LostRace => self.again(),
            }),
            (Ok(()), Some(put)) => {
                let Redemption { ctx, client, code, redirect_uri, verifier, races } = self;
                let speaker = Speaker::Subject(facts.clone());
                issue::draw(ctx, client.metadata(), TYPE, speaker, facts.scope.clone()).then(
                    move |(ctx, drawn)| {
                        drawn.stored_with(put, events).then(move |issued| match issued {
                            Some(issued) => {
                                let text = refresh_token.map(|token| token.text());
                                Step::done(TokenAnswer::of_grant(ctx.now, issued, TYPE, facts, text))
                            }
                            None => Redemption { ctx, client, code, redirect_uri, verifier, races }.again(),
                        })
                    },
                )
            }
            // A redemption always writes; a code that was let pass without one would be a code used twice.
            (Ok(()), None) => Step::stop(FlowFault::Contended(Grant::key(facts.id).raw().clone())),
        }
    }

    /// Another write came first. Each one moves the grant onward, so the next read decides, or the one after.
    fn again(mut self) -> Step<TokenAnswer> {
        self.races += 1;
        if self.races > self.ctx.profile.limits.races {
            return Step::stop(FlowFault::Contended(Grant::key(self.code.grant()).raw().clone()));
        }
        self.read()
    }
}
