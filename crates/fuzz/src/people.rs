//! Cookies, form tokens, names.

use grantor_core::{AccountId, ClientId, Lifetime, Secret, ServerKey, SubjectId, Time};
use grantor_directory::{BrowserCookie, CsrfBinding, CsrfKey, Directory, HashCost, Settings, UserName};
use grantor_store::MemoryStore;
use std::sync::{Arc, OnceLock};

use crate::http::block_on;
use crate::lines;

/// A cookie's value and a form's token: neither is ever right by chance, and garbage is nobody's.
pub(crate) fn cookies(data: &[u8]) {
    let [cookie, token] = lines::<2>(data);
    let (Ok(cookie), Ok(token)) = (std::str::from_utf8(cookie), std::str::from_utf8(token)) else { return };
    if let Some(parsed) = BrowserCookie::parse(cookie) {
        assert_eq!(parsed.secret().expose(), cookie, "a cookie has one spelling");
    }
    let key = CsrfKey::new(&ServerKey::from_bytes([1; 32]));
    let binding = CsrfBinding::of(&Secret::new(cookie));
    assert!(!key.check(&binding, "login", token), "a token by chance");
    let right = key.token(&binding, "login");
    assert!(key.check(&binding, "login", &right), "the right token");
    assert!(token == "login" || !key.check(&binding, token, &right), "a token of another purpose");
    let directory = directory();
    let now = Time::from_unix_millis(1_800_000_000_000);
    let found =
        block_on(directory.find_session(&Secret::new(cookie), now)).expect("a store in memory answers");
    assert!(found.is_none(), "a session by chance");
    if let Ok(name) = UserName::parse(cookie) {
        let again = UserName::parse(name.as_str()).expect("a name reads back");
        assert_eq!(again.as_str(), name.as_str(), "and is one name");
    }
    for id in
        [SubjectId::parse(cookie).is_ok(), AccountId::parse(cookie).is_ok(), ClientId::parse(cookie).is_ok()]
    {
        assert!(!id || !cookie.is_empty(), "an empty id");
    }
    if let Ok(lifetime) = token.parse::<Lifetime>() {
        assert_eq!(lifetime.to_string().parse::<Lifetime>().unwrap(), lifetime, "a lifetime reads back");
        let _ = now + lifetime;
    }
}

fn directory() -> &'static Directory {
    static DIRECTORY: OnceLock<Directory> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let hash_cost = HashCost { memory_kib: 8, passes: 1, lanes: 1 };
        let settings = Settings { hash_cost, ..Settings::default() };
        let store = Arc::new(MemoryStore::new());
        Directory::new(store, &ServerKey::from_bytes([1; 32]), settings).unwrap()
    })
}
