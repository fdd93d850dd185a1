//! Wistia: media and statistics to read, and an upload that takes a token from the query alone.

use axum::http::StatusCode;
use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::{Answer, Api, Asked, Needs, Resource, not_found};

const MEDIA: &[(u32, &str, &str)] = &[(1, "a1b2c3d4e5", "Welcome"), (2, "f6g7h8i9j0", "How it works")];

pub(super) const API: Api = Api {
    resources: &[
        Resource {
            method: MethodFilter::GET,
            path: "/v1/medias.json",
            needs: Needs::OneOf(&["media:read"]),
            query_only: false,
            answer: |asked| (StatusCode::OK, MEDIA.iter().map(|media| shown(media, &asked)).collect()),
        },
        // Whoever may upload may look at what he uploaded: one by its hashed id, and no list of them.
        Resource {
            method: MethodFilter::GET,
            path: "/v1/medias/{file}",
            needs: Needs::OneOf(&["media:read", "media:upload"]),
            query_only: false,
            answer: show,
        },
        Resource {
            method: MethodFilter::GET,
            path: "/v1/stats/account.json",
            needs: Needs::OneOf(&["stats:read"]),
            query_only: false,
            answer: |asked| {
                (StatusCode::OK, json!({"load_count": 12, "play_count": 7, "account": asked.token.account}))
            },
        },
        Resource {
            method: MethodFilter::POST,
            path: "/upload",
            needs: Needs::OneOf(&["media:upload"]),
            query_only: true,
            answer: |asked| {
                let answer =
                    json!({"id": 3, "hashed_id": "k1l2m3n4o5", "bytes": asked.body.len(), "by": asked.who()});
                (StatusCode::OK, answer)
            },
        },
    ],
    example: ("", "/v1/medias.json"),
};

fn show(asked: Asked<'_>) -> Answer {
    let hashed = asked.part("file").strip_suffix(".json");
    let found = MEDIA.iter().find(|(_, known, _)| hashed == Some(*known));
    found.map_or_else(not_found, |media| (StatusCode::OK, shown(media, &asked)))
}

fn shown((id, hashed_id, name): &(u32, &str, &str), asked: &Asked<'_>) -> Value {
    json!({"id": id, "name": name, "hashed_id": hashed_id, "account": asked.token.account})
}
