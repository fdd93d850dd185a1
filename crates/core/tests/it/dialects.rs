//! What services differ in, each as the rule that it is.

use grantor_core::client::{AccessTokenFormat, AuthMethod, Client, GrantType, ResponseType};
use grantor_core::flow::{self, Asked, AuthorizationAnswer, Examined, Question};
use grantor_core::profile::{Field, RedirectField};
use grantor_core::request::{
    Approver, ApproverAccount, Choice, ClientCredentials, ClientProof, DecisionRequest, GrantRequest,
    Presenter, TokenRequest,
};
use grantor_core::{Lifetime, Page, Profile, Reason, RefreshMode, Scope, Secret, SecretHash, Time};

use crate::world::{CALLBACK, VERIFIER, World, code_grant, parameter, query, secret_of, session};

fn scope(text: &str) -> Scope {
    text.parse().unwrap()
}

// ---- accounts ----

/// Alice, who is known by name and manages these accounts.
fn alice(accounts: &[&str]) -> Approver {
    let account = |id: &&str| ApproverAccount {
        id: id.parse().unwrap(),
        name: Some(format!("Account {id}")),
        url: Some(format!("https://{id}.accounts.test")),
        role: "manager".to_owned(),
        oauth_enabled: true,
    };
    Approver {
        subject: "alice".parse().unwrap(),
        name: Some("Alice".to_owned()),
        email: Some("alice@example.test".to_owned()),
        accounts: accounts.iter().map(account).collect(),
    }
}

fn put_before(w: &mut World, scope: &str, approver: &Approver) -> Asked {
    let Ok(Examined::Proceed { request, .. }) = w.examine(&query("web", scope)) else {
        panic!("not let pass")
    };
    w.put_before(request, approver.clone())
}

/// Alice is asked for which account, and says.
fn choose(w: &mut World, scope: &str, approver: &Approver, account: &str) -> Result<Asked, Reason> {
    let Asked::Account(question) = put_before(w, scope, approver) else { panic!("not asked which account") };
    let handle = question.opened.handle;
    let account = account.parse().unwrap();
    w.ask(|ctx| flow::choose_account(ctx, handle, session(), approver.clone(), account))
}

fn decide(
    w: &mut World,
    handle: &Secret,
    approver: &Approver,
    account: Option<&str>,
) -> Result<AuthorizationAnswer, Reason> {
    let request = DecisionRequest {
        handle: handle.clone(),
        session: session(),
        approver: approver.clone(),
        account: account.map(|id| id.parse().unwrap()),
        choice: Choice::Approve { scope: None },
    };
    w.ask(|ctx| flow::decide(ctx, request))
}

fn asked(asked: Asked) -> Question {
    match asked {
        Asked::Decision(question) => question,
        Asked::Account(_) | Asked::Answered(_) => panic!("not asked to decide"),
    }
}

fn answered(asked: Asked) -> AuthorizationAnswer {
    match asked {
        Asked::Answered(answer) => answer,
        Asked::Account(_) | Asked::Decision(_) => panic!("asked, and not answered"),
    }
}

#[test]
fn where_a_grant_is_about_an_account_the_answer_says_which_and_who_approved() {
    let mut w = World::of_dialect("wistia", |_| {});
    let alice = alice(&["35", "36"]);
    let question = asked(choose(&mut w, "read", &alice, "35").unwrap());
    assert_eq!(question.account.as_ref().map(|id| id.as_str()), Some("35"));
    assert_eq!((question.scope.as_str(), question.already.as_str()), ("read", ""));
    let answer = decide(&mut w, &question.opened.handle, &alice, None).unwrap();
    let location = answer.location.expose();
    for (name, value) in [
        ("account_id", "35"),
        ("account_name", "Account 35"),
        ("account_url", "https://35.accounts.test"),
        ("contact_id", "alice"),
        ("contact_name", "Alice"),
        ("contact_email", "alice@example.test"),
        ("state", "s1"),
    ] {
        assert_eq!(parameter(location, name).as_deref(), Some(value), "{name}");
    }
    let code = Secret::new(parameter(location, "code").unwrap());
    let token = w.redeem("web", &code).unwrap().access_token;
    let live = w.check(&token, scope("read"), None).unwrap();
    assert_eq!(live.account.as_ref().map(|id| id.as_str()), Some("35"));
}

