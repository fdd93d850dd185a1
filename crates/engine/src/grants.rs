//! Support work on grants.

use futures_util::future::try_join_all;
use grantor_core::flow;
use grantor_core::grant::{ClientGrant, Grant, RevocationCause, SubjectGrant};
use grantor_core::record::{Kind, RecordKey, Under};
use grantor_core::step::{Step, load};
use grantor_core::{AccountId, ClientId, Consent, GrantId, Scope, SubjectId, Time};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Operation;

/// How many hints are read at a time.
const PAGE: usize = 200;

/// Whose grants.
#[derive(Debug, Clone, Copy)]
pub enum GrantsOf<'a> {
    /// Everybody's.
    All,
    /// Those that speak for a subject.
    Subject(&'a SubjectId),
    /// Those that a client has.
    Client(&'a ClientId),
}

impl GrantsOf<'_> {
    fn under(self) -> Under {
        match self {
            GrantsOf::All => Under::Kind(Kind::Grant),
            GrantsOf::Subject(subject) => SubjectGrant::under(subject),
            GrantsOf::Client(client) => ClientGrant::under(client),
        }
    }

    fn key(self, id: GrantId) -> RecordKey {
        match self {
            GrantsOf::All => Grant::key(id).raw().clone(),
            GrantsOf::Subject(subject) => SubjectGrant::key(subject, id).raw().clone(),
            GrantsOf::Client(client) => ClientGrant::key(client, id).raw().clone(),
        }
    }
}

/// What a person approved for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The client.
    pub client: ClientId,
    /// For which account, where there are accounts.
    pub account: Option<AccountId>,
    /// What.
    pub scope: Scope,
    /// When he last said so.
    pub at: Time,
}

/// Part of a list of what a person approved.
#[derive(Debug, Clone)]
pub struct ApprovalPage {
    /// What he approved.
    pub approvals: Vec<Approval>,
    /// Where to go on; `None` at the end.
    pub next: Option<RecordKey>,
}

/// Part of a list of grants.
#[derive(Debug, Clone)]
pub struct GrantPage {
    /// The grants, in no order that means anything.
    pub grants: Vec<Grant>,
    /// Where to go on; `None` at the end.
    pub next: Option<GrantId>,
}

impl Engine {
    /// A grant, if there is one.
    ///
    /// # Errors
    /// A fault.
    pub async fn grant(&self, id: GrantId) -> Result<Option<Grant>, EngineError> {
        let found = self.drive(Operation::Administer, load(Grant::key(id)).then(Step::done)).await?;
        Ok(found.map(|loaded| loaded.record))
    }

    /// Grants, at most `limit` of them. Costs one read for each, all at once.
    ///
    /// # Errors
    /// A fault.
    pub async fn grants(
        &self,
        of: GrantsOf<'_>,
        after: Option<GrantId>,
        limit: usize,
    ) -> Result<GrantPage, EngineError> {
        let after = after.map(|id| of.key(id));
        let page = self.list(&of.under(), after.as_ref(), limit).await?;
        let ids: Vec<GrantId> = page.keys.iter().filter_map(grant_of).collect();
        let found = try_join_all(ids.iter().map(|id| self.grant(*id))).await?;
        // A hint may dangle: what it points at was never written, or is gone.
        let grants = found.into_iter().flatten().collect();
        Ok(GrantPage { grants, next: ids.last().copied().filter(|_| page.more) })
    }

    /// What a person approved and has not taken back, at most `limit` of them: it is what he will not be asked for again,
    /// where the profile remembers, and may be there without a grant. Costs one read for each, all at once.
    ///
    /// # Errors
    /// A fault.
    pub async fn approvals(
        &self,
        subject: &SubjectId,
        after: Option<&RecordKey>,
        limit: usize,
    ) -> Result<ApprovalPage, EngineError> {
        let page = self.list(&Consent::under(subject), after, limit).await?;
        let reads = page.keys.iter().filter_map(Consent::about).map(async |(client, account)| {
            let found = load(Consent::key(subject, &client, account.as_ref())).then(Step::done);
            let found = self.drive(Operation::Administer, found).await?.map(|found| found.record);
            let standing = found.filter(|consent| !consent.withdrawn);
            Ok::<_, EngineError>(standing.map(|Consent { scope, at, .. }| Approval {
                client,
                account,
                scope,
                at,
            }))
        });
        let approvals = try_join_all(reads).await?.into_iter().flatten().collect();
        Ok(ApprovalPage { approvals, next: page.keys.into_iter().next_back().filter(|_| page.more) })
    }

    /// Takes back all that a person approved for a client, on every account, and ends every grant it has for him. Tells how
    /// many it ended. What is let pass meanwhile on what he approved before is over as well: it is written before it is let
    /// pass, so it is found here, or sees that nothing is approved any more.
    ///
    /// # Errors
    /// A fault: then some may not be over, and it can be called again.
    pub async fn withdraw(
        &self,
        subject: &SubjectId,
        client: &ClientId,
        cause: RevocationCause,
    ) -> Result<usize, EngineError> {
        let mut after: Option<RecordKey> = None;
        loop {
            let page = self.list(&Consent::under(subject), after.as_ref(), PAGE).await?;
            for (_, account) in page.keys.iter().filter_map(Consent::about).filter(|(of, _)| of == client) {
                let flow = flow::withdraw(self.context(), subject, client, account.as_ref());
                self.drive(Operation::Administer, flow).await?;
            }
            after = page.keys.into_iter().next_back().filter(|_| page.more);
            if after.is_none() {
                break;
            }
        }
        self.end_each(subject, Some(client), cause).await
    }

    /// Ends a grant and all its tokens. Tells whether there was such a grant and it was not over yet.
    ///
    /// # Errors
    /// A fault: then it may not be over.
    pub async fn revoke_grant(&self, id: GrantId, cause: RevocationCause) -> Result<bool, EngineError> {
        self.drive(Operation::Administer, flow::revoke_grant(self.context(), id, cause)).await
    }

    /// Ends every grant of a subject, and tells how many it ended. Where the subject is suspended as well, that must be
    /// written first: then no grant escapes both.
    ///
    /// # Errors
    /// A fault: then some may not be over, and it can be called again.
    pub async fn revoke_grants_of(
        &self,
        subject: &SubjectId,
        cause: RevocationCause,
    ) -> Result<usize, EngineError> {
        self.end_each(subject, None, cause).await
    }

    /// Ends the grants of a subject, or those that one client has.
    async fn end_each(
        &self,
        subject: &SubjectId,
        client: Option<&ClientId>,
        cause: RevocationCause,
    ) -> Result<usize, EngineError> {
        let mut after: Option<RecordKey> = None;
        let mut ended = 0;
        loop {
            let page = self.list(&SubjectGrant::under(subject), after.as_ref(), PAGE).await?;
            for id in page.keys.iter().filter_map(grant_of) {
                if let Some(client) = client
                    && self.grant(id).await?.is_none_or(|grant| grant.facts().client != *client)
                {
                    continue;
                }
                ended += usize::from(self.revoke_grant(id, cause).await?);
            }
            after = page.keys.into_iter().next_back().filter(|_| page.more);
            if after.is_none() {
                return Ok(ended);
            }
        }
    }
}

fn grant_of(key: &RecordKey) -> Option<GrantId> {
    // A hint names it in its second part, a grant's own key in its only one.
    key.second().unwrap_or_else(|| key.first()).parse().ok()
}
