//! H: refresh rotation, replay, family, grace window.

use std::sync::Arc;

use crate::b::{WITH_CLOCK, as_web};
use crate::backend::Backend;
use crate::case::{Case, case, with};
use crate::http::{Asked, Told};
use crate::judge::{Found, Outcome, broken, ensure, same};
use crate::place::{Kind, Settings, lock, secret};
use crate::races::{all_at_once, only_one};
use crate::stage::{Pair, REVOKE, Stage, TOKEN, by, pair, refreshing};
use crate::wire::{again, answers, ends_nothing, grants, instead, requests};

pub(crate) fn cases() -> Vec<Case> {
    let refreshes = |asked: &Asked| asked.field("grant_type").as_deref() == Some("refresh_token");
    let acknowledged =
        || instead(|asked| asked.path().ends_with(REVOKE).then(|| Told::new(200, "application/json", "")));
    vec![
        case("H01", "a_public_clients_refresh_token_is_replaced_and_its_replay_ends_the_family", h01)
            .on(Kind::EVERY)
            .fails_if("the token is not replaced", answers(keep_refresh_token))
            .fails_if("an old token is taken", again(refreshes))
            .fails_if("its replay ends nothing", ends_nothing()),
        case("H02", "a_refresh_token_is_worth_nothing_to_another_client", h02)
            .on(Kind::EVERY)
            .fails_if("whose token it is is not looked at", requests(as_web))
            .fails_if(
                "the attempt ends it",
                Arc::new(|asked, server| {
                    let told = server(&asked);
                    if told.error() == "invalid_grant" {
                        revoke_too(&asked, server);
                    }
                    told
                }),
            ),
        case("H03", "a_wider_scope_is_refused_and_the_token_stays", h03)
            .on(Kind::EVERY)
            .fails_if(
                "the scope is not looked at",
                requests(move |asked| {
                    if refreshes(asked) {
                        asked.set_field("scope", None);
                    }
                }),
            )
            .fails_if(
                "the attempt ends it",
                Arc::new(|asked, server| {
                    let told = server(&asked);
                    if told.error() == "invalid_scope" {
                        revoke_too(&asked, server);
                    }
                    told
                }),
            ),
        case("H04", "a_narrower_scope_is_for_the_access_token_alone", h04)
            .on(Kind::EVERY)
            .fails_if(
                "it is not narrowed",
                requests(|asked| {
                    if asked.field("scope").as_deref() == Some("read") {
                        asked.set_field("scope", None);
                    }
                }),
            )
            .fails_if(
                "the grant is narrowed as well",
                requests(move |asked| {
                    if refreshes(asked) && asked.field("scope").is_none() {
                        asked.set_field("scope", Some("read"));
                    }
                }),
            )
            .fails_if(
                "more than the grant is given",
                requests(|asked| {
                    if asked.field("scope").is_some_and(|scope| scope.contains("admin")) {
                        asked.set_field("scope", None);
                    }
                }),
            ),
        case("H05", "without_grace_of_many_at_once_one_uses_a_refresh_token", h05)
            .on(Kind::EVERY)
            .fails_if("two are granted it", grants(refreshes))
            .fails_if("there is some grace", again(refreshes))
            .fails_if("those who came late end nothing", ends_nothing()),
        case("H06", "within_the_grace_many_at_once_go_on_with_one_token", h06)
            .on(Kind::EVERY)
            .fails_by_setting("there is no grace", "GRANTOR__REFRESH__GRACE", "0")
            .fails_if("all tokens of the family live on", ends_nothing()),
        case("H09", "a_lost_answer_is_given_again_within_the_grace", h09).on(Kind::EVERY).fails_by_setting(
            "there is no grace",
            "GRANTOR__REFRESH__GRACE",
            "0",
        ),
        case("H12", "revoking_a_refresh_token_ends_all_there_is", h12)
            .on(Kind::EVERY)
            .fails_if("a revocation is acknowledged and not made", acknowledged())
            .fails_if(
                "access tokens live on",
                answers(|asked, told| {
                    if asked.field("token").is_some_and(|token| token.starts_with("gra_at_"))
                        && asked.path() != REVOKE
                    {
                        told.body = told.body.replace("false", "true");
                    }
                }),
            ),
        case("H14", "a_refresh_token_ends_by_disuse_and_by_age_to_the_second", h14)
            .on(WITH_CLOCK)
            .fails_if("ends are not looked at", grants(refreshes))
            .fails_by_setting("grants have no age", "GRANTOR__LIFETIMES__GRANT", "never")
            .fails_by_setting("disuse does not count", "GRANTOR__LIFETIMES__REFRESH_TOKEN", "never"),
        case("H16", "nothing_at_rest_is_worth_anything", h16)
            .on(&[Kind::Sqlite, Kind::Sled, Kind::Redis])
            .fails_if(
                "what is kept is given",
                answers(|asked, told| {
                    if asked.path() == TOKEN && told.status == 200 {
                        let mut value = told.value();
                        // Kept, as everybody's address is.
                        value["access_token"] = "alice@example.test".into();
                        told.body = value.to_string();
                    }
                }),
            ),
        case("H18", "a_client_that_may_not_refresh_gets_nothing_to_refresh_with", h18)
            .on(Kind::EVERY)
            .fails_if(
                "everybody gets one",
                answers(|asked, told| {
                    if asked.path() == TOKEN && told.status == 200 {
                        told.body = told.body.replacen('{', "{\"refresh_token\":\"gra_rt_forged\",", 1);
                    }
                }),
            )
            .fails_if(
                "it is not looked at who may",
                requests(move |asked| {
                    if refreshes(asked) {
                        as_web(asked);
                    }
                }),
            ),
        case("H19", "after_a_revocation_and_a_refresh_at_once_nothing_is_left", h19)
            .on(Kind::EVERY)
            .fails_if("a revocation is acknowledged and not made", acknowledged()),
    ]
}

