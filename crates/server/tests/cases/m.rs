//! M: JWT, as access tokens are where a client wants them.

use std::net::TcpListener;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use grantor_core::Digest;
use serde_json::{Value, json};

use crate::case::{Case, case};
use crate::http::Told;
use crate::judge::{Found, Outcome, broken, ensure, same};
use crate::place::Settings;
use crate::stage::{INTROSPECT, Stage, by};
use crate::wire::{Spoil, answers, instead, requests};

const KEYS: &str = "/.well-known/jwks.json";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("M01", "a_token_without_a_signature_is_none", m01).fails_if(
            "what is not signed is believed",
            believes(|header| header["alg"].as_str().is_some_and(|a| a.len() == 4)),
        ),
        case("M02", "a_public_key_is_no_shared_secret", m02)
            .fails_if("it is", believes(|header| header["alg"] == "HS256")),
        case("M03", "a_key_id_is_only_a_name", m03)
            .fails_if(
                "another key than that of the name is tried",
                believes(|header| header["alg"] == "ES256" || header["alg"] == "EdDSA"),
            )
            .fails_if(
                "it breaks the server",
                answers(|asked, told| {
                    if header_of(&asked.field("token").unwrap_or_default())
                        .is_some_and(|header| header["kid"].is_number())
                    {
                        told.status = 500;
                    }
                }),
            ),
        case("M04", "no_key_is_fetched_from_where_a_token_says", m04).fails_if(
            "it is",
            requests(|asked| {
                let header = header_of(&asked.field("token").unwrap_or_default()).unwrap_or_default();
                if let Some(url) = header["jku"].as_str() {
                    let _ = std::net::TcpStream::connect(crate::http::address(url));
                }
            }),
        ),
        case("M05", "a_key_inside_a_token_is_passed_over", m05)
            .fails_if("it is used", believes(|header| header.get("jwk").is_some())),
        case("M08", "a_token_of_another_issuer_or_kind_is_none", m08)
            .fails_if("the issuer is not looked at", believes(|_| true)),
        case("M11", "a_payload_that_is_odd_is_refused_calmly", m11)
            .fails_if("it is believed", believes(|_| true))
            .fails_if(
                "it breaks the server",
                answers(|asked, told| {
                    let token = asked.field("token").unwrap_or_default();
                    let payload =
                        token.split('.').nth(1).and_then(|part| BASE64.decode(part).ok()).unwrap_or_default();
                    if String::from_utf8_lossy(&payload).contains("1e400") {
                        told.status = 500;
                    }
                }),
            ),
        case("M13", "a_token_names_its_key_and_no_private_key_is_published", m13)
            .fails_if(
                "the key is not published",
                answers(|asked, told| {
                    if asked.path() == KEYS {
                        told.body = "{\"keys\":[]}".to_owned();
                    }
                }),
            )
            .fails_if(
                "it is published whole",
                answers(|asked, told| {
                    if asked.path() == KEYS {
                        told.body = told.body.replace("\"kty\"", "\"d\":\"x\",\"kty\"");
                    }
                }),
            ),
        case("M14", "after_a_rotation_old_tokens_live_and_the_new_key_was_there_before", m14)
            .fails_if(
                "the old key is gone",
                answers(|asked, told| {
                    let mut value = told.value();
                    if let Some(keys) =
                        value["keys"].as_array_mut().filter(|keys| asked.path() == KEYS && keys.len() > 1)
                    {
                        keys.remove(0);
                        told.body = value.to_string();
                    }
                }),
            )
            .fails_if(
                "old tokens are worth nothing",
                instead(|asked| {
                    (asked.path() == INTROSPECT).then(|| Told::json_of(200, &json!({"active": false})))
                }),
            ),
    ]
}

