//! B: code injection, replay, concurrent redemption.

use std::sync::Arc;

use serde_json::json;

use crate::case::{Case, case};
use crate::http::{Asked, FORM, Told, form};
use crate::judge::{Outcome, broken, ensure, same};
use crate::place::{Kind, Settings, secret};
use crate::races::{all_at_once, only_one};
use crate::stage::{Stage, TOKEN, authorize, by, pair, redemption, redemption_fields, to};
use crate::wire::{again, answers, ends_nothing, grants, instead, requests};

pub(crate) fn cases() -> Vec<Case> {
    let redeems = |asked: &Asked| asked.field("grant_type").as_deref() == Some("authorization_code");
    vec![
        case("B01", "a_code_is_redeemed_once_and_its_replay_ends_what_it_gave", b01)
            .on(Kind::EVERY)
            .fails_if("a code can be redeemed again", again(redeems))
            .fails_if("a replay ends nothing", ends_nothing()),
        case("B03", "of_many_at_once_one_redeems_a_code", b03)
            .on(Kind::EVERY)
            .fails_if("two are granted it", grants(redeems))
            .fails_if("those who came late end nothing", ends_nothing()),
        case("B05", "a_code_lives_a_minute", b05)
            .on(WITH_CLOCK)
            .fails_if("the end of a code is not looked at", grants(redeems))
            .fails_by_setting("codes live longer", "GRANTOR__LIFETIMES__AUTHORIZATION_CODE", "5m"),
        case("B06", "a_code_is_worth_nothing_to_another_client", b06)
            .on(Kind::EVERY)
            .fails_if("whose code it is is not looked at", requests(as_web)),
        case("B08", "a_code_is_redeemed_with_the_redirect_uri_it_was_asked_for_with", b08)
            .on(Kind::EVERY)
            .fails_if(
                "the redirect URI is not compared",
                requests(|asked| {
                    if asked.field("redirect_uri").is_some() {
                        asked.set_field("redirect_uri", Some(to("web")));
                    }
                }),
            )
            .fails_if(
                "it may be left out",
                requests(|asked| {
                    if asked.field("code").is_some() && asked.field("redirect_uri").is_none() {
                        asked.set_field("redirect_uri", Some(to("web")));
                    }
                }),
            ),
        case("B09", "a_client_with_a_secret_needs_it_and_its_code_is_not_spent_without", b09)
            .on(Kind::EVERY)
            .fails_if("the client's id is enough", requests(as_itself))
            .fails_if(
                "the code is spent by the attempt",
                Arc::new(|asked, server| {
                    let told = server(&asked);
                    if told.status == 401 {
                        let mut proven = asked;
                        as_itself(&mut proven);
                        server(&proven);
                    }
                    told
                }),
            ),
        case("B10", "a_code_is_worth_nothing_once_its_client_or_its_person_is_gone", b10)
            .on(Kind::EVERY)
            .fails_if(
                "operators are obeyed later",
                instead(|asked| {
                    let ends = asked.method == "DELETE"
                        || asked.method == "PATCH"
                        || asked.path().ends_with("/disable");
                    ends.then(|| Told::json_of(200, &json!({})))
                }),
            ),
        case("B12", "codes_and_tokens_cannot_be_guessed", b12)
            .fails_if("tokens are numbered", answers(numbered))
            .fails_if("tokens are short", answers(|_, told| change_token(told, |token| token.truncate(20))))
            .fails_if("a token is given twice", again(|asked| asked.is("POST", TOKEN)))
            .fails_if("tokens need escaping", answers(|_, told| change_token(told, |token| token.push('+')))),
        case("B14", "a_code_is_not_redeemed_by_an_address_and_not_spent", b14)
            .on(Kind::EVERY)
            .fails_if("what the address says is taken", requests(from_the_address))
            .fails_if(
                "the code is spent by the attempt",
                Arc::new(|asked, server| {
                    let told = server(&asked);
                    let mut meant = asked;
                    from_the_address(&mut meant);
                    server(&meant);
                    told
                }),
            ),
        case("B15", "an_answer_that_nobody_read_is_not_given_again", b15)
            .on(Kind::EVERY)
            .fails_if("whoever asks again is granted it", grants(redeems))
            .fails_if(
                "what was given first stays alive",
                answers(|asked, told| {
                    if asked.path() == "/api/grants" {
                        told.body = told.body.replace("\"revoked\"", "\"active\"");
                    }
                }),
            ),
        case("B17", "an_approval_gives_one_code_however_often_it_is_sent", b17)
            .on(Kind::EVERY)
            .fails_if("a form can be sent twice", again(|asked| asked.path().ends_with("/decision"))),
    ]
}

