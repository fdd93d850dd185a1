//! Flex: who acts, and for whom.

use axum::http::StatusCode;
use axum::routing::MethodFilter;
use serde_json::json;

use super::{Api, Needs, Resource};

pub(super) const API: Api = Api {
    resources: &[Resource {
        method: MethodFilter::GET,
        path: "/api/whoami",
        needs: Needs::Nothing,
        query_only: false,
        answer: |asked| {
            let (client, person) = (&asked.token.client, &asked.token.acting_as);
            (StatusCode::OK, json!({"clientId": client, "actsFor": person, "scope": asked.token.scope}))
        },
    }],
    example: ("-H 'actAsUserId: demo' ", "/api/whoami"),
};
