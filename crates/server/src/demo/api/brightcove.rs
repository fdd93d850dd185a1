//! Brightcove: the videos of an account, for whom an operation on that account was given to.

use axum::http::StatusCode;
use axum::routing::MethodFilter;
use grantor_core::{AccountId, LiveAccessToken, Operation};
use serde_json::json;

use super::{Api, Needs, Resource};

pub(super) const API: Api = Api {
    resources: &[Resource {
        method: MethodFilter::GET,
        path: "/v1/accounts/{account}/videos",
        // Its tokens permit operations on accounts, and no scopes.
        needs: Needs::Nothing,
        query_only: false,
        answer: |asked| {
            let account = asked.part("account");
            if !permits(asked.token, account, "video-cloud/video/read") {
                return (StatusCode::FORBIDDEN, json!([{"error_code": "ACCESS_DENIED"}]));
            }
            let by = &asked.token.client;
            (StatusCode::OK, json!([{"id": "1", "account_id": account, "name": "Welcome", "asked_by": by}]))
        },
    }],
    example: ("", "/v1/accounts/35/videos"),
};

/// Whether a token permits an operation on an account: as its client is registered now.
fn permits(token: &LiveAccessToken, account: &str, operation: &str) -> bool {
    match (AccountId::parse(account), Operation::parse(operation)) {
        (Ok(account), Ok(operation)) => token.permits(&account, &operation),
        (_, Err(_)) | (Err(_), _) => false,
    }
}