fn keep_refresh_token(asked: &Asked, told: &mut Told) {
    let mut value = told.value();
    if let (Some(old), true) = (asked.field("refresh_token"), value["refresh_token"].is_string()) {
        value["refresh_token"] = old.into();
        told.body = value.to_string();
    }
}

/// The token that somebody tried is revoked.
fn revoke_too(asked: &Asked, server: crate::wire::Server<'_>) {
    let token = asked.field("refresh_token").unwrap_or_default();
    server(&by("web", REVOKE, &[("token", &token)]));
}

fn h01(stage: &Stage) -> Outcome {
    let client = "strictspa";
    let first = stage.grant(client)?;
    let second = pair(&stage.refresh(client, &first.refresh)?)?;
    ensure!(first.refresh != second.refresh, "the refresh token stays the same");
    ensure!(stage.is_active(client, &second.refresh)?, "the new one is worth nothing");
    stage.refresh(client, &first.refresh)?.refused("the old one", &[400], &["invalid_grant"])?;
    for token in [&second.refresh, &second.access, &first.access] {
        ensure!(!stage.is_active(client, token)?, "a token of the family outlives the replay");
    }
    stage.refresh(client, &second.refresh)?.refused(
        "the newest, after the replay",
        &[400],
        &["invalid_grant"],
    )
}

fn h02(stage: &Stage) -> Outcome {
    let given = stage.grant("web")?;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", given.refresh.as_str())];
    stage.token("web2", &fields)?.refused("another client", &[400], &["invalid_grant"])?;
    let told = stage.refresh("web", &given.refresh)?;
    ensure!(told.status == 200, "its own client cannot use it any more: {told}");
    Ok(())
}

fn refresh_for(stage: &Stage, token: &str, scope: &str) -> Result<Told, Found> {
    stage.token("web", &[("grant_type", "refresh_token"), ("refresh_token", token), ("scope", scope)])
}

