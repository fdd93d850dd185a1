//! Everything that pages say, by page.

use serde::{Deserialize, Serialize};

use crate::language::Languages;
use crate::phrase::Phrase;

const ENGLISH: &str = include_str!("../messages/en.toml");
const GERMAN: &str = include_str!("../messages/de.toml");

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(#[allow(missing_docs, reason = "the English message file says what each is")] pub $field: $type,)*
        }
    };
}

words! {
    /// The texts of one language. A section is a page's; each field is a text of the message files, which say where it stands.
    Words {
        shell: ShellWords,
        login: LoginWords,
        signup: SignUpWords,
        choose: ChooseWords,
        consent: ConsentWords,
        logout: LogoutWords,
        account: AccountWords,
        sessions: SessionsWords,
        password: PasswordWords,
        apps: AppsWords,
        app_form: AppFormWords,
        app: AppWords,
        app_delete: AppDeleteWords,
        stop: StopWords,
    }
}

impl Words {
    /// The languages that come with this crate: English and German.
    pub fn ours() -> Languages<Words> {
        // That they can be read is what the tests of this crate show.
        #[allow(clippy::expect_used, reason = "two files of this crate, which its tests read")]
        Languages::new(ENGLISH, &[GERMAN]).expect("our own message files")
    }
}

words! {
    /// What stands around each page.
    ShellWords {
        skip: Phrase,
        signed_in: Phrase,
        account: Phrase,
        sessions: Phrase,
        apps: Phrase,
        logout: Phrase,
        navigation: Phrase,
        menu: Phrase,
        problem: Phrase,
    }
}

words! {
    /// The login form.
    LoginWords {
        title: Phrase,
        username: Phrase,
        password: Phrase,
        submit: Phrase,
        no_account: Phrase,
        signup: Phrase,
        wrong: Phrase,
    }
}

words! {
    /// The form for signing up.
    SignUpWords {
        title: Phrase,
        username: Phrase,
        email: Phrase,
        password: Phrase,
        least: Phrase,
        submit: Phrase,
        have_account: Phrase,
        login: Phrase,
        name_unusable: Phrase,
        email_unusable: Phrase,
        password_short: Phrase,
        password_unusable: Phrase,
        not_here: Phrase,
    }
}

words! {
    /// The question for which account.
    ChooseWords {
        title: Phrase,
        asks: Phrase,
        not_you: Phrase,
    }
}

words! {
    /// The question whether an application may.
    ConsentWords {
        title: Phrase,
        asks: Phrase,
        asks_account: Phrase,
        by: Phrase,
        will: Phrase,
        will_new: Phrase,
        may: Phrase,
        already: Phrase,
        target: Phrase,
        approve: Phrase,
        deny: Phrase,
        not_you: Phrase,
        logout: Phrase,
    }
}

words! {
    /// The question whether to log out.
    LogoutWords {
        title: Phrase,
        signed_in: Phrase,
        submit: Phrase,
    }
}

words! {
    /// Who I am, and the applications I authorized.
    AccountWords {
        title: Phrase,
        username: Phrase,
        email: Phrase,
        password: Phrase,
        accounts: Phrase,
        role: Phrase,
        applications: Phrase,
        none: Phrase,
        in_account: Phrase,
        may: Phrase,
        since: Phrase,
        last_used: Phrase,
        revoke: Phrase,
        revoke_hint: Phrase,
        more: Phrase,
    }
}

words! {
    /// Where I am signed in.
    SessionsWords {
        title: Phrase,
        hint: Phrase,
        here: Phrase,
        browser_on: Phrase,
        some_browser_on: Phrase,
        some_browser: Phrase,
        begun: Phrase,
        last_seen: Phrase,
        ends: Phrase,
        end: Phrase,
        more: Phrase,
        end_others: Phrase,
        end_all: Phrase,
        unlisted: Phrase,
    }
}

words! {
    /// The form for another password.
    PasswordWords {
        title: Phrase,
        current: Phrase,
        new: Phrase,
        least: Phrase,
        others_end: Phrase,
        submit: Phrase,
        wrong: Phrase,
        too_short: Phrase,
        unusable: Phrase,
        changed: Phrase,
        changed_text: Phrase,
    }
}

words! {
    /// The list of applications.
    AppsWords {
        title: Phrase,
        register: Phrase,
        none: Phrase,
        not_here: Phrase,
        client_id: Phrase,
        next: Phrase,
    }
}

