//! A refresh token comes back (RFC 6749, section 6).

use super::issue::{self, Speaker};
use super::{ClientAuthenticated, Context, TokenAnswer};
use crate::client::GrantType;
use crate::credential::RefreshToken;
use crate::grant::{Grant, Refresh, Refreshed};
use crate::refusal::{Reason, Refusal};
use crate::scope::Scope;
use crate::secret::Secret;
use crate::step::{Committed, FlowFault, Loaded, Step, commit, load};

const TYPE: GrantType = GrantType::RefreshToken;

struct Renewal {
    ctx: Context,
    client: ClientAuthenticated,
    token: RefreshToken,
    scope: Option<Scope>,
    races: u32,
}

/// Gives new tokens for a refresh token, by the profile's mode.
pub(super) fn refresh(
    ctx: Context,
    client: ClientAuthenticated,
    token: &Secret,
    scope: Option<Scope>,
) -> Step<TokenAnswer> {
    if let Err(refusal) = client.must_be_allowed(&ctx, TYPE) {
        return Step::stop(refusal);
    }
    match RefreshToken::parse(&ctx.profile.formats.refresh_token, token.expose()) {
        None => {
            let refusal = Refusal::from(Reason::RefreshTokenMalformed).by(client.id());
            Step::stop(refusal.saw("bytes", token.expose().len()))
        }
        Some(token) => Renewal { ctx, client, token, scope, races: 0 }.read(),
    }
}

impl Renewal {
    fn read(self) -> Step<TokenAnswer> {
        load(Grant::key(self.token.grant())).then(move |found| match found {
            None => {
                let refusal =
                    Refusal::from(Reason::RefreshTokenUnknown).by(self.client.id()).on(self.token.grant());
                Step::stop(refusal.saw("found", false))
            }
            Some(found) => self.decide(found),
        })
    }

    fn decide(mut self, found: Loaded<Grant>) -> Step<TokenAnswer> {
        let facts = found.record.held_facts();
        let granted = facts.scope.clone();
        let decision = found.record.refresh(
            &Refresh {
                client: &self.client,
                token: &self.token,
                mode: self.ctx.profile.refresh,
                key: &self.ctx.key,
                lifetimes: &self.ctx.profile.lifetimes,
                limits: &self.ctx.profile.limits,
            },
            self.ctx.now,
        );
        // Decided by the grant first, so that a wrong scope with a stolen token does not hide the replay; but a token
        // that may be used is not spent on a scope that cannot be given.
        let scope = match self.scope.clone() {
            None => granted,
            Some(asked) if self.ctx.profile.scopes.permits_all(&granted, &asked) => asked,
            Some(asked) if decision.verdict.is_ok() => {
                let refusal = Refusal::from(Reason::ScopeWidened).by(self.client.id()).on(facts.id);
                return Step::stop(issue::beyond(refusal, &self.ctx, &granted, &asked));
            }
            Some(_) => granted,
        };
        let put = decision.write.map(|grant| self.ctx.replace(found.version, &grant));
        let events = decision.events;
        match (decision.verdict, put) {
            (Err(refusal), None) => Step::stop(refusal),
            (Err(refusal), Some(put)) => commit(put, events).then(move |committed| match committed {
                Committed::Yes => Step::stop(refusal),
                Committed::LostRace => self.again(),
            }),
            (Ok(Refreshed { refresh_token }), put) => {
                let Renewal { ctx, client, token, scope: asked, races } = self;
                let speaker = Speaker::Subject(facts.clone());
                issue::draw(ctx, client.metadata(), TYPE, speaker, scope).then(move |(ctx, drawn)| {
                    let issued = match put {
                        Some(put) => drawn.stored_with(put, events),
                        None => drawn.stored().then(|issued| Step::done(Some(issued))),
                    };
                    issued.then(move |issued| match issued {
                        Some(issued) => {
                            let text = Some(refresh_token);
                            Step::done(TokenAnswer::of_grant(ctx.now, issued, TYPE, facts, text))
                        }
                        None => Renewal { ctx, client, token, scope: asked, races }.again(),
                    })
                })
            }
        }
    }

    fn again(mut self) -> Step<TokenAnswer> {
        self.races += 1;
        if self.races > self.ctx.profile.limits.races {
            return Step::stop(FlowFault::Contended(Grant::key(self.token.grant()).raw().clone()));
        }
        self.read()
    }
}