#[test]
fn an_approval_is_remembered_for_the_account_it_was_for() {
    let mut w = World::of_dialect("wistia", |_| {});
    let alice = alice(&["35", "36"]);
    let question = asked(choose(&mut w, "read", &alice, "35").unwrap());
    decide(&mut w, &question.opened.handle, &alice, None).unwrap();

    let answer = answered(choose(&mut w, "read", &alice, "35").unwrap());
    let code = parameter(answer.location.expose(), "code").expect("he approved all of it before");
    assert!(w.redeem("web", &Secret::new(code)).is_ok());
    let part = asked(choose(&mut w, "read+write", &alice, "35").unwrap());
    assert_eq!((part.scope.as_str(), part.already.as_str()), ("write", "read"));
    let other = asked(choose(&mut w, "read", &alice, "36").unwrap());
    assert_eq!((other.scope.as_str(), other.already.as_str()), ("read", ""), "nothing of the other account");

    // What was granted on the part is both.
    let answer = decide(&mut w, &part.opened.handle, &alice, None).unwrap();
    let code = Secret::new(parameter(answer.location.expose(), "code").unwrap());
    assert_eq!(w.redeem("web", &code).unwrap().scope.as_str(), "read write");
}

#[test]
fn a_request_that_was_let_pass_by_the_choice_of_an_account_waits_no_more() {
    let mut w = World::of_dialect("wistia", |_| {});
    let alice = alice(&["35", "36"]);
    let question = asked(choose(&mut w, "read", &alice, "35").unwrap());
    decide(&mut w, &question.opened.handle, &alice, None).unwrap();
    let Asked::Account(question) = put_before(&mut w, "read", &alice) else { panic!("not asked which") };
    let choose = |w: &mut World, account: &str| {
        let (handle, account) = (question.opened.handle.clone(), account.parse().unwrap());
        w.ask(|ctx| flow::choose_account(ctx, handle, session(), alice.clone(), account))
    };
    answered(choose(&mut w, "35").unwrap());
    assert_eq!(choose(&mut w, "36").err(), Some(Reason::InteractionOver));
}

#[test]
fn who_may_choose_has_the_account_that_he_names_and_the_request_ends_if_he_does_not() {
    let mut w = World::of_dialect("wistia", |_| {});
    let alice = alice(&["35", "36"]);
    let Asked::Account(question) = put_before(&mut w, "read", &alice) else { panic!("not asked which") };
    // All that is asked for is shown with the choice.
    assert_eq!((question.scope.as_str(), question.account.is_none()), ("read", true));
    let handle = question.opened.handle;
    let stranger = "37".parse().unwrap();
    let refused = w.ask(|ctx| flow::choose_account(ctx, handle.clone(), session(), alice.clone(), stranger));
    assert_eq!(answered(refused.unwrap()).refusal.unwrap().reason, Reason::AccountMissing);
    let own = "35".parse().unwrap();
    let again = w.ask(|ctx| flow::choose_account(ctx, handle, session(), alice.clone(), own));
    assert_eq!(again.err(), Some(Reason::InteractionOver));
}

