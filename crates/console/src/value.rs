//! What the API tells, as it is shown; and what was entered, as the API takes it.

use std::fmt;

use askama::filters::{Escaper as _, Html, HtmlSafe};
use grantor_core::Time;
use grantor_pages::Moment;
use serde_json::{Map, Value};

use crate::link::to;
use crate::thing::{Field, Kind};
use crate::words::Words;

/// The kinds that are entered as one text.
macro_rules! kind {
    (line) => {
        Kind::Text
            | Kind::Long
            | Kind::Mail
            | Kind::Of(_)
            | Kind::One(_)
            | Kind::Word
            | Kind::Actor
            | Kind::Seconds
            | Kind::Values
            | Kind::Dangers
            | Kind::Count
            | Kind::Secrets
            | Kind::Ending
    };
}

/// How many characters of a text a list shows: of fifty names of two thousand letters none could be found.
const BRIEF: usize = 100;

/// A value as HTML. Everything in it that came from outside is escaped, and isolated from what stands around it.
#[derive(Default)]
pub(crate) struct Shown {
    html: String,
    /// How many characters of a text are shown, if not all.
    most: Option<usize>,
}

impl HtmlSafe for Shown {}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.html)
    }
}

impl Shown {
    /// What a field of a thing says.
    pub(crate) fn of(field: &Field, thing: &Value, words: &Words) -> Self {
        Self::default().with(field, thing, words)
    }

    /// The same in a list, where a long text is cut.
    pub(crate) fn brief(field: &Field, thing: &Value, words: &Words) -> Self {
        Self { most: Some(BRIEF), ..Self::default() }.with(field, thing, words)
    }

    fn with(mut self, field: &Field, thing: &Value, words: &Words) -> Self {
        let value = thing.get(field.name).unwrap_or(&Value::Null);
        self.write(field, value, thing, words);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.html.is_empty()
    }

    fn write(&mut self, field: &Field, value: &Value, thing: &Value, words: &Words) {
        match field.kind {
            Kind::Text | Kind::Mail => self.text(&plain(value)),
            Kind::Long => self.within("span", "long", &plain(value)),
            Kind::Lines => self.list(value, |shown, item| shown.within("code", "", &plain(item))),
            // The name that credentials of operators have in the place of a profile is none, and has no page.
            Kind::Of("profiles") if value == grantor_admin::PROFILE => self.text(&plain(value)),
            Kind::Of(page) => self.link(page, &plain(value)),
            Kind::Ofs(page) => self.list(value, |shown, item| shown.link(page, &plain(item))),
            Kind::Flag => self.flag(field, value, words),
            // A badge has its own shape and needs no bullet before it.
            Kind::Some(_) => {
                for item in value.as_array().into_iter().flatten() {
                    self.word(&plain(item), words);
                    self.html.push(' ');
                }
            }
            Kind::One(_) | Kind::Word => self.word(&plain(value), words),
            Kind::Time => self.time(value.as_i64()),
            Kind::Seconds => self.time(value.as_i64().map(|seconds| seconds.saturating_mul(1000))),
            Kind::Members => self.list(value, |shown, item| shown.member(item)),
            Kind::Permissions => {
                self.list(value, |shown, item| shown.within("span", "code", &permission(item)));
            }
            Kind::Values if value.is_null() => {}
            Kind::Values => self.table(value),
            Kind::Dangers => self.list(value, |shown, item| shown.danger(item)),
            Kind::Actor => self.actor(&plain(value), words),
            Kind::Count => {
                self.text(&value.as_array().map_or_else(|| plain(value), |items| items.len().to_string()));
            }
            Kind::Secrets => self.list(value, |shown, item| shown.secret(item, words)),
            Kind::Ending => match plain(thing.get("kind").unwrap_or(&Value::Null)).as_str() {
                "client_secret" => self.link("clients", &plain(value)),
                _ => self.text(&plain(value)),
            },
            // Nobody is told one.
            Kind::Password => {}
        }
    }

    fn escaped(&mut self, text: &str) {
        // Writing to a String cannot fail.
        let _ = Html.write_escaped_str(&mut self.html, text);
    }

    fn within(&mut self, element: &str, class: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.html.push_str(&format!("<{element}{class} dir=\"auto\">"));
        self.escaped(text);
        self.html.push_str(&format!("</{element}>"));
    }

    fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.html.push_str("<bdi>");
            match self.most.and_then(|most| text.char_indices().nth(most)) {
                Some((end, _)) => {
                    self.escaped(text.get(..end).unwrap_or_default());
                    self.html.push('…');
                }
                None => self.escaped(text),
            }
            self.html.push_str("</bdi>");
        }
    }

    /// A text that has no page of its own: where it is cut, the whole can be unfolded.
    fn folded(&mut self, text: &str) {
        if self.most.is_none_or(|most| text.char_indices().nth(most).is_none()) {
            return self.text(text);
        }
        self.html.push_str("<details><summary>");
        self.text(text);
        self.html.push_str("</summary><bdi>");
        self.escaped(text);
        self.html.push_str("</bdi></details>");
    }

    fn link(&mut self, page: &str, name: &str) {
        if name.is_empty() {
            return;
        }
        self.html.push_str("<a href=\"");
        self.escaped(&to(&format!("/{page}/show"), &[("id", name)]));
        self.html.push_str("\"><bdi>");
        self.escaped(name);
        self.html.push_str("</bdi></a>");
    }

    fn word(&mut self, word: &str, words: &Words) {
        // What nobody has a word for is no state, but a text.
        if words.value(word) == word && word.contains(['.', ' ']) {
            return self.folded(word);
        }
        let class = match word {
            "" => return,
            "active" => "badge good",
            "disabled" | "revoked" | "retired" => "badge bad",
            _ => "badge",
        };
        self.within("span", class, words.value(word));
    }

    fn flag(&mut self, field: &Field, value: &Value, words: &Words) {
        let on = value.as_bool().unwrap_or(field.default == "on");
        self.text(if on { words.page.yes.as_str() } else { words.page.no.as_str() });
    }

    fn time(&mut self, millis: Option<i64>) {
        if let Some(Moment { machine, text }) = millis.map(moment) {
            self.html.push_str(&format!("<time datetime=\"{machine}\">{text}</time>"));
        }
    }

    fn list(&mut self, value: &Value, mut one: impl FnMut(&mut Self, &Value)) {
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        if items.is_empty() {
            return;
        }
        self.html.push_str("<ul>");
        for item in items {
            self.html.push_str("<li>");
            one(self, item);
            self.html.push_str("</li>");
        }
        self.html.push_str("</ul>");
    }

    /// Who did something, as `operator:root`.
    fn actor(&mut self, actor: &str, words: &Words) {
        let (what, who) = actor.split_once(':').unwrap_or((actor, ""));
        if actor.is_empty() {
            return;
        }
        self.text(words.value(what));
        self.html.push(' ');
        self.link(if what == "client" { "clients" } else { "users" }, who);
    }

    fn member(&mut self, member: &Value) {
        self.link("accounts", &plain(member.get("id").unwrap_or(&Value::Null)));
        self.html.push(' ');
        self.within("span", "note", &plain(member.get("role").unwrap_or(&Value::Null)));
    }

    fn secret(&mut self, secret: &Value, words: &Words) {
        let told = |name| secret.get(name).and_then(Value::as_i64).map(|at| moment(at).text);
        let since = told("created_at").unwrap_or_default();
        let said = match told("expires_at") {
            Some(until) => words.page.since_until.plain(&[("since", &since), ("until", &until)]),
            None => words.page.since_only.plain(&[("since", &since)]),
        };
        self.text(&said);
    }

    fn danger(&mut self, danger: &Value) {
        let told = |name| plain(danger.get(name).unwrap_or(&Value::Null));
        self.within("code", "", &told("key"));
        self.html.push_str(": <span lang=\"en\">");
        self.escaped(&told("why"));
        self.html.push_str("</span>");
    }

    fn table(&mut self, value: &Value) {
        let mut rows = Vec::new();
        flatten("", value, &mut rows);
        self.html.push_str("<dl class=\"values\">");
        for (key, value) in rows {
            self.html.push_str("<dt>");
            self.escaped(&key);
            self.html.push_str("</dt><dd>");
            self.within("code", "", &value);
            self.html.push_str("</dd>");
        }
        self.html.push_str("</dl>");
    }
}

