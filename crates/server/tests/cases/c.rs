//! C: PKCE.

use crate::case::{Case, case};
use crate::http::{Asked, Told};
use crate::judge::{Found, Outcome, ensure, same};
use crate::stage::{METADATA, Stage, TOKEN, VERIFIER, authorize, challenge, redemption, to};
use crate::wire::{Spoil, answers, grants, requests};

pub(crate) fn cases() -> Vec<Case> {
    let redeems = |asked: &Asked| asked.path() == TOKEN;
    let challenged = || {
        requests(|asked| {
            if asked.path().ends_with("/authorize") {
                asked.set_parameter("code_challenge", Some(&challenge(VERIFIER)));
                asked.set_parameter("code_challenge_method", Some("S256"));
            }
        })
    };
    vec![
        case("C01", "a_public_client_sends_a_challenge", c01)
            .fails_if("PKCE is optional", challenged())
            .fails_if("the client is not told", answers(|_, told| told.drop_header("location"))),
        case("C02", "what_was_challenged_is_verified", c02)
            .fails_if("the verifier may be left out", verifier(|given| given.is_none_or(str::is_empty))),
        case("C03", "a_wrong_verifier_is_refused", c03)
            .fails_if("the verifier is not compared", verifier(|_| true)),
        case("C04", "a_verifier_without_a_challenge_is_refused", c04).fails_if(
            "it is passed over",
            requests(|asked| {
                if asked.path() == TOKEN {
                    asked.set_field("code_verifier", None);
                }
            }),
        ),
        case("C05", "plain_is_not_taken_and_not_offered", c05)
            .fails_if("plain is taken", challenged())
            .fails_if(
                "plain is offered",
                answers(|asked, told| {
                    if asked.path() == METADATA {
                        told.body = told.body.replace("[\"S256\"]", "[\"S256\",\"plain\"]");
                    }
                }),
            ),
        case("C07", "no_other_method_is_taken", c07).fails_if("any method is S256", challenged()),
        case("C08", "a_verifier_has_43_to_128_characters_that_need_no_escaping", c08)
            .fails_if("its form is not looked at", grants(redeems))
            .fails_if(
                "128 are too many",
                answers(|asked, told| {
                    if asked.field("code_verifier").is_some_and(|verifier| verifier.len() == 128) {
                        *told = Told::new(400, "application/json", "{\"error\":\"invalid_grant\"}");
                    }
                }),
            ),
        case("C11", "challenge_and_verifier_are_sent_once", c11)
            .fails_if("one challenge is taken of two", challenged())
            .fails_if("one verifier is taken of two", verifier(|_| true)),
        case("C12", "of_two_tabs_each_has_its_own_challenge", c12)
            .fails_if("a session has one challenge", challenged()),
    ]
}

/// The right verifier is in the place of such a one.
fn verifier(which: impl Fn(Option<&str>) -> bool + Send + Sync + 'static) -> Spoil {
    requests(move |asked| {
        let given = asked.field("code_verifier");
        if asked.path() == TOKEN && which(given.as_deref()) {
            asked.set_field("code_verifier", Some(VERIFIER));
        }
    })
}

fn told_the_client(stage: &Stage, what: &str, changes: &[(&str, &str)]) -> Outcome {
    stage.get(&authorize("spa", changes))?.redirected(what, to("spa"), &["invalid_request"])
}

/// A redemption with another verifier, or none.
fn redeem_with(stage: &Stage, client: &str, code: &str, verifier: Option<&str>) -> Result<Told, Found> {
    let mut asked = redemption(client, code);
    asked.set_field("code_verifier", verifier);
    stage.send(&asked)
}

fn c01(stage: &Stage) -> Outcome {
    told_the_client(stage, "no challenge", &[("code_challenge", ""), ("code_challenge_method", "")])?;
    told_the_client(stage, "a method alone", &[("code_challenge", "")])
}

