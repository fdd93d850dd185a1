//! Plain OAuth 2.0: one resource, which tells who asks.

use axum::http::StatusCode;
use axum::routing::MethodFilter;
use serde_json::json;

use super::{Api, Needs, Resource};

pub(super) const API: Api = Api {
    resources: &[Resource {
        method: MethodFilter::GET,
        path: "/demo/resource",
        needs: Needs::First,
        query_only: false,
        answer: |asked| {
            (StatusCode::OK, json!({"hello": asked.who(), "scope": asked.token.scope, "demo": true}))
        },
    }],
    example: ("", "/demo/resource"),
};