words! {
    /// The form for an application.
    AppFormWords {
        title_new: Phrase,
        title_edit: Phrase,
        name: Phrase,
        description: Phrase,
        description_hint: Phrase,
        home: Phrase,
        redirect_uris: Phrase,
        redirect_hint: Phrase,
        kind: Phrase,
        confidential: Phrase,
        public: Phrase,
        grants: Phrase,
        grant_code: Phrase,
        grant_refresh: Phrase,
        grant_credentials: Phrase,
        grant_implicit: Phrase,
        grant_password: Phrase,
        scopes: Phrase,
        register: Phrase,
        save: Phrase,
        cancel: Phrase,
        wrong_name: Phrase,
        wrong_description: Phrase,
        wrong_home: Phrase,
        wrong_redirect: Phrase,
        redirect_length: Phrase,
        redirect_character: Phrase,
        redirect_not_absolute: Phrase,
        redirect_fragment: Phrase,
        redirect_wildcard: Phrase,
        redirect_credentials: Phrase,
        redirect_dots: Phrase,
        redirect_http: Phrase,
        redirect_scheme: Phrase,
        wrong_redirects: Phrase,
        wrong_kind: Phrase,
        wrong_grants: Phrase,
        wrong_scopes: Phrase,
        wrong_owner: Phrase,
        wrong_picture: Phrase,
        picture_bytes: Phrase,
        picture_format: Phrase,
        picture_sides: Phrase,
        wrong_other: Phrase,
        picture: Phrase,
        picture_alt: Phrase,
        picture_file: Phrase,
        picture_hint: Phrase,
        picture_save: Phrase,
        picture_remove: Phrase,
    }
}

words! {
    /// An application, as its owner sees it.
    AppWords {
        edit: Phrase,
        delete: Phrase,
        copy: Phrase,
        copied: Phrase,
        not_copied: Phrase,
        secret: Phrase,
        secret_once: Phrase,
        done: Phrase,
        done_text: Phrase,
        is_public: Phrase,
        redirect_uris: Phrase,
        permissions: Phrase,
        secrets: Phrase,
        since: Phrase,
        until: Phrase,
        no_end: Phrase,
        overlap: Phrase,
        overlap_none: Phrase,
        overlap_hour: Phrase,
        overlap_day: Phrase,
        overlap_week: Phrase,
        overlap_month: Phrase,
        rotate: Phrase,
        link_title: Phrase,
        link_text: Phrase,
        link: Phrase,
        link_try: Phrase,
        pkce: Phrase,
        code: Phrase,
        code_text: Phrase,
        usage: Phrase,
        grants: Phrase,
        issued: Phrase,
        chart: Phrase,
        chart_text: Phrase,
        as_table: Phrase,
        day: Phrase,
        tokens: Phrase,
    }
}

words! {
    /// The question whether to delete an application.
    AppDeleteWords {
        title: Phrase,
        text: Phrase,
        name: Phrase,
        submit: Phrase,
        differs: Phrase,
    }
}

words! {
    /// The pages that say what went wrong.
    StopWords {
        refused: Phrase,
        refused_text: Phrase,
        for_developers: Phrase,
        forged: Phrase,
        forged_text: Phrase,
        forbidden: Phrase,
        forbidden_text: Phrase,
        not_found: Phrase,
        not_found_text: Phrase,
        method: Phrase,
        method_text: Phrase,
        unreadable: Phrase,
        unreadable_text: Phrase,
        too_large: Phrase,
        too_large_text: Phrase,
        too_slow: Phrase,
        too_slow_text: Phrase,
        too_many: Phrase,
        too_many_text: Phrase,
        too_many_minutes: Phrase,
        unavailable: Phrase,
        unavailable_text: Phrase,
        home: Phrase,
        overview: Phrase,
        back: Phrase,
        sign_in_otherwise: Phrase,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_says_everything_that_english_does() {
        fn keys(table: &toml::Table, path: &str, into: &mut Vec<String>) {
            for (key, value) in table {
                let place = format!("{path}.{key}");
                match value.as_table() {
                    Some(inner) => keys(inner, &place, into),
                    None => into.push(place),
                }
            }
        }
        let all = |file: &str| {
            let mut found = Vec::new();
            keys(&file.parse().unwrap(), "", &mut found);
            found
        };
        assert_eq!(all(GERMAN), all(ENGLISH));
    }

    #[test]
    fn a_translation_has_every_gap_of_the_original() {
        let gaps = |file: &str| {
            let words: toml::Table = file.parse().unwrap();
            let sections = words.iter().filter_map(|(name, section)| Some((name, section.as_table()?)));
            let texts =
                sections.flat_map(|(name, section)| section.iter().map(move |(key, text)| (name, key, text)));
            texts
                .map(|(name, key, text)| {
                    let phrase: Phrase = text.as_str().unwrap().parse().unwrap();
                    let mut gaps: Vec<_> = phrase.gaps().map(str::to_owned).collect();
                    gaps.sort();
                    (format!("{name}.{key}"), gaps)
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(gaps(GERMAN), gaps(ENGLISH));
        assert_eq!(Words::ours().iter().map(|l| l.tag().to_owned()).collect::<Vec<_>>(), ["en", "de"]);
    }
}