fn c02(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    for client in ["web", "spa"] {
        for verifier in [None, Some("")] {
            let code = stage.code_by(&mut alice, client)?;
            let told = redeem_with(stage, client, &code, verifier)?;
            told.refused("without a verifier", &[400], &["invalid_grant", "invalid_request"])?;
        }
    }
    Ok(())
}

fn c03(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    for wrong in
        ["another-verifier-that-is-as-long-as-the-RFC-has-it", &challenge(VERIFIER), &VERIFIER.to_uppercase()]
    {
        let code = stage.code_by(&mut alice, "web")?;
        redeem_with(stage, "web", &code, Some(wrong))?.refused(wrong, &[400], &["invalid_grant"])?;
    }
    Ok(())
}

fn c04(stage: &Stage) -> Outcome {
    let target = authorize("legacy", &[("code_challenge", ""), ("code_challenge_method", "")]);
    let code = stage.alice()?.approve(&target)?.code()?;
    stage.redeem("legacy", &code)?.refused(
        "a verifier of nothing",
        &[400],
        &["invalid_request", "invalid_grant"],
    )
}

fn c05(stage: &Stage) -> Outcome {
    told_the_client(stage, "plain", &[("code_challenge_method", "plain")])?;
    let metadata = stage.get(METADATA)?.must(200)?.value();
    same("the methods offered", &metadata["code_challenge_methods_supported"], &serde_json::json!(["S256"]))
}

fn c07(stage: &Stage) -> Outcome {
    for method in ["s256", "S512", "none", ""] {
        told_the_client(stage, method, &[("code_challenge_method", method)])?;
    }
    let twice = format!("{}&code_challenge_method=S256", authorize("spa", &[]));
    stage.get(&twice)?.redirected("a method twice", to("spa"), &["invalid_request"])
}

fn c08(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    let mut told = |verifier: &str| {
        // The challenge is that verifier's, so that only its form is wrong.
        let challenge = challenge(verifier);
        let code = alice.approve(&authorize("web", &[("code_challenge", &challenge)]))?.code()?;
        redeem_with(stage, "web", &code, Some(verifier))
    };
    for length in [43, 128] {
        let right = told(&"v".repeat(length))?;
        ensure!(right.status == 200, "{length} characters are refused: {right}");
    }
    for length in [42, 129] {
        told(&"v".repeat(length))?.refused(
            &length.to_string(),
            &[400],
            &["invalid_request", "invalid_grant"],
        )?;
    }
    for odd in ['+', '/', '=', ' ', '\0', 'é'] {
        let verifier = format!("{}{odd}", "v".repeat(50));
        told(&verifier)?.refused(&format!("{odd:?}"), &[400], &["invalid_request", "invalid_grant"])?;
    }
    Ok(())
}

fn c11(stage: &Stage) -> Outcome {
    let twice = format!("{}&code_challenge={}", authorize("spa", &[]), challenge(VERIFIER));
    stage.get(&twice)?.redirected("a challenge twice", to("spa"), &["invalid_request"])?;
    let mut asked = redemption("web", &stage.code("web")?);
    asked.body.extend_from_slice(format!("&code_verifier={VERIFIER}").as_bytes());
    stage.send(&asked)?.refused("a verifier twice", &[400], &["invalid_request"])
}

fn c12(stage: &Stage) -> Outcome {
    let mut alice = stage.alice()?;
    let other = "another-verifier-that-is-as-long-as-the-RFC-has-it";
    let first = alice.get(&authorize("spa", &[("code_challenge", &challenge(other))]))?.must(200)?;
    let second = alice.get(&authorize("spa", &[]))?.must(200)?;
    let code = alice.submit(&first, &[("decision", "approve")])?.code()?;
    redeem_with(stage, "spa", &code, Some(VERIFIER))?.refused(
        "the other tab's verifier",
        &[400],
        &["invalid_grant"],
    )?;
    let code = alice.submit(&second, &[("decision", "approve")])?.code()?;
    let told = redeem_with(stage, "spa", &code, Some(VERIFIER))?;
    ensure!(told.status == 200, "its own is refused: {told}");
    Ok(())
}