#[test]
fn an_only_account_is_taken_as_chosen_and_is_looked_at_again_when_he_decides() {
    let mut w = World::of_dialect("wistia", |_| {});
    let alice = alice(&["35"]);
    let refusal = |answer: AuthorizationAnswer| answer.refusal.map(|refusal| refusal.reason);
    let question = asked(put_before(&mut w, "read", &alice));
    assert_eq!(question.account.as_ref().map(|id| id.as_str()), Some("35"));
    let change = |change: fn(&mut ApproverAccount)| {
        let mut alice = alice.clone();
        alice.accounts.iter_mut().for_each(change);
        alice
    };
    for (approver, reason) in [
        (change(|account| account.oauth_enabled = false), Some(Reason::AccountClosed)),
        (change(|account| account.role = "viewer".to_owned()), Some(Reason::RoleNotEnough)),
        (Approver { accounts: Vec::new(), ..alice.clone() }, Some(Reason::AccountMissing)),
        (alice.clone(), None),
    ] {
        let mut w = w.clone();
        let answer = decide(&mut w, &question.opened.handle, &approver, None).unwrap();
        assert_eq!(refusal(answer), reason);
    }
    // An account that the page's form names does not take the place of the one that was asked about.
    let two = Approver { accounts: self::alice(&["35", "36"]).accounts, ..alice.clone() };
    let answer = decide(&mut w, &question.opened.handle, &two, Some("36")).unwrap();
    assert_eq!(parameter(answer.location.expose(), "account_id").as_deref(), Some("35"));
}

#[test]
fn without_a_chosen_account_the_decision_names_one_or_there_is_no_grant() {
    let mut w = World::of_dialect("wistia", |_| {});
    let alice = alice(&["35", "36"]);
    for (named, account, reason) in [
        (None, None, Some(Reason::AccountMissing)),
        (Some("37"), None, Some(Reason::AccountMissing)),
        (Some("36"), Some("36"), None),
    ] {
        let Asked::Account(question) = put_before(&mut w, "read", &alice) else { panic!("not asked which") };
        let answer = decide(&mut w, &question.opened.handle, &alice, named).unwrap();
        assert_eq!(parameter(answer.location.expose(), "account_id").as_deref(), account, "{named:?}");
        assert_eq!(answer.refusal.map(|refusal| refusal.reason), reason, "{named:?}");
    }
}

#[test]
fn any_role_may_approve_where_none_is_named_and_no_account_is_asked_for_where_there_are_none() {
    let mut w = World::of_dialect("wistia", |p| p.approval.roles.clear());
    let mut viewer = alice(&["35"]);
    viewer.accounts[0].role = "viewer".to_owned();
    asked(put_before(&mut w, "read", &viewer));
    let mut w = World::new(|_| {});
    let question = asked(put_before(&mut w, "read", &viewer));
    assert_eq!(question.account, None, "the profile has no accounts");
}

// ---- what an answer says ----

#[test]
fn what_an_answer_has_nothing_to_say_of_it_leaves_out() {
    use RedirectField as F;
    let every = [
        F::Code,
        F::AccessToken,
        F::TokenType,
        F::ExpiresIn,
        F::Scope,
        F::State,
        F::Iss,
        F::ClientId,
        F::AccountId,
        F::AccountName,
        F::AccountUrl,
        F::SubjectId,
        F::SubjectName,
        F::SubjectEmail,
        F::Error,
        F::ErrorDescription,
    ];
    let fields =
        || every.iter().map(|source| Field { name: format!("{source:?}"), source: *source }).collect();
    let mut w = World::new(|p| {
        p.approval.remember = false;
        p.grant_types.insert(GrantType::Implicit);
        p.response_types.insert(ResponseType::Token);
        p.authorization.code_answer = fields();
        p.authorization.token_answer = fields();
        p.authorization.error_answer = fields();
    });
    let named = |location: &str| {
        let said = every.iter().map(|source| format!("{source:?}"));
        said.filter(|name| parameter(location, name).is_some()).collect::<Vec<_>>().join(" ")
    };
    let code = query("web", "read");
    let token = format!("client_id=web&redirect_uri={CALLBACK}&response_type=token&scope=read");
    let approve = || Choice::Approve { scope: None };
    let location = w.decide(&code, approve()).unwrap();
    assert_eq!(named(&location), "Code State Iss ClientId SubjectId");
    assert_eq!(parameter(&location, "SubjectId").as_deref(), Some("alice"));
    let location = w.decide(&token, approve()).unwrap();
    assert_eq!(named(&location), "AccessToken TokenType ExpiresIn Scope Iss ClientId SubjectId");
    let location = w.decide(&code, Choice::Deny).unwrap();
    assert_eq!(named(&location), "State Iss ClientId Error ErrorDescription");
    assert_eq!(parameter(&location, "ClientId").as_deref(), Some("web"));
}

