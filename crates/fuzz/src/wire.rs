//! What a request says: parameters and `Authorization` headers.

use grantor_core::wire::{
    Parameters, Shown, TokenPlaces, acting_for, authorization_parameters, client_credentials,
    refuse_credentials_in_url, shown_parameter, shown_token, token_parameter, token_parameters,
    token_request,
};

use crate::lines;
use crate::profiles::preset;

/// A choice of a profile in the first line, a query in the second, a body in the rest: read by every reader of parameters.
pub(crate) fn parameters(data: &[u8]) {
    let [choice, query, body] = lines::<3>(data);
    let profile = preset(choice.first().copied().unwrap_or_default());
    let limits = &profile.limits;
    for read in [Parameters::read(body, limits), Parameters::read_json(body, limits)] {
        let _ = authorization_parameters(&read, profile);
        let _ = (token_parameter(&read).is_ok(), shown_parameter(profile, &read).is_some());
        for name in ["client_id", "code", "redirect_uri", "scope", "state", ""] {
            if let Some(value) = read.get(name) {
                assert!(!value.is_empty() && read.contains(name), "what is empty is absent");
            }
            if let Ok(Some(value)) = read.given(name) {
                assert_eq!(read.get(name), Some(value.as_str()), "one value has one reading");
                assert!(!value.contains('\0'));
            }
        }
        let Ok(read) = read.faultless() else { continue };
        for name in ["client_id", "code", "scope"] {
            assert!(read.given(name).is_ok(), "what is faultless has nothing twice");
            assert!(read.get(name).is_none_or(|value| value.len() <= limits.parameter_bytes));
        }
    }
    let query = std::str::from_utf8(query).ok();
    let in_url = refuse_credentials_in_url(query).is_err();
    for endpoint in &profile.endpoints.token {
        let read = token_parameters(profile, endpoint, query, body);
        if in_url && !endpoint.danger_parameters_in_url {
            assert!(read.is_err(), "credentials in a URL are refused");
        }
        let Ok(read) = read else { continue };
        assert!(read.fault().is_none());
        let Ok(request) = token_request(None, &read, profile, endpoint, None) else { continue };
        // Whoever was let through without a header said who he is in the body, or holds what says it.
        drop(request);
        assert!(
            ["client_id", "api_key", "refresh_token"].iter().any(|name| read.get(name).is_some()),
            "a request of nobody"
        );
    }
}

/// A choice of a profile, a header, a query and a body: who says he is whom.
pub(crate) fn authorization(data: &[u8]) {
    let [choice, header, query, body] = lines::<4>(data);
    let profile = preset(choice.first().copied().unwrap_or_default());
    let (header, query) = (std::str::from_utf8(header).ok(), std::str::from_utf8(query).ok());
    let parameters = Parameters::read(body, &profile.limits);
    if let Ok(credentials) = client_credentials(header, &parameters, &profile.limits) {
        let shown = header.is_some_and(|header| !header.trim().is_empty());
        let in_body = parameters.get("client_secret").is_some();
        assert!(!(shown && in_body), "two ways at once");
        assert!(!parameters.contains("client_assertion"), "a way that is not there");
        if let Some(named) = parameters.get("client_id") {
            assert_eq!(named, credentials.client.as_str(), "two names");
        }
    }
    for places in [TokenPlaces::All, TokenPlaces::QueryOnly] {
        match shown_token(profile, places, header, query) {
            Ok(Shown::Token(token)) => {
                assert!(!token.expose().is_empty());
                assert!(
                    token.expose().len() <= profile.limits.parameter_bytes.max(header.map_or(0, str::len))
                );
            }
            Ok(Shown::ApiKey(key)) => {
                assert!(profile.resource.danger_api_key_as_token, "a key where none is taken");
                assert!(!key.expose().is_empty());
            }
            Ok(Shown::Nothing) => {
                assert!(
                    header.is_none_or(|header| header.trim().is_empty()),
                    "a header that was passed over"
                );
            }
            Err(refusal) => assert!(!refusal.description().contains(['"', '\\'])),
        }
    }
    let _ = acting_for(header);
}
