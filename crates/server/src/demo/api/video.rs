//! api.video: as much of `/videos` as its own client libraries need to list, make, fill and delete one.

use axum::http::StatusCode;
use axum::routing::MethodFilter;
use serde_json::{Value, json};

use super::{Answer, Api, Asked, Needs, Resource, not_found};

const TIME: &str = "2026-01-01T00:00:00+00:00";

pub(super) const API: Api = Api {
    resources: &[
        resource(MethodFilter::GET, "/videos", list),
        resource(MethodFilter::POST, "/videos", create),
        resource(MethodFilter::GET, "/videos/{id}", |asked| {
            let found = asked.shelf.one(asked.token.client.as_str(), asked.part("id"));
            found.map_or_else(not_found, |video| (StatusCode::OK, video))
        }),
        resource(MethodFilter::DELETE, "/videos/{id}", |asked| {
            let removed = asked.shelf.remove(asked.token.client.as_str(), asked.part("id"));
            if removed { (StatusCode::NO_CONTENT, Value::Null) } else { not_found() }
        }),
        resource(MethodFilter::POST, "/videos/{id}/source", |asked| {
            let found = asked.shelf.one(asked.token.client.as_str(), asked.part("id"));
            found.map_or_else(not_found, |video| (StatusCode::CREATED, video))
        }),
    ],
    example: ("", "/videos"),
};

/// Its tokens have no scopes.
const fn resource(method: MethodFilter, path: &'static str, answer: fn(Asked<'_>) -> Answer) -> Resource {
    Resource { method, path, needs: Needs::Nothing, query_only: false, answer }
}

fn list(asked: Asked<'_>) -> Answer {
    let videos = asked.shelf.all(asked.token.client.as_str());
    let count = videos.len();
    let links: Vec<Value> = ["self", "first", "last"]
        .iter()
        .map(|rel| json!({"rel": rel, "uri": "/videos?currentPage=1&pageSize=25"}))
        .collect();
    let pagination = json!({
        "currentPage": 1, "pageSize": 25, "pagesTotal": 1, "itemsTotal": count, "currentPageItems": count,
        "links": links,
    });
    (StatusCode::OK, json!({"data": videos, "pagination": pagination}))
}

fn create(asked: Asked<'_>) -> Answer {
    let Some(title) = asked.text("title").filter(|title| !title.is_empty() && title.len() <= 200) else {
        let problem = json!({
            "type": "https://docs.api.video/docs/attributerequired", "title": "This attribute is required.",
            "name": "title", "status": 400,
        });
        return (StatusCode::BAD_REQUEST, problem);
    };
    let Ok(id) = crate::files::random_hex(12) else { return (StatusCode::SERVICE_UNAVAILABLE, Value::Null) };
    let id = format!("vi{id}");
    let base = "https://embed.example.test/vod";
    let video = json!({
        "videoId": id, "title": title, "description": asked.text("description").unwrap_or_default(),
        "public": true, "panoramic": false, "mp4Support": true,
        "publishedAt": TIME, "createdAt": TIME, "updatedAt": TIME, "tags": [], "metadata": [],
        "source": {"uri": format!("/videos/{id}/source")},
        "assets": {
            "iframe": format!("<iframe src=\"{base}/{id}\"></iframe>"), "player": format!("{base}/{id}"),
            "hls": format!("{base}/{id}/hls/manifest.m3u8"), "thumbnail": format!("{base}/{id}/thumbnail.jpg"),
            "mp4": format!("{base}/{id}/mp4/source.mp4"),
        },
    });
    asked.shelf.put(asked.token.client.as_str(), &id, video.clone());
    (StatusCode::CREATED, video)
}