#[test]
fn what_never_ends_has_no_expires_in_and_a_scope_of_nothing_is_not_said() {
    let mut w = World::new(|p| {
        p.grant_types.insert(GrantType::Implicit);
        p.response_types.insert(ResponseType::Token);
        p.lifetimes.access_token = Lifetime::FOREVER;
        p.lifetimes.grant = None;
    });
    w.register("bare", |m| {
        m.scope = Scope::none();
        m.default_scope = None;
    });
    let asked = format!("client_id=bare&redirect_uri={CALLBACK}&response_type=token");
    let location = w.decide(&asked, Choice::Approve { scope: None }).unwrap();
    assert_eq!((parameter(&location, "expires_in"), parameter(&location, "scope")), (None, None));
    let token =
        Secret::new(parameter(&location, "access_token").expect("nothing was asked, and that is granted"));
    w.pass(3_000_000_000);
    assert!(w.is_live(&token));
}

#[test]
fn a_client_is_told_its_scope_in_the_way_it_is_registered_for() {
    use grantor_core::profile::ScopeEncoding;
    let mut w = World::new(|p| p.token.scope = ScopeEncoding::List);
    w.register("commas", |m| m.token_response_scope = Some(ScopeEncoding::Commas));
    for (client, scope) in
        [("web", serde_json::json!(["read", "write"])), ("commas", serde_json::json!("read,write"))]
    {
        let answer = w.token(client, GrantRequest::ClientCredentials { scope: None }).unwrap();
        let body: serde_json::Value =
            serde_json::from_slice(&grantor_core::wire::token_body(&answer, &w.profile)).unwrap();
        assert_eq!(body["scope"], scope, "{client}");
    }
}

#[test]
fn a_client_chooses_the_page_that_people_see_first() {
    let mut w = World::of_dialect("webmaker", |_| {});
    for (said, page) in
        [("", None), ("&action=signin", Some(Page::SignIn)), ("&action=signup", Some(Page::SignUp))]
    {
        let Ok(Examined::Proceed { request, .. }) = w.examine(&format!("{}{said}", query("web", "read")))
        else {
            panic!("not let pass: {said}")
        };
        assert_eq!(request.page(), page, "{said}");
        assert_eq!(request.client().as_str(), "web");
    }
}

#[test]
fn unknown_scopes_are_passed_over_as_long_as_one_is_known() {
    let known = |p: &mut Profile| {
        let text = Profile::preset("webmaker").unwrap();
        p.scopes = Profile::from_toml(text, &[], "standard", p.issuer.clone()).unwrap().scopes;
    };
    let register = |w: &mut World| {
        w.register("maker", |m| {
            m.scope = scope("user email");
            m.default_scope = None;
        });
    };
    let itself = |w: &mut World, asked: &str| {
        let grant = GrantRequest::ClientCredentials { scope: Some(scope(asked)) };
        w.token("maker", grant).map(|answer| answer.scope.to_string())
    };
    let mut w = World::new(|_| {});
    w.reconfigure(known);
    w.reconfigure(|p| p.authorization.ignore_unknown_scope = true);
    register(&mut w);
    assert_eq!(itself(&mut w, "user nuclear").as_deref(), Ok("user"));
    assert_eq!(itself(&mut w, "nuclear"), Err(Reason::ScopeNotAllowed), "nothing known is left");
    assert_eq!(itself(&mut w, "user projects"), Err(Reason::ScopeNotAllowed), "known, and not the client's");
    w.reconfigure(|p| p.authorization.ignore_unknown_scope = false);
    assert_eq!(itself(&mut w, "user nuclear"), Err(Reason::ScopeNotAllowed));
}

