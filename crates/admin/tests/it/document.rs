//! The document and the router have the same operations, and the document is one.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use grantor_admin::{Caller, operations};
use serde_json::Value;

use crate::checked::Ask;
use crate::world::World;

fn document() -> Value {
    serde_json::from_str(grantor_admin::DOCUMENT).unwrap()
}

fn documented() -> Vec<(String, String, Value)> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let methods = item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters");
        methods.map(|(method, what)| (method.to_uppercase(), path.clone(), what.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

#[test]
fn every_route_is_in_the_document_and_the_other_way_round() {
    let routes: BTreeSet<_> = operations().into_iter().map(|o| (o.method, o.path.to_owned())).collect();
    let known: BTreeSet<_> = documented().into_iter().map(|(method, path, _)| (method, path)).collect();
    let public = BTreeSet::from([("GET".to_owned(), "/api/openapi.json".to_owned())]);
    assert_eq!(known, &routes | &public);
    assert!(!routes.is_empty());
}

#[tokio::test]
async fn every_documented_operation_is_routed() {
    let world = World::new().await;
    for (method, path, _) in documented() {
        let path = path.replace(['{', '}'], "");
        let ask = Ask::new(method.parse().unwrap(), &path).by(Caller::Operator).wrong();
        let code = world.send(ask).await.body["code"].clone();
        let detail = format!("{method} {path}: {code}");
        assert_ne!(code, "method_not_allowed", "{detail}");
    }
}

#[test]
fn each_operation_has_a_name_of_its_own_words_for_people_and_answers_for_strangers() {
    let mut names = BTreeSet::new();
    for (method, path, operation) in documented() {
        let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has no name"));
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        assert!(operation["summary"].is_string(), "{name}");
        let is_public = operation["security"].as_array().is_some_and(Vec::is_empty);
        for status in ["401", "403", "429"] {
            assert_eq!(operation["responses"][status].is_null(), is_public, "{name}: {status}");
        }
        if operation["requestBody"].is_object() {
            for status in ["400", "408", "413", "415"] {
                assert!(operation["responses"][status].is_object(), "{name}: {status}");
            }
        }
    }
}

#[test]
fn whatever_it_refers_to_is_there_and_whatever_is_there_is_referred_to() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    for kind in ["schemas", "responses", "parameters", "headers"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            let reference = format!("#/components/{kind}/{name}");
            assert!(found.contains(&reference), "{reference} is used nowhere");
        }
    }
}

#[test]
fn each_example_is_as_its_schema_says() {
    fn examples(value: &Value, place: &str, found: &mut Vec<(String, Value)>) {
        let Some(members) = value.as_object() else {
            if let Some(items) = value.as_array() {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(at, item)| examples(item, &format!("{place}/{at}"), found));
            }
            return;
        };
        if members.contains_key("schema") {
            let named = members.get("examples").and_then(Value::as_object).into_iter().flatten();
            let all = named.map(|(_, example)| &example["value"]).chain(members.get("example"));
            found.extend(all.map(|example| (format!("{place}/schema"), example.clone())));
        }
        for (name, value) in members {
            let name = name.replace('~', "~0").replace('/', "~1");
            examples(value, &format!("{place}/{name}"), found);
        }
    }
    let (whole, mut found) = (document(), Vec::new());
    examples(&whole, "", &mut found);
    assert!(found.len() > 5, "there are few examples: {}", found.len());
    for (place, example) in found {
        let mut schema = whole.clone();
        schema["$ref"] = format!("#{}", place.replace('{', "%7B").replace('}', "%7D")).into();
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        let wrong: Vec<_> = validator.iter_errors(&example).map(|e| e.to_string()).collect();
        assert!(wrong.is_empty(), "{place}: {wrong:?}: {example}");
    }
}

#[tokio::test]
async fn it_is_served_to_anybody() {
    let sent = World::new().await.send(Ask::new(Method::GET, "/api/openapi.json")).await;
    assert_eq!((sent.status, sent.body), (StatusCode::OK, document()));
}