/// Values within values as keys with dots between.
fn flatten(key: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(values) => {
            for (name, value) in values {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(&key, value, into);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (at, item) in items.iter().enumerate() {
                flatten(&format!("{key}[{at}]"), item, into);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            into.push((key.to_owned(), items.join(", ")));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            into.push((key.to_owned(), plain(value)));
        }
    }
}

fn moment(millis: i64) -> Moment {
    Moment::of(&Time::from_unix_millis(millis).to_string())
}

/// Unix milliseconds of a moment as browsers write one that was entered: `2026-01-31T14:05`, in UTC.
fn millis(entered: &str) -> Option<i64> {
    let (date, time) = entered.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let (hour, minute) = (time.next()??, time.next()??);
    let minutes = (days_from_civil(year, month, day).checked_mul(24)? + hour).checked_mul(60)? + minute;
    let millis = minutes.checked_mul(60_000)?;
    // What is no date, such as the 30th of February, would print as another.
    (entered.get(..16) == moment(millis).machine.get(..16)).then_some(millis)
}

/// Days since 1970-01-01 of a date of the Gregorian calendar, which begins its years in March here: so the leap day is last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year.clamp(0, 9999) - i64::from(month <= 2);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

/// A value as a line of text.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn permission(permission: &Value) -> String {
    let of = |name| permission.get(name).unwrap_or(&Value::Null);
    // A number and a text of digits are told apart, since a client is told its account as it was written.
    let digits = of("identifier").as_str().filter(|text| text.parse::<u64>().is_ok());
    let account = digits.map_or_else(|| plain(of("identifier")), |text| format!("\"{text}\""));
    let actions = of("actions").as_array().map(|all| all.iter().map(plain).collect::<Vec<_>>());
    format!("{} {account} {}", plain(of("type")), actions.unwrap_or_default().join(","))
}

/// What stands in a form's fields: by the names of its elements.
#[derive(Default)]
pub(crate) struct Entries(Map<String, Value>);

/// The name of the element for one word of several.
pub(crate) fn tick(field: &str, word: &str) -> String {
    format!("{field}.{word}")
}

impl Entries {
    /// What a new thing has.
    pub(crate) fn new(fields: &[Field]) -> Self {
        let mut entries = Self::default();
        for field in fields.iter().filter(|field| !field.default.is_empty()) {
            if let Kind::Some(_) = field.kind {
                entries.set(tick(field.name, field.default), "on".to_owned());
            } else {
                entries.set(field.name.to_owned(), field.default.to_owned());
            }
        }
        entries
    }

    /// What a thing is.
    pub(crate) fn of(fields: &[Field], thing: &Value) -> Self {
        let mut entries = Self::default();
        for field in fields {
            entries.fill(field, thing.get(field.name).unwrap_or(&Value::Null));
        }
        entries
    }

    /// What was entered.
    pub(crate) fn posted<'a>(fields: &[Field], posted: impl Fn(&str) -> Option<&'a str>) -> Self {
        let mut entries = Self::default();
        for field in fields {
            let names = if let Kind::Some(words) = field.kind {
                words.iter().map(|word| tick(field.name, word)).collect()
            } else {
                vec![field.name.to_owned()]
            };
            for name in names {
                if let Some(value) = posted(&name) {
                    entries.set(name, value.to_owned());
                }
            }
        }
        entries
    }

    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn set(&mut self, name: String, value: String) {
        self.0.insert(name, value.into());
    }

    fn fill(&mut self, field: &Field, value: &Value) {
        let lines = |one: fn(&Value) -> String| {
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            items.iter().map(one).collect::<Vec<_>>().join("\n")
        };
        let text = match field.kind {
            Kind::Some(_) => {
                for word in value.as_array().into_iter().flatten() {
                    self.set(tick(field.name, &plain(word)), "on".to_owned());
                }
                return;
            }
            Kind::Flag => {
                let on = value.as_bool().unwrap_or(field.default == "on");
                if on { "on".to_owned() } else { String::new() }
            }
            Kind::Lines | Kind::Ofs(_) => lines(plain),
            Kind::Permissions => lines(permission),
            Kind::Members => lines(|member| {
                let of = |name| plain(member.get(name).unwrap_or(&Value::Null));
                format!("{} {}", of("id"), of("role"))
            }),
            Kind::Password => String::new(),
            Kind::Time => value.as_i64().map(|at| moment(at).machine.replace('Z', "")).unwrap_or_default(),
            kind!(line) => plain(value),
        };
        self.set(field.name.to_owned(), text);
    }

    /// A field's value as the API takes it.
    pub(crate) fn value(&self, field: &Field) -> Value {
        let text = self.get(field.name);
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        match field.kind {
            Kind::Flag => (text == "on").into(),
            Kind::Lines | Kind::Ofs(_) => lines().collect(),
            Kind::Some(words) => {
                words.iter().filter(|word| self.get(&tick(field.name, word)) == "on").copied().collect()
            }
            Kind::Members => lines().map(member_of).collect(),
            Kind::Permissions => lines().map(permission_of).collect(),
            Kind::Password => Some(text).filter(|text| !text.is_empty()).into(),
            // What is no moment, the API is to refuse.
            Kind::Time if millis(text).is_some() => millis(text).into(),
            kind!(line) | Kind::Time => Some(text.trim()).filter(|text| !text.is_empty()).into(),
        }
    }
}