#[test]
fn who_logs_out_is_led_to_the_clients_own_uri_and_nowhere_else() {
    let mut w = World::of_dialect("webmaker", |_| {});
    w.register("two", |m| m.redirect_uris.push(serde_json::from_value("https://app.test/2".into()).unwrap()));
    w.register("off", |m| m.disabled = true);
    for client in ["web", "two"] {
        assert_eq!(w.ask(|ctx| flow::leave(ctx, client)).unwrap(), format!("{CALLBACK}?logout=true"));
    }
    for client in ["off", "rs", "nobody", "\u{e9}"] {
        assert_eq!(w.ask(|ctx| flow::leave(ctx, client)), Err(Reason::ClientUnknown), "{client}");
    }
    w.reconfigure(|p| p.name = "another".to_owned());
    assert_eq!(w.ask(|ctx| flow::leave(ctx, "web")), Err(Reason::ClientUnknown), "another profile's");
}

// ---- passwords ----

#[test]
fn a_password_stands_in_for_the_clients_secret_where_the_profile_says_so_and_only_there() {
    let password = || GrantRequest::Password { subject: Some("alice".parse().unwrap()), scope: None };
    let ask = |w: &mut World, proof: ClientProof, grant: GrantRequest| {
        let client = ClientCredentials { client: "web".parse().unwrap(), proof };
        w.request(TokenRequest { client: client.into(), grant }).map(|_| ())
    };
    let mut w = World::of_dialect("webmaker", |_| {});
    assert_eq!(ask(&mut w, ClientProof::None, password()), Ok(()));
    // One that is given is held against those that are registered all the same.
    let wrong = ClientProof::Post(secret_of("other"));
    assert_eq!(ask(&mut w, wrong, password()), Err(Reason::ClientSecretWrong));
    let itself = GrantRequest::ClientCredentials { scope: None };
    assert_eq!(ask(&mut w, ClientProof::None, itself), Err(Reason::ClientMethodWrong));
    w.reconfigure(|p| p.clients.danger_password_without_secret = false);
    assert_eq!(ask(&mut w, ClientProof::None, password()), Err(Reason::ClientMethodWrong));
}

#[test]
fn a_password_gives_no_more_than_the_client_may_have() {
    let mut w = World::of_dialect("webmaker", |_| {});
    let ask = |w: &mut World, asked: &str| {
        let subject = Some("alice".parse().unwrap());
        w.token("web", GrantRequest::Password { subject, scope: Some(scope(asked)) })
    };
    assert_eq!(ask(&mut w, "read nuclear").err(), Some(Reason::ScopeNotAllowed));
    let answer = ask(&mut w, "read").unwrap();
    assert_eq!((answer.scope.as_str(), answer.refresh_token.is_none()), ("read", true));
    assert_eq!(answer.subject.as_ref().map(|subject| subject.as_str()), Some("alice"));
    let live = w.check(&answer.access_token, scope("read"), None).unwrap();
    assert_eq!(live.grant, answer.grant, "there is a grant that he can end");
}

// ---- JWTs ----

#[test]
fn a_jwt_ends_with_a_whole_second_where_what_is_left_of_it_is_told() {
    for (dialect, left) in [("flex", 3599), ("api-video", 3600)] {
        let mut w = World::of_dialect(dialect, |_| {});
        w.now = Time::from_unix_millis(w.now.unix_millis() + 500);
        let answer = w.token("web", GrantRequest::ClientCredentials { scope: None }).unwrap();
        assert_eq!(answer.expires_in(), left, "{dialect}");
        assert!(answer.jti.is_some());
        // Whatever is told, it ends when its claim says, in whole seconds.
        w.now = Time::from_unix_millis(1_800_003_599_999);
        assert!(w.is_live(&answer.access_token), "{dialect}");
        w.now = Time::from_unix_millis(1_800_003_600_000);
        assert!(!w.is_live(&answer.access_token), "{dialect}");
    }
    // A reference token ends when it ends.
    let mut w = World::of_dialect("flex", |p| p.access_token.format = AccessTokenFormat::Reference);
    w.now = Time::from_unix_millis(w.now.unix_millis() + 500);
    let answer = w.token("web", GrantRequest::ClientCredentials { scope: None }).unwrap();
    assert_eq!((answer.expires_in(), answer.jti), (3600, None));
}