/// Where there is a time of day to set.
pub(crate) const WITH_CLOCK: &[Kind] = &[Kind::Sqlite, Kind::Memory, Kind::Sled, Kind::Redis];

/// Whoever it is, the server takes him for `web`.
pub(crate) fn as_web(asked: &mut Asked) {
    if asked.path() == TOKEN {
        asked.drop_header("authorization");
        *asked = asked.clone().basic("web", &secret("web"));
    }
}

/// Whoever says that he is a client is taken for it.
fn as_itself(asked: &mut Asked) {
    let Some(client) = asked.field("client_id").filter(|_| asked.path() == TOKEN) else { return };
    asked.set_field("client_id", None);
    *asked = asked.clone().basic(&client, &secret(&client));
}

fn from_the_address(asked: &mut Asked) {
    if asked.path() == TOKEN && !asked.query().is_empty() {
        *asked = Asked::new("POST", TOKEN, asked.query())
            .header("Content-Type", FORM)
            .basic("web", &secret("web"));
    }
}

fn b01(stage: &Stage) -> Outcome {
    let code = stage.code("web")?;
    let given = pair(&stage.redeem("web", &code)?)?;
    for token in [&given.access, &given.refresh] {
        ensure!(stage.is_active("web", token)?, "what it gave is worth nothing from the start");
    }
    stage.redeem("web", &code)?.refused("the second time", &[400], &["invalid_grant"])?;
    for (what, token) in [("access", &given.access), ("refresh", &given.refresh)] {
        ensure!(!stage.is_active("web", token)?, "the {what} token outlives the replay");
    }
    stage.refresh("web", &given.refresh)?.refused("a refresh after the replay", &[400], &["invalid_grant"])
}

const ROUNDS: usize = 50;

fn b03(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    for _ in 0..ROUNDS {
        let code = stage.code_by(&mut alice, "web")?;
        let answers = all_at_once(&vec![redemption("web", &code); 32], &[stage.public()])?;
        let given = pair(&only_one(answers, "invalid_grant")?)?;
        let worth = [stage.is_active("web", &given.access)?, stage.is_active("web", &given.refresh)?];
        same("the worth of what the first got", &worth, &[false; 2])?;
    }
    Ok(())
}

fn b05(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings { by_clock: true, ..Settings::default() })?;
    let mut alice = stage.alice()?;
    let [in_time, late] = [stage.code_by(&mut alice, "web")?, stage.code_by(&mut alice, "web")?];
    stage.place().set_clock(50);
    pair(&stage.redeem("web", &in_time)?)?;
    stage.place().set_clock(61);
    stage.redeem("web", &late)?.refused("a second after its end", &[400], &["invalid_grant"])?;
    let mut check = stage.place().command(&["check-config"]);
    let longer = check.env("GRANTOR__LIFETIMES__AUTHORIZATION_CODE", "601s").output();
    let code = longer.map_err(|e| broken(e.to_string()))?.status.code();
    same("a lifetime of more than ten minutes ends the check with", &code, &Some(2))
}

fn b06(stage: &Stage) -> Outcome {
    let code = stage.code("web")?;
    let stolen = stage.send(&by("web2", TOKEN, &redemption_fields("web", &code)))?;
    stolen.refused("another client with a right secret", &[400], &["invalid_grant"])
}

fn b08(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    for other in ["https://app.test/cb/", "https://app2.test/cb", "https://evil.test/cb", "x", ""] {
        let code = stage.code_by(&mut alice, "web")?;
        let mut asked = redemption("web", &code);
        asked.set_field("redirect_uri", (!other.is_empty()).then_some(other));
        stage.send(&asked)?.refused(other, &[400], &["invalid_grant", "invalid_request"])?;
    }
    Ok(())
}

fn b09(stage: &Stage) -> Outcome {
    let code = stage.code("web")?;
    let mut unproven = Asked::post(TOKEN, &redemption_fields("web", &code));
    unproven.set_field("client_id", Some("web"));
    stage.send(&unproven)?.refused("without its secret", &[401], &["invalid_client"])?;
    let told = stage.redeem("web", &code)?;
    ensure!(told.status == 200, "the code is spent: {told}");
    Ok(())
}

fn b10(stage: &Stage) -> Outcome {
    let refused =
        |what: &str, told: Told| told.refused(what, &[400, 401], &["invalid_grant", "invalid_client"]);
    for delete in [false, true] {
        let client = stage.register("web", &json!({}))?;
        let code = stage.code(&client)?;
        let path = format!("/api/clients/{client}");
        if delete {
            stage.operate("DELETE", &path, None)?;
        } else {
            stage.operate("PATCH", &path, Some(&json!({"disabled": true})))?;
        }
        refused(&format!("its client is gone, deleted: {delete}"), stage.redeem(&client, &code)?)?;
        let user = stage.join("user")?;
        let code = stage.code_by(&mut stage.browser().logged_in(&user)?, "web")?;
        let path = format!("/api/users/{user}");
        if delete {
            stage.operate("DELETE", &path, None)?;
        } else {
            stage.operate("POST", &format!("{path}/disable"), None)?;
        }
        refused(&format!("its person is gone, deleted: {delete}"), stage.redeem("web", &code)?)?;
    }
    Ok(())
}

