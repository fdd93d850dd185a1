//! Support work on grants.

use grantor_core::flow;
use grantor_core::grant::{Grant, RevocationCause, SubjectGrant};
use grantor_core::record::{Kind, RecordKey, Under};
use grantor_core::step::{Step, load};
use grantor_core::{GrantId, SubjectId};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Operation;

/// How many hints are read at a time.
const PAGE: usize = 200;

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

    /// Grants, of one subject or of all, at most `limit` of them. Costs one read for each.
    ///
    /// # Errors
    /// A fault.
    pub async fn grants(
        &self,
        of: Option<&SubjectId>,
        after: Option<GrantId>,
        limit: usize,
    ) -> Result<GrantPage, EngineError> {
        let (under, after) = match of {
            Some(subject) => {
                (SubjectGrant::under(subject), after.map(|id| SubjectGrant::key(subject, id).raw().clone()))
            }
            None => (Under::Kind(Kind::Grant), after.map(|id| Grant::key(id).raw().clone())),
        };
        let page = self.list(&under, after.as_ref(), limit).await?;
        let mut grants = Vec::new();
        let mut last = None;
        for key in page.keys {
            let Some(id) = grant_of(&key) else { continue };
            // A hint may dangle: what it points at was never written, or is gone.
            grants.extend(self.grant(id).await?);
            last = Some(id);
        }
        Ok(GrantPage { grants, next: last.filter(|_| page.more) })
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
        let mut after: Option<RecordKey> = None;
        let mut ended = 0;
        loop {
            let page = self.list(&SubjectGrant::under(subject), after.as_ref(), PAGE).await?;
            for id in page.keys.iter().filter_map(grant_of) {
                ended += usize::from(self.revoke_grant(id, cause).await?);
            }
            after = page.keys.last().cloned();
            if !page.more || after.is_none() {
                return Ok(ended);
            }
        }
    }
}

fn grant_of(key: &RecordKey) -> Option<GrantId> {
    // A hint names it in its second part, a grant's own key in its only one.
    key.second().unwrap_or_else(|| key.first()).parse().ok()
}