#[test]
fn a_shared_key_is_one_profiles_alone() {
    let mut w = World::of_dialect("flex", |_| {});
    let token = w.token("web", GrantRequest::ClientCredentials { scope: None }).unwrap().access_token;
    assert!(token.expose().starts_with("JWT-of-standard."), "{}", token.expose());
    assert!(w.is_live(&token));
    let mut other = w.clone();
    other.reconfigure(|p| p.name = "another".to_owned());
    assert!(!other.is_live(&token));
}

#[test]
fn a_client_that_wants_jwts_gets_them_where_others_get_references() {
    let mut w = World::new(|_| {});
    w.register("jwt", |m| m.access_token_format = Some(AccessTokenFormat::Jwt));
    for (client, jwt) in [("web", false), ("jwt", true)] {
        let code = w.approve(client, "read");
        let answer = w.redeem(client, &code).unwrap();
        assert_eq!(answer.jti.is_some(), jwt, "{client}");
        let live = w.check(&answer.access_token, scope("read"), None).unwrap();
        assert_eq!((live.client.as_str(), live.grant), (client, answer.grant));
    }
}

// ---- what a client may do by itself ----

#[test]
fn a_client_acts_for_whom_it_may_where_the_profile_has_that() {
    let mut w = World::of_dialect("flex", |_| {});
    w.register("tool", |m| m.act_as = Some(["bob".parse().unwrap()].into()));
    let act = |w: &mut World, client: &str, person: &str| {
        let token = w.token(client, GrantRequest::ClientCredentials { scope: None }).unwrap().access_token;
        w.check(&token, Scope::none(), Some(person.parse().unwrap()))
    };
    let live = act(&mut w, "tool", "bob").unwrap();
    assert_eq!(live.acting_as.as_ref().map(|person| person.as_str()), Some("bob"));
    assert_eq!(live.subject, None, "it acts for him, and does not speak for him");
    assert_eq!(act(&mut w, "tool", "carol").err(), Some(Reason::ActingNotAllowed));
    assert!(act(&mut w, "web", "carol").is_ok(), "for anybody, if nobody is named");
    w.reconfigure(|p| p.resource.act_as_header = None);
    assert_eq!(act(&mut w, "tool", "bob").err(), Some(Reason::ActingNotAllowed));
}

#[test]
fn permissions_are_those_that_are_registered_now_and_a_persons_token_has_none() {
    let mut w = World::of_dialect("brightcove", |_| {});
    let permission =
        r#"[{"type":"video-cloud-account","identifier":57,"actions":["video-cloud/video/read"]}]"#;
    w.register("tool", |m| m.permissions = serde_json::from_str(permission).unwrap());
    let token = w.token("tool", GrantRequest::ClientCredentials { scope: None }).unwrap().access_token;
    let (account, operation) =
        ("57".parse().unwrap(), grantor_core::Operation::parse("video-cloud/video/read").unwrap());
    let live = w.check(&token, Scope::none(), None).unwrap();
    assert!(live.permits(&account, &operation));
    let code = w.approve("tool", "read");
    let of_alice = w.redeem("tool", &code).unwrap().access_token;
    assert!(!w.check(&of_alice, Scope::none(), None).unwrap().permits(&account, &operation));
    // Whoever asks is told the same, and what is taken away is gone at once.
    let told = |w: &mut World, asker: &str| match w.introspect(asker, &token) {
        flow::Introspection::AccessToken(live) => live.permits(&account, &operation),
        other => panic!("{other:?}"),
    };
    assert!(told(&mut w, "tool") && told(&mut w, "rs"));
    w.rewrite(&Client::key(&"tool".parse().unwrap()), |mut client| {
        client.metadata.permissions = grantor_core::Permissions::none();
        client
    });
    assert!(!w.check(&token, Scope::none(), None).unwrap().permits(&account, &operation));
    assert!(!told(&mut w, "tool") && !told(&mut w, "rs"));
}