fn member_of(line: &str) -> Value {
    let (id, role) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    serde_json::json!({"id": id, "role": role.trim()})
}

fn permission_of(line: &str) -> Value {
    let mut words = line.split_whitespace();
    let mut next = || words.next().unwrap_or_default();
    let (kind, account) = (next(), next());
    let account: Value =
        match (account.strip_prefix('"').and_then(|text| text.strip_suffix('"')), account.parse::<u64>()) {
            (Some(text), _) => text.into(),
            (None, Ok(number)) => number.into(),
            (None, Err(_)) => account.into(),
        };
    let rest = words.collect::<Vec<_>>().join(",");
    let actions: Vec<&str> = rest.split(',').filter(|action| !action.is_empty()).collect();
    serde_json::json!({"type": kind, "identifier": account, "actions": actions})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_detail_is_cut_and_can_be_unfolded_and_what_is_not_there_is_not_shown() {
        let languages = Words::ours();
        let words = languages.pick(None, None).words();
        let brief = |field: &Field, value: &str| {
            Shown::brief(field, &serde_json::json!({ field.name: value }), words).to_string()
        };
        let (detail, long) = (crate::thing::word("detail"), format!("began with {}", "x".repeat(BRIEF)));
        let shown = brief(&detail, &long);
        assert!(shown.contains(&format!("<bdi>{long}</bdi></details>")) && shown.contains("…"), "{shown}");
        assert_eq!(brief(&detail, "client.update"), "<bdi>client.update</bdi>");
        assert!(brief(&detail, "by_operator").contains("badge"));
        let none = Shown::of(&crate::thing::values("move"), &Value::Null, words);
        assert!(none.is_empty(), "a heading without anything below it: {none}");
        let some = crate::thing::some(&["code"], "response_types");
        let ticked = Shown::of(&some, &serde_json::json!({"response_types": ["code"]}), words).to_string();
        assert!(!ticked.contains("<li>"), "a bullet before a badge: {ticked}");
    }

    #[test]
    fn a_moment_that_was_entered_is_that_moment_and_what_is_none_is_none() {
        for (entered, millis_of) in [
            ("1970-01-01T00:00", 0),
            ("2026-01-31T14:05", 1_769_868_300_000),
            ("2026-01-31T14:05:30", 1_769_868_300_000),
            ("2024-02-29T23:59", 1_709_251_140_000),
            ("2000-03-01T00:00", 951_868_800_000),
        ] {
            assert_eq!(millis(entered), Some(millis_of), "{entered}");
        }
        for none in [
            "",
            "2026-02-30T00:00",
            "2026-13-01T00:00",
            "2026-01-31",
            "2026-01-31T24:00",
            "xT:",
            "T",
            "9-9-9T9:9",
        ] {
            assert_eq!(millis(none), None, "{none}");
        }
        assert_eq!(millis(&format!("{}-01-01T00:00", i64::MAX)), None);
    }

    #[test]
    fn what_is_shown_in_a_form_is_what_it_was_when_it_is_sent_again() {
        let thing = serde_json::json!({
            "redirect_uris": ["https://a.test/", "https://b.test/?x=1"],
            "accounts": [{"id": "35", "role": "the manager"}, {"id": "36", "role": ""}],
            "permissions": [
                {"type": "account", "identifier": 57, "actions": ["a/read", "b/all"]},
                {"type": "account", "identifier": "57", "actions": ["a/read"]},
                {"type": "account", "identifier": "acme", "actions": ["a/read"]},
            ],
            "grant_types": ["authorization_code"], "scope": "read write", "require_pkce": false, "name": null,
        });
        let fields = [
            crate::thing::lines("redirect_uris"),
            crate::thing::members("accounts"),
            crate::thing::permissions("permissions"),
            crate::thing::some(&["implicit", "authorization_code"], "grant_types"),
            crate::thing::text("scope"),
            crate::thing::flag("require_pkce").or("on"),
            crate::thing::text("name"),
        ];
        let entries = Entries::of(&fields, &thing);
        for field in &fields {
            assert_eq!(entries.value(field), thing[field.name], "{}", field.name);
        }
    }
}
