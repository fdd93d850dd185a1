//! An application, and who has it.

use axum::http::HeaderMap;
use axum::response::Response;
use grantor_core::ClientId;
use grantor_engine::Registered;

use crate::apps::is_app;
use crate::browser::{self, Visitor};
use crate::named;
use crate::pages::Stop;
use crate::respond;
use crate::web::Shared;

/// An application of whoever is signed in. There is no other way to one.
pub(super) struct Own {
    pub(super) visitor: Visitor,
    pub(super) client: Registered,
}

impl Own {
    /// The application that a path names, or where to go for who is not signed in.
    pub(super) async fn of(
        app: &Shared,
        headers: &HeaderMap,
        segment: &str,
    ) -> Result<Result<Self, Response>, Stop> {
        match browser::visitor(app, headers).await? {
            Some(visitor) => Ok(Ok(Self::of_visitor(app, visitor, segment).await?)),
            None => Ok(Err(respond::see_other(&app.login_for("/apps"))?)),
        }
    }

    /// The same for who is. What is somebody else's is told from what is not there by nothing.
    pub(super) async fn of_visitor(app: &Shared, visitor: Visitor, segment: &str) -> Result<Self, Stop> {
        let id = named::id(segment).ok_or(Stop::NotFound)?;
        Self::called(app, visitor, &id).await
    }

    /// The same by its id.
    pub(super) async fn called(app: &Shared, visitor: Visitor, id: &ClientId) -> Result<Self, Stop> {
        let found = app.engine.owned(&visitor.session.user.subject, id).await?;
        let client = found.filter(|client| is_app(app, &client.metadata)).ok_or(Stop::NotFound)?;
        Ok(Self { visitor, client })
    }
}
