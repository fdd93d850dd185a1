//! The examples the RFCs print, and what is inside a key that no test from outside may see.

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use grantor_core::{ServerKey, Time};

use crate::private_key::PrivateKey;
use crate::{Algorithm, KeyRing, KeySet, PublicKey, Sealer};

/// RFC 7515, appendix A: `{"iss":"joe", "exp":1300819380, "http://example.com/is_root":true}`.
const PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// RFC 7515, appendix A.2.1, as PKCS #8.
const RSA_KEY: &str = "\
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh-BYK4uPJtGXOjS1lYmM2K5J9vinh8CR3_BYlzJChNuOL\
    2TSXxbbqY913EeZ8dCn5VrD7io8ImtxLaYk8wTM_U-3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNn\
    juygxmj3AbONv_s4yDQs4v5tJ_reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5ROjtZMEQxrZHYJqkeDrrnGya11UxMFBj\
    i4NmXG9veoKjlnAqH2QbgtPr8jkiGUkftoaHLFcW9Qr4NY2ai50Xw0Byj3-H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHg\
    VFbK5emhAgMBAAECggEAEq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeX\
    Zx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzj\
    kn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl\
    _x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0K\
    pLttoLhyt3SmqdEf_kgHePDdtzEafpAu-cS191R2JiuoF2yzWXnwFDcqGigp5BNr0AHQfD8_Lk8l1Mk09jxxCfui5nYooNya\
    c8YFjm3vItzVCVDnEd3BbVWG8qf6deqElMGAg-C2V0L4oNXnP7LZcPAZRwKBgQC5A8R-CZW2MvRTLLHzwZkUXV866cff7tx6\
    kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAPrq3rbAOal78eUH5OcED6eNuCV8ixEu1e\
    WcPNCS_l1OW1EnXUEoEHKl54Xrrz2uNwkgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7_Ls5bkUp\
    5u9SN0Ai3Ya6hNnvWJMb7sXQX6U_zyO2M_hTip7tUeh7CXgwo59dkpN75gJLVds29-DAncu3KXU4f2Fa-7bLNrur53k8KwPO\
    q2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf_evpitUf-4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcG\
    yoAe9fa65iNqCq-jdw6PVNGo2hxfjSiZ8IIzHdsPXI89__pMjZcQK9r-CCoRjaZjOYiIDktVWZzmevJuv6WywUqd57LE3Zar\
    3dLSIkx1AoGAIYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3\
    ydy5cY7YIBi87w93IKLEdfnbJtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U";

fn bytes(base64url: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(base64url).unwrap()
}

fn check(key: &PrivateKey, header: &str, payload: &str, signature: &str) {
    let input = format!("{header}.{payload}");
    assert_eq!(key.verify(input.as_bytes(), &bytes(signature)), Ok(()));
    let own = key.sign(input.as_bytes()).unwrap();
    assert_eq!(key.verify(input.as_bytes(), &own), Ok(()));
    if key.public().algorithm() != Algorithm::Es256 {
        // These two are deterministic, so our signature must be the printed one.
        assert_eq!(URL_SAFE_NO_PAD.encode(own), signature);
    }
}

#[test]
fn rfc_7515_a_2_rs256() {
    let key = PrivateKey::from_pkcs8(Algorithm::Rs256, &bytes(RSA_KEY)).unwrap();
    let signature = "\
        cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2F\
        p5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQB\
        MHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeY\
        I2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    check(&key, "eyJhbGciOiJSUzI1NiJ9", PAYLOAD, signature);
}

#[test]
fn rfc_7515_a_3_es256() {
    let d = bytes("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
    let (x, y) =
        ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    let point = [vec![4], bytes(x), bytes(y)].concat();
    let pair =
        EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &d, &point).unwrap();
    let key = PrivateKey::from_pkcs8(Algorithm::Es256, pair.to_pkcs8v1().unwrap().as_ref()).unwrap();
    let public = serde_json::to_value(key.public()).unwrap();
    assert_eq!(public, serde_json::json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}));
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    check(&key, "eyJhbGciOiJFUzI1NiJ9", PAYLOAD, signature);
}

fn rfc_8037_key() -> PrivateKey {
    let pair =
        Ed25519KeyPair::from_seed_unchecked(&bytes("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")).unwrap();
    PrivateKey::from_pkcs8(Algorithm::EdDsa, pair.to_pkcs8v1().unwrap().as_ref()).unwrap()
}

#[test]
fn rfc_8037_a_ed25519() {
    let key = rfc_8037_key();
    let signature = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    check(&key, "eyJhbGciOiJFZERTQSJ9", "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc", signature);
    assert_eq!(key.public().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn rfc_7638_3_1_thumbprint() {
    let n = "\
        0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJE\
        CPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q\
        vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6\
        WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let key = PublicKey::Rsa { n: n.into(), e: "AQAB".into() };
    assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn a_ring_signs_with_the_very_key_it_was_given() {
    let sealer = Sealer::new(&ServerKey::from_bytes([1; 32])).unwrap();
    let now = Time::from_unix_millis(0);
    let key = rfc_8037_key();
    let ring = KeyRing::open(&KeySet::of_key(&key, &sealer, now), &sealer).unwrap();
    let token = ring.sign_json("JWT", br#"{"sub":"a"}"#, now).unwrap();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let header = br#"{"alg":"EdDSA","typ":"JWT","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}"#;
    assert_eq!(input, format!("{}.eyJzdWIiOiJhIn0", URL_SAFE_NO_PAD.encode(header)));
    assert_eq!(key.verify(input.as_bytes(), &bytes(signature)), Ok(()));
}

/// The numbers that must never leave: EC's scalar, the RSA primes' document, Ed25519's seed.
fn private_parts(alg: Algorithm, pkcs8: &[u8]) -> Vec<u8> {
    match alg {
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).unwrap();
            pair.private_key().as_be_bytes().unwrap().as_ref().to_vec()
        }
        // Behind the modulus come the private numbers.
        Algorithm::Rs256 => pkcs8[320..].to_vec(),
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8(pkcs8).unwrap();
            pair.seed().unwrap().as_be_bytes().unwrap().as_ref().to_vec()
        }
    }
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn neither_the_record_nor_the_published_set_holds_a_private_number() {
    let sealer = Sealer::new(&ServerKey::from_bytes([1; 32])).unwrap();
    let now = Time::from_unix_millis(0);
    for alg in Algorithm::ALL {
        let key = PrivateKey::generate(*alg).unwrap();
        let pkcs8 = key.to_pkcs8().unwrap();
        let parts = private_parts(*alg, &pkcs8);
        assert!(holds(&pkcs8, &parts), "the test looks for what is there");

        let set = KeySet::of_key(&key, &sealer, now);
        let record = serde_json::to_value(&set).unwrap();
        let sealed = bytes(record["keys"][0]["sealed"]["aes256gcm"].as_str().unwrap());
        assert_eq!(sealed.len(), 12 + pkcs8.len() + 16);
        let jwks = serde_json::to_string(&KeyRing::open(&set, &sealer).unwrap().jwks(now)).unwrap();
        let record = record.to_string();
        // Aligned groups of 12 bytes, so that each would be 16 characters of base64url wherever it was encoded whole.
        for part in parts.chunks_exact(12) {
            let text = URL_SAFE_NO_PAD.encode(part);
            let hex: String = part.iter().map(|b| format!("{b:02x}")).collect();
            assert!(!holds(&sealed, part), "{alg}");
            for form in [text, hex] {
                assert!(!record.contains(&form) && !jwks.contains(&form), "{alg}");
            }
        }
    }
}