// ---- API keys ----

fn key() -> Secret {
    Secret::new("a key that somebody was given once")
}

fn by_key(key: &Secret) -> TokenRequest {
    TokenRequest { client: Presenter::ApiKey(key.clone()), grant: GrantRequest::ApiKey }
}

fn by_bearer(token: &Secret) -> TokenRequest {
    let grant = GrantRequest::RefreshToken { refresh_token: token.clone(), scope: None };
    TokenRequest { client: Presenter::Bearer, grant }
}

#[test]
fn an_api_key_gives_tokens_that_speak_for_its_owner_or_for_itself() {
    for owner in [Some("alice"), None] {
        let mut w = World::of_dialect("api-video", |_| {});
        let id = w.register_key(&key(), |m| m.owner = owner.map(|name| name.parse().unwrap()));
        let answer = w.request(by_key(&key())).unwrap();
        let live = w.check(&answer.access_token, Scope::none(), None).unwrap();
        assert_eq!(live.client, id);
        assert_eq!(live.subject.as_ref().map(|s| s.as_str()), Some(owner.unwrap_or(id.as_str())));
        assert_eq!((live.grant, live.scope.as_str()), (answer.grant, "admin read write"));
    }
}

#[test]
fn a_key_is_worth_nothing_to_a_client_that_may_not_use_it() {
    let mut w = World::of_dialect("api-video", |_| {});
    w.register_key(&key(), |m| m.grant_types = [GrantType::RefreshToken].into());
    assert_eq!(w.request(by_key(&key())).err(), Some(Reason::GrantTypeNotAllowed));
}

#[test]
fn a_suspended_owners_key_gives_no_tokens_and_passes_nowhere() {
    let mut w = World::of_dialect("api-video", |_| {});
    w.register_key(&key(), |_| {});
    let show = |w: &mut World| w.ask(|ctx| flow::check_api_key(ctx, key(), scope("read"), None));
    assert!(show(&mut w).is_ok());
    w.suspend("alice");
    assert_eq!(w.request(by_key(&key())).err(), Some(Reason::SubjectSuspended));
    assert_eq!(show(&mut w).err(), Some(Reason::TokenInvalid));
    // A key that is nobody's speaks for no person who could be suspended.
    let nobodys = Secret::new("a key that has no owner at all");
    w.register_key(&nobodys, |m| m.owner = None);
    let live = w.ask(|ctx| flow::check_api_key(ctx, nobodys.clone(), scope("read"), None)).unwrap();
    assert_eq!((live.subject, live.grant), (None, None));
}

#[test]
fn one_pair_of_tokens_lives_for_each_key() {
    let mut w = World::of_dialect("api-video", |_| {});
    w.register_key(&key(), |_| {});
    let first = w.request(by_key(&key())).unwrap();
    let second = w.request(by_key(&key())).unwrap();
    assert_eq!(first.grant, second.grant);
    let refresh = |answer: &flow::TokenAnswer| answer.refresh_token.clone().unwrap();
    assert_eq!(w.request(by_bearer(&refresh(&first))).err(), Some(Reason::RefreshTokenUnknown));
    assert!(w.is_live(&first.access_token), "an access token lives out its time");
    let third = w.request(by_bearer(&refresh(&second))).unwrap();
    assert!(w.is_live(&second.access_token) && w.is_live(&third.access_token));
    assert_eq!(w.request(by_bearer(&refresh(&second))).err(), Some(Reason::RefreshTokenReplaced));
}