fn h03(stage: &Stage) -> Outcome {
    let given = stage.grant("web")?;
    let wider = refresh_for(stage, &given.refresh, "read write admin")?;
    wider.refused("a wider scope", &[400], &["invalid_scope"])?;
    let told = stage.refresh("web", &given.refresh)?;
    ensure!(told.status == 200, "the token cannot be used any more: {told}");
    Ok(())
}

fn h04(stage: &Stage) -> Outcome {
    let given = stage.grant("web")?;
    let narrow = refresh_for(stage, &given.refresh, "read")?.must(200)?;
    let scope = stage.introspect("web", &narrow.text("access_token")?)?["scope"].clone();
    same("the scope of the narrowed token", &scope, &"read".into())?;
    let whole = stage.refresh("web", &narrow.text("refresh_token")?)?.must(200)?;
    let scope = stage.introspect("web", &whole.text("access_token")?)?["scope"].clone();
    same("the scope of the next, asked for without one", &scope, &"read write".into())?;
    let narrow = refresh_for(stage, &whole.text("refresh_token")?, "write")?.must(200)?;
    let back = refresh_for(stage, &narrow.text("refresh_token")?, "write read")?.must(200)?;
    let beyond = refresh_for(stage, &back.text("refresh_token")?, "read admin")?;
    beyond.refused("beyond the grant", &[400], &["invalid_scope"])
}

const ROUNDS: usize = 50;

fn grant_by(stage: &Stage, alice: &mut crate::browser::Browser, client: &str) -> Result<Pair, Found> {
    pair(&stage.redeem(client, &stage.code_by(alice, client)?)?)
}

fn h05(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    for _ in 0..ROUNDS {
        let old = grant_by(stage, &mut alice, "strict")?;
        let answers = all_at_once(&vec![refreshing("strict", &old.refresh); 32], &[stage.public()])?;
        let new = pair(&only_one(answers, "invalid_grant")?)?;
        for token in [&old.access, &old.refresh, &new.access, &new.refresh] {
            ensure!(!stage.is_active("strict", token)?, "the family outlives those who came late");
        }
    }
    Ok(())
}

fn h06(stage: &Stage) -> Outcome {
    let old = stage.grant("web")?;
    let answers = all_at_once(&vec![refreshing("web", &old.refresh); 16], &[stage.public()])?;
    let mut kept = Vec::new();
    for told in &answers {
        ensure!(told.status == 200, "one of them was refused: {told}");
        kept.push(pair(told)?.refresh);
    }
    let next = pair(&stage.refresh("web", &kept[7])?)?;
    kept.extend([old.refresh, next.refresh]);
    kept.sort();
    kept.dedup();
    let mut live = 0;
    for token in &kept {
        live += usize::from(stage.is_active("web", token)?);
    }
    same("refresh tokens alive", &live, &1)
}

fn h09(stage: &Stage) -> Outcome {
    let old = stage.grant("web")?;
    let asked = refreshing("web", &old.refresh);
    asked
        .hold(&stage.public())
        .and_then(crate::http::Held::abandon)
        .ok_or_else(|| broken("no answer came"))?;
    let told = stage.send(&asked)?;
    ensure!(told.status == 200, "whoever lost the answer is refused: {told}");
    let given = pair(&told)?;
    ensure!(stage.is_active("web", &given.access)?, "what he gets is worth nothing");
    pair(&stage.refresh("web", &given.refresh)?).map(drop)
}

fn h12(stage: &Stage) -> Outcome {
    let first = stage.grant("web")?;
    let second = pair(&stage.refresh("web", &first.refresh)?)?;
    stage.revoke("web", &second.refresh)?.must(200)?;
    for token in [&first.access, &second.access, &second.refresh] {
        ensure!(!stage.is_active("web", token)?, "a token outlives the revocation");
    }
    stage.refresh("web", &second.refresh)?.refused("a refresh", &[400], &["invalid_grant"])
}