/// A token with such a header is taken as it stands.
fn believes(which: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Spoil {
    answers(move |asked, told| {
        let header = header_of(&asked.field("token").unwrap_or_default());
        if asked.path() == INTROSPECT && header.is_some_and(|header| which(&header)) {
            *told = Told::json_of(200, &json!({"active": true}));
        }
    })
}

fn header_of(token: &str) -> Option<Value> {
    serde_json::from_slice(&BASE64.decode(token.split('.').next()?).ok()?).ok()
}

/// A token of three parts.
struct Jwt {
    header: Value,
    payload: String,
    signature: String,
}

impl Jwt {
    /// One that the server signed.
    fn issued(stage: &Stage) -> Result<Self, Found> {
        let token = stage.own_token("jws")?;
        let parts: Vec<_> = token.split('.').collect();
        let [_, payload, signature] = parts[..] else { return Err(broken(format!("no JWT: {token}"))) };
        let header = header_of(&token).ok_or_else(|| broken("no header"))?;
        let payload = BASE64.decode(payload).map_err(|e| broken(e.to_string()))?;
        let payload = String::from_utf8(payload).map_err(|e| broken(e.to_string()))?;
        Ok(Self { header, payload, signature: signature.to_owned() })
    }

    fn signed_part(&self) -> String {
        format!("{}.{}", BASE64.encode(self.header.to_string()), BASE64.encode(&self.payload))
    }

    fn token(&self) -> String {
        format!("{}.{}", self.signed_part(), self.signature)
    }

    /// The same with another header.
    fn with(&self, name: &str, value: Value) -> Self {
        let mut header = self.header.clone();
        header[name] = value;
        Self { header, payload: self.payload.clone(), signature: self.signature.clone() }
    }

    /// Signed by HMAC with these bytes as its key.
    fn by_shared_key(&self, key: &[u8]) -> Self {
        let signature = BASE64.encode(hmac(key, self.signed_part().as_bytes()));
        Self { header: self.header.clone(), payload: self.payload.clone(), signature }
    }
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let hash = |bytes: &[u8]| BASE64.decode(Digest::of(bytes).to_base64url()).unwrap();
    let mut block = if key.len() > 64 { hash(key) } else { key.to_vec() };
    block.resize(64, 0);
    let padded = |pad: u8| block.iter().map(|byte| byte ^ pad).collect::<Vec<_>>();
    hash(&[padded(0x5c), hash(&[&padded(0x36), text].concat())].concat())
}

fn is_worthless(stage: &Stage, what: &str, token: &str) -> Outcome {
    for client in ["jws", "rs1"] {
        let told = stage.send(&by(client, INTROSPECT, &[("token", token)]))?;
        // What is far too long is no token, and the request none either.
        let is_refused = told.status == 400 && token.len() > 4096;
        ensure!(is_refused || told.body == "{\"active\":false}", "{what}: it is taken: {told}");
    }
    Ok(())
}

fn m01(stage: &Stage) -> Outcome {
    let issued = Jwt::issued(stage)?;
    ensure!(stage.is_active("jws", &stage.own_token("jws")?)?, "no JWT is taken at all");
    for alg in ["none", "None", "nOnE", "NONE"] {
        let forged = issued.with("alg", alg.into());
        for signature in ["", "AAAA", &issued.signature] {
            let token = format!("{}.{signature}", forged.signed_part());
            is_worthless(stage, &format!("{alg} with {signature:?}"), &token)?;
        }
    }
    is_worthless(stage, "no signature", &format!("{}.", issued.signed_part()))
}

fn m02(stage: &Stage) -> Outcome {
    let issued = Jwt::issued(stage)?.with("alg", "HS256".into());
    let keys = stage.get(KEYS)?.must(200)?;
    let key = keys.value()["keys"][0].clone();
    let raw =
        ["x", "y"].map(|part| BASE64.decode(key[part].as_str().unwrap_or_default()).unwrap_or_default());
    let point = [&[4], &raw[0][..], &raw[1]].concat();
    // A P-256 key as DER has it, and as PEM.
    let der =
        [&BASE64.decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE").unwrap_or_default()[..26], &point].concat();
    let pem = base64::prelude::BASE64_STANDARD.encode(&der);
    let lines: Vec<_> =
        pem.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"));
    let secrets = [
        key.to_string().into_bytes(),
        keys.body.into_bytes(),
        raw[0].clone(),
        point,
        der,
        pem.into_bytes(),
        vec![],
    ];
    for secret in secrets {
        is_worthless(stage, "signed with what is public", &issued.by_shared_key(&secret).token())?;
    }
    Ok(())
}

fn m03(stage: &Stage) -> Outcome {
    let issued = Jwt::issued(stage)?;
    let (long, dev) = ("k".repeat(10_000), "../../../../dev/null");
    for kid in [
        json!(dev),
        json!("' OR 1=1 --"),
        json!("https://evil.test/k"),
        json!(long),
        json!(7),
        json!(null),
        json!({}),
    ] {
        let forged = issued.with("kid", kid.clone());
        is_worthless(stage, &format!("{kid:.30}"), &forged.token())?;
        is_worthless(
            stage,
            &format!("{kid:.30}, signed with nothing"),
            &forged.with("alg", "HS256".into()).by_shared_key(b"").token(),
        )?;
    }
    let mut absent = issued;
    absent.header.as_object_mut().map(|header| header.remove("kid"));
    is_worthless(stage, "no key id", &absent.token())?;
    ensure!(stage.place().is_alive(), "the server is gone");
    Ok(())
}

fn m04(stage: &Stage) -> Outcome {
    let canary = TcpListener::bind("127.0.0.1:0").map_err(|e| broken(e.to_string()))?;
    canary.set_nonblocking(true).map_err(|e| broken(e.to_string()))?;
    let url = format!("http://{}/keys", canary.local_addr().map_err(|e| broken(e.to_string()))?);
    let issued = Jwt::issued(stage)?;
    for name in ["jku", "x5u"] {
        let forged = issued.with(name, url.clone().into());
        is_worthless(stage, name, &forged.token())?;
        is_worthless(stage, name, &forged.with("kid", "another".into()).token())?;
    }
    // Whatever was to be fetched was fetched before the answer.
    ensure!(canary.accept().is_err(), "somebody came to fetch a key");
    Ok(())
}

fn m05(stage: &Stage) -> Outcome {
    let issued = Jwt::issued(stage)?;
    let own = b"a-key-that-the-attacker-brings-along";
    let key = json!({"kty": "oct", "k": BASE64.encode(own), "alg": "HS256", "kid": "own"});
    let forged = issued.with("alg", "HS256".into()).with("jwk", key).with("kid", "own".into());
    is_worthless(stage, "a jwk of its own", &forged.by_shared_key(own).token())?;
    let certificate = json!([base64::prelude::BASE64_STANDARD.encode(own)]);
    let forged = issued.with("x5c", certificate).with("jwk", json!({"kty": "EC"}));
    is_worthless(stage, "a certificate of its own", &forged.token())
}

fn m08(stage: &Stage) -> Outcome {
    let changes = json!({
        "profile": "strict", "grant_types": ["client_credentials"], "redirect_uris": [], "access_token_format": "jwt",
    });
    let client = stage.register("strict", &changes)?;
    let foreign = stage.own_token(&client)?;
    let issuer = Jwt::of(&foreign)?.claim("iss");
    same("its issuer", &issuer, &json!("https://auth.example.test/strict"))?;
    // By the word of an operator, who sees every profile.
    let home = stage.place().operate("POST", "/api/tokens/introspect", Some(&json!({"token": foreign})))?;
    ensure!(home.value()["active"] == true, "it is worth nothing even there");
    is_worthless(stage, "a token of another issuer, by the same keys", &foreign)?;
    let issued = Jwt::issued(stage)?;
    for kind in ["JWT", "logout+jwt", "id_token"] {
        is_worthless(stage, kind, &issued.with("typ", kind.into()).token())?;
    }
    Ok(())
}

impl Jwt {
    fn of(token: &str) -> Result<Self, Found> {
        let parts: Vec<_> = token.split('.').collect();
        let [_, payload, signature] = parts[..] else { return Err(broken(format!("no JWT: {token}"))) };
        let payload = BASE64.decode(payload).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(Self {
            header: header_of(token).unwrap_or_default(),
            payload: payload.unwrap_or_default(),
            signature: signature.to_owned(),
        })
    }

    fn claim(&self, name: &str) -> Value {
        serde_json::from_str::<Value>(&self.payload).unwrap_or_default()[name].clone()
    }
}

fn m11(stage: &Stage) -> Outcome {
    let issued = Jwt::issued(stage)?;
    let exp = format!("\"exp\":{}", issued.claim("exp"));
    ensure!(issued.payload.contains(&exp), "there is no end in it: {}", issued.payload);
    for odd in [
        "\"exp\":\"9999999999\"",
        "\"exp\":-1",
        "\"exp\":1e400",
        "\"exp\":1.5",
        "\"exp\":[]",
        "\"exp\":1,\"exp\":9999999999",
    ] {
        let forged = Jwt { payload: issued.payload.replace(&exp, odd), ..Jwt::of(&issued.token())? };
        is_worthless(stage, odd, &forged.token())?;
    }
    for payload in ["", "null", "[]", "{", "\"x\"", "{\"sub\":7}", "\u{0}"] {
        let forged = Jwt { payload: payload.to_owned(), ..Jwt::of(&issued.token())? };
        is_worthless(stage, payload, &forged.token())?;
    }
    for token in ["..", "a.b", "a.b.c.d", "%%%.%%%.%%%", &".".repeat(1000)] {
        is_worthless(stage, token, token)?;
    }
    ensure!(stage.place().is_alive(), "the server is gone");
    Ok(())
}

fn m13(stage: &Stage) -> Outcome {
    let issued = Jwt::issued(stage)?;
    let keys = stage.get(KEYS)?.must(200)?.value();
    let keys = keys["keys"].as_array().ok_or_else(|| broken("no keys"))?;
    let its = keys.iter().find(|key| key["kid"] == issued.header["kid"]);
    let Some(its) = its else {
        return Err(crate::judge::rule(format!("its key is not published: {}", issued.header)));
    };
    same("the algorithm", &its["alg"], &issued.header["alg"])?;
    same("the type", &issued.header["typ"], &json!("at+jwt"))?;
    for key in keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            ensure!(key.get(private).is_none(), "{private} of a key is published");
        }
    }
    let number = |name: &str| {
        issued.claim(name).as_i64().ok_or_else(|| crate::judge::rule(format!("{name} is no number")))
    };
    ensure!((1..=3600).contains(&(number("exp")? - number("iat")?)), "it lives for more than an hour");
    same("its issuer", &issued.claim("iss"), &json!(crate::place::ISSUER))
}

fn m14(stage: &Stage) -> Outcome {
    let stage = stage.own(Settings::default())?;
    let kids = |stage: &Stage| -> Result<Vec<Value>, Found> {
        let keys = stage.get(KEYS)?.must(200)?.value();
        Ok(keys["keys"].as_array().into_iter().flatten().map(|key| key["kid"].clone()).collect())
    };
    let old = stage.own_token("jws")?;
    let before = Jwt::of(&old)?.header["kid"].clone();
    let published = kids(&stage)?;
    stage.place().operate("POST", "/api/keys/rotate", None)?;
    let after = kids(&stage)?;
    ensure!(after.contains(&before), "the old key is gone, and its tokens live");
    ensure!(after.len() == published.len() + 1, "there is no new key: {after:?}");
    let signer = Jwt::issued(&stage)?.header["kid"].clone();
    ensure!(after.contains(&signer), "a key signs that is not published");
    ensure!(stage.is_active("jws", &old)?, "the old token is worth nothing");
    ensure!(stage.is_active("jws", &stage.own_token("jws")?)?, "a new token is worth nothing");
    Ok(())
}