fn change_token(told: &mut Told, change: impl Fn(&mut String)) {
    let mut value = told.value();
    if let Some(mut token) = value["access_token"].as_str().map(str::to_owned) {
        change(&mut token);
        value["access_token"] = token.into();
        told.body = value.to_string();
    }
}

fn numbered(_: &Asked, told: &mut Told) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static LAST: AtomicU32 = AtomicU32::new(0);
    let number = LAST.fetch_add(1, Ordering::Relaxed);
    change_token(told, |token| *token = format!("gra_at_0123456789abcdefghij{number:08}xyz"));
}

/// How many of each.
const MANY: usize = 1_000;

fn b12(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    let (mut codes, mut access, mut refresh) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..MANY / 20 {
        let code = stage.code_by(&mut alice, "web")?;
        let given = pair(&stage.redeem("web", &code)?)?;
        codes.push(code);
        refresh.push(given.refresh);
        access.push(given.access);
    }
    // What is plain already need not be waited for.
    cannot_be_guessed("access tokens", &access)?;
    while access.len() < MANY {
        access.push(stage.own_token("svc")?);
    }
    cannot_be_guessed("access tokens", &access)?;
    cannot_be_guessed("codes", &codes)?;
    cannot_be_guessed("refresh tokens", &refresh)
}

/// Each begins as all do, and goes on for at least 128 bits (22 characters of 64) in which any two differ as chance has it.
fn cannot_be_guessed(what: &str, all: &[String]) -> Outcome {
    let first = all.first().ok_or_else(|| broken("there are none"))?;
    let common = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let prefix = all.iter().skip(1).map(|other| common(first, other)).min().unwrap_or(0);
    let sorted: std::collections::BTreeSet<_> = all.iter().collect();
    ensure!(sorted.len() == all.len(), "of {what} some were given twice");
    for token in all {
        let plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        ensure!(plain, "{what} need escaping: {token}");
        ensure!(token.len() >= prefix + 22, "{what} are short: {token}");
    }
    for (one, next) in all.iter().zip(all.iter().skip(1)) {
        let differ = one.bytes().zip(next.bytes()).skip(prefix).filter(|(a, b)| a != b).count();
        ensure!(differ >= 22, "of {what} two have much in common: {one} {next}");
    }
    Ok(())
}

fn b14(stage: &Stage) -> Outcome {
    let code = stage.code("web")?;
    let target = format!("{TOKEN}?{}", form(&redemption_fields("web", &code)));
    for asked in [Asked::get(&target), Asked::post(&target, &[])] {
        let told = stage.send(&asked.basic("web", &secret("web")))?;
        told.refused("parameters in the address", &[400, 405], &["invalid_request", ""])?;
    }
    let told = stage.redeem("web", &code)?;
    ensure!(told.status == 200, "the code is spent: {told}");
    Ok(())
}

fn b15(stage: &Stage) -> Outcome {
    let user = stage.join("user")?;
    let code = stage.code_by(&mut stage.browser().logged_in(&user)?, "web")?;
    let asked = redemption("web", &code);
    asked
        .hold(&stage.public())
        .and_then(crate::http::Held::abandon)
        .ok_or_else(|| broken("no answer came"))?;
    stage.send(&asked)?.refused("asked again", &[400], &["invalid_grant"])?;
    let grants = stage.operate("GET", &format!("/api/grants?user={user}"), None)?.must(200)?.value();
    let grants = grants["items"].as_array().ok_or_else(|| broken("no list of grants"))?;
    ensure!(!grants.is_empty(), "the grant is not there at all");
    let live = grants.iter().filter(|grant| grant["state"] == "active").count();
    ensure!(live == 0, "{live} sets of tokens are alive");
    Ok(())
}

fn b17(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    // A public client is asked about each time.
    let page = alice.get(&authorize("spa", &[]))?.must(200)?;
    let approve = [("decision", "approve")];
    let first = alice.submit(&page, &approve)?.code()?;
    let second = alice.submit(&page, &approve)?;
    ensure!(second.parameter("code").is_none(), "the same form gave a second code");
    second.error_page("the old form")?;
    pair(&stage.redeem("spa", &first)?).map(drop)
}