#[test]
fn a_bearers_refresh_token_counts_while_its_client_is_one_of_this_profile_that_has_keys() {
    let prepared = || {
        let mut w = World::of_dialect("api-video", |_| {});
        let id = w.register_key(&key(), |_| {});
        let token = w.request(by_key(&key())).unwrap().refresh_token.unwrap();
        (w, Client::key(&id), token)
    };
    let (mut w, _, token) = prepared();
    assert!(w.request(by_bearer(&token)).is_ok());
    let changes: [fn(&mut Client); 3] = [
        |client| client.metadata.disabled = true,
        |client| client.metadata.profile = "another".to_owned(),
        |client| client.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretBasic,
    ];
    for change in changes {
        let (mut w, record, token) = prepared();
        w.rewrite(&record, |mut client| {
            change(&mut client);
            client
        });
        assert_eq!(w.request(by_bearer(&token)).err(), Some(Reason::RefreshTokenUnknown));
        assert_eq!(w.request(by_key(&key())).err(), Some(Reason::ApiKeyWrong));
        let shown = w.ask(|ctx| flow::check_api_key(ctx, key(), Scope::none(), None));
        assert_eq!(shown.err(), Some(Reason::TokenInvalid));
    }
    // A client that has a secret must show it: its refresh token alone says nothing of who holds it.
    let mut w = World::of_dialect("api-video", |_| {});
    w.reconfigure(|p| {
        p.response_types.insert(ResponseType::Code);
        p.refresh = RefreshMode::Reuse;
    });
    let code = w.approve("web", "read");
    let token = w.redeem("web", &code).unwrap().refresh_token.unwrap();
    assert_eq!(w.request(by_bearer(&token)).err(), Some(Reason::RefreshTokenUnknown));
    assert!(w.refresh("web", &token, None).is_ok());
}

#[test]
fn a_key_that_was_replaced_is_over_when_its_time_is() {
    let mut w = World::of_dialect("api-video", |_| {});
    let id = w.register_key(&key(), |_| {});
    let (now, limits) = (w.now, w.profile.limits);
    let fresh = SecretHash::of_strong(&Secret::new("another key, which names another client"));
    w.rewrite(&Client::key(&id), |client| {
        client.with_new_secret(fresh, now, now + Lifetime::seconds(60), &limits)
    });
    w.pass(59);
    assert!(w.request(by_key(&key())).is_ok());
    w.pass(1);
    assert_eq!(w.request(by_key(&key())).err(), Some(Reason::ApiKeyWrong));
}

/// A key that somebody else chose and that could be guessed is kept slowly. Its client's id is derived from it under the
/// server's key, which nobody could guess.
#[test]
fn a_key_that_is_kept_slowly_is_proven_by_the_name_it_gives() {
    let mut w = World::of_dialect("api-video", |_| {});
    let weak = Secret::new("weak key");
    let id = w.register_key(&weak, |_| {});
    w.give_secret(&id, SecretHash::Argon2id("slow".to_owned()));
    assert!(w.request(by_key(&weak)).is_ok());
    assert_eq!(w.request(by_key(&Secret::new("weak kez"))).err(), Some(Reason::ApiKeyWrong));
}

#[test]
fn a_key_is_no_token_where_the_profile_does_not_say_so() {
    let mut w = World::of_dialect("api-video", |p| p.resource.danger_api_key_as_token = false);
    w.register_key(&key(), |_| {});
    let shown = w.ask(|ctx| flow::check_api_key(ctx, key(), Scope::none(), None));
    assert_eq!(shown.err(), Some(Reason::TokenMissing));
}

#[test]
fn a_query_may_be_added_to_a_uri_where_the_profile_says_so() {
    let mut w = World::of_dialect("wistia", |p| p.approval.account = false);
    let added = format!("{CALLBACK}?session=1");
    let asked = query("web", "read").replace(CALLBACK, "https%3A%2F%2Fapp.test%2Fcb%3Fsession%3D1");
    let location = w.decide(&asked, Choice::Approve { scope: None }).unwrap();
    assert!(location.starts_with(&format!("{added}&code=")), "{location}");
    let code = Secret::new(parameter(&location, "code").unwrap());
    assert!(w.token("web", code_grant(&code, Some(&added), Some(VERIFIER))).is_ok());
}
