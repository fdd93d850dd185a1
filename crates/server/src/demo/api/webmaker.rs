//! Webmaker: making a project, which takes its scope of that name. Who somebody is, the server tells by itself.

use axum::http::StatusCode;
use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::{Api, Needs, Resource};

pub(super) const API: Api = Api {
    resources: &[Resource {
        method: MethodFilter::POST,
        path: "/projects",
        needs: Needs::OneOf(&["projects"]),
        query_only: false,
        answer: |asked| {
            let Ok(id) = crate::files::random_hex(4) else {
                return (StatusCode::SERVICE_UNAVAILABLE, Value::Null);
            };
            let title = asked.text("title").unwrap_or_else(|| "Untitled".to_owned());
            (StatusCode::CREATED, json!({"id": id, "title": title, "author": asked.token.subject}))
        },
    }],
    example: ("-d title=Hello ", "/projects"),
};
