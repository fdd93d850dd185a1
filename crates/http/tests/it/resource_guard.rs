//! Who passes at a resource, and for whom.

use axum::http::Request;
use axum::http::request::Parts;
use grantor_core::client::ClientMetadata;
use grantor_core::{Operation, Profile, Scope};
use grantor_http::{Guard, Settings};

use crate::support::*;

fn preset(name: &str) -> Profile {
    let issuer = ISSUER.parse().unwrap();
    Profile::from_toml(Profile::preset(name).unwrap(), &[], name, issuer).unwrap()
}

struct Flex {
    server: Server,
    guard: Guard,
    token: String,
}

const SCOPE: &str = "client_credentials_default_scope";

async fn flex(change: impl FnOnce(&mut ClientMetadata)) -> Flex {
    let server = bare_server(preset("flex"), Settings::default()).await;
    let mut client = ClientMetadata::new("reviewer".parse().unwrap());
    client.profile = "flex".to_owned();
    client.grant_types = [grantor_core::client::GrantType::ClientCredentials].into();
    client.scope = SCOPE.parse().unwrap();
    change(&mut client);
    let secret = server.engine.register_client(client, None).await.unwrap().unwrap();
    let header = [("authorization", basic("reviewer", secret.expose()))];
    let header: Vec<_> = header.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let answer = server.post("/oauth/token", &header, &[("grant_type", "client_credentials")]).await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let guard = Guard::new(server.engine.clone()).users(server.directory.clone());
    Flex { server, guard, token }
}

impl Flex {
    fn request(&self, headers: &[(&str, &str)]) -> Parts {
        let authorization = format!("Bearer {}", self.token);
        let request = Request::get("/assets").header("authorization", authorization);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    /// For whom such a request passes, or the status of the answer it gets.
    async fn acts(&self, headers: &[(&str, &str)]) -> Result<Option<String>, u16> {
        let required = Scope::parse(SCOPE).unwrap();
        let passed = self.guard.clone().require(required).check(&self.request(headers)).await;
        passed.map(|live| live.acting_as.map(|p| p.to_string())).map_err(|answer| answer.status().as_u16())
    }
}

#[tokio::test]
async fn a_client_acts_for_people_whom_there_are() {
    let flex = flex(|_| {}).await;
    assert_eq!(flex.acts(&[]).await, Ok(None));
    assert_eq!(flex.acts(&[("actAsUserId", "alice")]).await, Ok(Some("alice".to_owned())));
    assert_eq!(flex.acts(&[("ACTASUSERID", "bob")]).await, Ok(Some("bob".to_owned())));
    for nobody in ["nobody", "a b", "\u{e9}"] {
        assert_eq!(flex.acts(&[("actAsUserId", nobody)]).await, Err(403), "{nobody}");
    }
    assert_eq!(flex.acts(&[("actAsUserId", "alice"), ("actAsUserId", "bob")]).await, Err(403));
    let alice = "alice".parse().unwrap();
    flex.server.directory.disable_user(&alice, flex.server.engine.now()).await.unwrap().unwrap();
    assert_eq!(flex.acts(&[("actAsUserId", "alice")]).await, Err(403));
}

#[tokio::test]
async fn a_client_with_a_list_acts_for_nobody_else() {
    let flex = flex(|client| client.act_as = Some(["bob".parse().unwrap()].into())).await;
    assert_eq!(flex.acts(&[("actAsUserId", "bob")]).await, Ok(Some("bob".to_owned())));
    assert_eq!(flex.acts(&[("actAsUserId", "alice")]).await, Err(403));
    assert_eq!(flex.acts(&[]).await, Ok(None));
}

#[tokio::test]
async fn whom_there_is_is_told_to_nobody_without_a_token() {
    let flex = flex(|_| {}).await;
    let mut told = Vec::new();
    for person in ["alice", "nobody"] {
        for header in [None, Some("Bearer nonsense")] {
            let request =
                header.iter().fold(Request::get("/"), |r, header| r.header("authorization", *header));
            let parts = request.header("actAsUserId", person).body(()).unwrap().into_parts().0;
            let refused = flex.guard.check(&parts).await.unwrap_err();
            told.push((header, refused.status().as_u16(), refused.headers()["www-authenticate"].clone()));
        }
    }
    assert_eq!(told[..2], told[2..]);
    assert!(told.iter().all(|(_, status, _)| *status == 401));
}

#[tokio::test]
async fn a_token_needs_the_scope_and_ends_with_its_hour() {
    let flex = flex(|_| {}).await;
    let more = Scope::parse("more").unwrap();
    let refused = flex.guard.clone().require(more).check(&flex.request(&[])).await.unwrap_err();
    assert_eq!(refused.status(), 403);
    flex.server.clock.pass(3599);
    assert_eq!(flex.acts(&[]).await, Ok(None));
    flex.server.clock.pass(1);
    assert_eq!(flex.acts(&[]).await, Err(401));
}

#[tokio::test]
async fn permissions_are_those_that_are_registered_now() {
    let server = bare_server(preset("brightcove"), Settings::default()).await;
    let mut client = ClientMetadata::new("app".parse().unwrap());
    client.profile = "brightcove".to_owned();
    client.grant_types = [grantor_core::client::GrantType::ClientCredentials].into();
    let permissions = |text: &str| serde_json::from_str::<grantor_core::Permissions>(text).unwrap();
    client.permissions = permissions(r#"[{"type":"t","identifier":57,"actions":["v/player/all"]}]"#);
    let secret = server.engine.register_client(client, None).await.unwrap().unwrap();
    let authorization = basic("app", secret.expose());
    let header = [("authorization", authorization.as_str())];
    let answer = server.post("/v4/access_token", &header, &[("grant_type", "client_credentials")]).await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let guard = Guard::new(server.engine.clone()).users(server.directory.clone());
    let permits = async |account: &str, operation: &str| {
        let request = Request::get("/").header("authorization", format!("Bearer {token}"));
        let live = guard.check(&request.body(()).unwrap().into_parts().0).await.unwrap();
        live.permits(&account.parse().unwrap(), &Operation::parse(operation).unwrap())
    };
    assert!(permits("57", "v/player/update").await);
    assert!(!permits("58", "v/player/update").await && !permits("57", "v/video/read").await);
    let narrow = permissions(r#"[{"type":"t","identifier":57,"actions":["v/player/read"]}]"#);
    let id = "app".parse().unwrap();
    server.engine.update_client(&id, |client| client.permissions = narrow.clone()).await.unwrap();
    assert!(permits("57", "v/player/read").await && !permits("57", "v/player/update").await);
    // Deleted, the token is worth nothing at once.
    assert!(server.engine.delete_client(&id).await.unwrap());
    let request = Request::get("/").header("authorization", format!("Bearer {token}"));
    let refused = guard.check(&request.body(()).unwrap().into_parts().0).await.unwrap_err();
    assert_eq!(refused.status(), 401);
}