fn h14(stage: &Stage) -> Outcome {
    let lifetimes = "[lifetimes]\nrefresh_token = \"100s\"\ngrant = \"250s\"\naccess_token = \"50s\"\n";
    let stage = stage.own(Settings { by_clock: true, ..with(lifetimes) })?;
    let mut alice = stage.alice()?;
    let mut used = grant_by(&stage, &mut alice, "web")?;
    let unused = grant_by(&stage, &mut alice, "web")?;
    // A second more has passed than the clock says, at most.
    stage.place().set_clock(97);
    used = pair(&stage.refresh("web", &used.refresh)?)?;
    stage.place().set_clock(101);
    stage.refresh("web", &unused.refresh)?.refused("after disuse", &[400], &["invalid_grant"])?;
    stage.place().set_clock(190);
    used = pair(&stage.refresh("web", &used.refresh)?)?;
    stage.place().set_clock(246);
    used = pair(&stage.refresh("web", &used.refresh)?)?;
    stage.place().set_clock(251);
    stage.refresh("web", &used.refresh)?.refused("at the grant's age", &[400], &["invalid_grant"])?;
    ensure!(!stage.is_active("web", &used.refresh)?, "it is said to be alive");
    Ok(())
}

fn h16(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let code = stage.code("web")?;
    let first = pair(&stage.redeem("web", &code)?)?;
    let waiting = stage.code("web")?;
    let second = pair(&stage.refresh("web", &first.refresh)?)?;
    let own = stage.own_token("svc")?;
    let folder = match lock(&stage.place().backend).as_ref() {
        Some(Backend::Redis(redis)) => redis.folder().to_owned(),
        _ => stage.place().world.path("grantor-data"),
    };
    let kept = everything_in(&folder)?;
    let holds = |text: &str| kept.windows(text.len()).any(|window| window == text.as_bytes());
    ensure!(holds("alice"), "the search finds nothing at all");
    let secrets = [&code, &waiting, &first.access, &first.refresh, &second.access, &second.refresh, &own];
    for secret in secrets.into_iter().chain([&secret("web")]) {
        ensure!(!holds(secret), "{secret} is kept as it is");
    }
    Ok(())
}

/// The bytes of all files in a folder.
fn everything_in(folder: &std::path::Path) -> Result<Vec<u8>, Found> {
    let io = |e: std::io::Error| broken(format!("{}: {e}", folder.display()));
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let kind = entry.file_type().map_err(io)?;
        if kind.is_dir() {
            all.extend(everything_in(&entry.path())?);
        } else if kind.is_file() {
            all.extend(std::fs::read(entry.path()).map_err(io)?);
        }
    }
    Ok(all)
}

fn h18(stage: &Stage) -> Outcome {
    let told = stage.redeem("once", &stage.code("once")?)?.must(200)?;
    ensure!(told.value().get("refresh_token").is_none(), "it got one");
    let other = stage.grant("web")?;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", other.refresh.as_str())];
    stage.token("once", &fields)?.refused("it used one", &[400], &["unauthorized_client"])
}

/// How often a revocation races a refresh.
const RACES: usize = 100;

fn h19(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    for round in 0..RACES {
        let old = grant_by(stage, &mut alice, "web")?;
        let mut racers = vec![refreshing("web", &old.refresh), by("web", REVOKE, &[("token", &old.refresh)])];
        racers.rotate_left(round % 2);
        let mut live = vec![old.access, old.refresh];
        for told in all_at_once(&racers, &[stage.public()])? {
            ensure!(told.status < 500, "{told}");
            if let Ok(new) = pair(&told) {
                live.extend([new.access, new.refresh]);
            }
        }
        for token in &live {
            ensure!(!stage.is_active("web", token)?, "round {round}: a token outlives the revocation");
        }
    }
    Ok(())
}
