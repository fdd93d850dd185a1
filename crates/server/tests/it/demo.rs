//! `serve --demo`: what it prints works as it is printed.

use serde_json::Value;

use crate::world::{World, shell};

fn lines(printed: &str, beginning: &str) -> Vec<String> {
    printed.lines().filter(|line| line.starts_with(beginning)).map(str::to_owned).collect()
}

#[test]
fn the_printed_lines_work_as_printed_at_every_start() {
    let world = World::new();
    for _ in 0..2 {
        let server = world.serve(&["--demo"]);
        let printed = world.read("stdout");
        let [export, admin] = lines(&printed, "export ").try_into().unwrap();
        let [keep] = lines(&printed, "TOKEN=").try_into().unwrap();
        let [token, introspect, call, _redeem, clients] = lines(&printed, "curl ").try_into().unwrap();
        let token: Value = serde_json::from_str(&shell(&format!("{export}\n{token}"))).unwrap();
        assert!(token["access_token"].as_str().unwrap().starts_with("gra_at_"), "{token}");
        let worth: Value = serde_json::from_str(&shell(&format!("{export}\n{keep}\n{introspect}"))).unwrap();
        assert_eq!(worth["active"], true, "{worth}");
        let called: Value = serde_json::from_str(&shell(&format!("{export}\n{keep}\n{call}"))).unwrap();
        assert_eq!(called["hello"]["client"], "demo", "{called}");
        let clients: Value = serde_json::from_str(&shell(&format!("{admin}\n{clients}"))).unwrap();
        assert_eq!(clients["items"][0]["client_id"], "demo", "{clients}");
        let [_authorize, console] = lines(&printed, "http://").try_into().unwrap();
        assert_eq!(console, format!("{}/", server.admin()));
        assert_eq!(server.stop("-TERM").code(), Some(0));
    }
}

#[test]
fn the_browser_flow_ends_in_a_token() {
    let world = World::new();
    let server = world.serve(&["--json", "--demo"]);
    let started: Value = serde_json::from_str(&world.read("stdout")).unwrap();
    let demo = |name: &str| started["demo"][name].as_str().unwrap().to_owned();
    let jar = world.path("cookies");
    let browser = |rest: &str| shell(&format!("curl -sS -L -b {0} -c {0} {rest}", jar.display()));
    // The password is in the log-in form's body, as a browser sends it.
    let login = browser(&format!("'{}'", demo("authorize")));
    let fields = format!("-d username=demo --data-urlencode 'password={}'", demo("password"));
    let consent = browser(&format!("{} {fields} {}", hidden(&login), action(&login, server.public())));
    let approve = format!(
        "curl -sS -o /dev/null -w '%{{redirect_url}}' -b {0} -c {0} {1} -d decision=approve {2}",
        jar.display(),
        hidden(&consent),
        action(&consent, server.public())
    );
    let back = shell(&approve);
    assert!(back.starts_with("http://127.0.0.1:8090/callback?"), "{back}");
    let code = back.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).unwrap();
    let redeem = format!("{}\n{}", demo("export"), demo("redeem").replace("THE_CODE", code));
    let tokens: Value = serde_json::from_str(&shell(&redeem)).unwrap();
    assert!(tokens["refresh_token"].is_string(), "{tokens}");

    let refresh = tokens["refresh_token"].as_str().unwrap();
    let worth = world.run_with(&["--json", "token", "introspect", "-"], refresh).json();
    assert_eq!((&worth["active"], &worth["sub"]), (&true.into(), &"demo".into()));
    let grants = world.json(&["grant", "list", "--user", "demo"]);
    assert_eq!(grants[0]["state"], "active");
    let revoked = world.run_with(&["--json", "token", "revoke", "-"], refresh).json();
    assert_eq!(revoked["grant"], grants[0]["id"]);
    let access = tokens["access_token"].as_str().unwrap();
    let worth = world.run_with(&["--json", "token", "introspect", "-"], access).json();
    assert_eq!(worth["active"], false);
    let again = world.json(&["grant", "revoke", grants[0]["id"].as_str().unwrap()]);
    assert_eq!(again["revoked"], false, "it was over already");
    let disabled = world.json(&["user", "disable", "demo"]);
    assert_eq!(disabled["state"], "disabled");
}

/// The hidden fields of a page's last form, for curl.
fn hidden(page: &str) -> String {
    let inputs = page.split("<input").skip(1).filter(|input| input.contains("type=\"hidden\""));
    let field = |input: &str| {
        Some(format!("--data-urlencode '{}={}'", attribute(input, "name")?, attribute(input, "value")?))
    };
    let fields: Vec<_> = inputs.filter_map(field).collect();
    assert!(!fields.is_empty(), "no form: {page}");
    fields.join(" ")
}

fn action(page: &str, base: &str) -> String {
    let form = page.split("<form").last().unwrap();
    let action = attribute(form, "action").unwrap_or_else(|| panic!("no action: {page}"));
    if action.starts_with("http") { format!("'{action}'") } else { format!("'{base}{action}'") }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split('>').next()?.split_once(&format!("{name}=\""))?;
    Some(rest.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&"))
}

#[test]
fn a_client_of_somebody_else_is_left_alone() {
    let world = World::new();
    world.json(&["client", "create", "demo", "--grant-type", "client_credentials"]);
    let said = world.run(&["serve", "--demo"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("--demo did not make"), "{}", said.err);
}
