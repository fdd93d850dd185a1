//! What the API tells, as it is shown; and what was entered, as the API takes it.

use std::fmt;

use askama::filters::{Escaper as _, Html, HtmlSafe};
use grantor_core::Time;
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
            | Kind::Time
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
            Kind::Of(page) => self.link(page, &plain(value)),
            Kind::Ofs(page) => self.list(value, |shown, item| shown.link(page, &plain(item))),
            Kind::Flag => self.flag(field, value, words),
            Kind::Some(_) => self.list(value, |shown, item| shown.word(&plain(item), words)),
            Kind::One(_) | Kind::Word => self.word(&plain(value), words),
            Kind::Time => self.time(value.as_i64()),
            Kind::Seconds => self.time(value.as_i64().map(|seconds| seconds.saturating_mul(1000))),
            Kind::Members => self.list(value, |shown, item| shown.member(item)),
            Kind::Permissions => {
                self.list(value, |shown, item| shown.within("span", "code", &permission(item)));
            }
            Kind::Values => self.table(value),
            Kind::Dangers => self.list(value, |shown, item| shown.danger(item)),
            Kind::Count => self.text(&match value {
                Value::Array(items) => items.len().to_string(),
                other => plain(other),
            }),
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
        if let Some(moment) = millis.map(Moment::of) {
            self.html.push_str(&moment.html());
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

    fn member(&mut self, member: &Value) {
        self.link("accounts", &plain(member.get("id").unwrap_or(&Value::Null)));
        self.html.push(' ');
        self.within("span", "note", &plain(member.get("role").unwrap_or(&Value::Null)));
    }

    fn secret(&mut self, secret: &Value, words: &Words) {
        let moment = |name| secret.get(name).and_then(Value::as_i64).map(|at| Moment::of(at).text);
        let since = moment("created_at").unwrap_or_default();
        let said = match moment("expires_at") {
            Some(until) => words.page.since_until.plain(&[("since", &since), ("until", &until)]),
            None => words.page.since_only.plain(&[("since", &since)]),
        };
        self.text(&said);
    }

    fn danger(&mut self, danger: &Value) {
        let told = |name| plain(danger.get(name).unwrap_or(&Value::Null));
        self.within("code", "", &told("key"));
        self.html.push_str(" <span lang=\"en\">");
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

/// A moment to the minute, in UTC.
pub(crate) struct Moment {
    machine: String,
    pub(crate) text: String,
}

impl Moment {
    pub(crate) fn of(millis: i64) -> Self {
        let time = Time::from_unix_millis(millis).to_string();
        let minute: String = time.chars().take("2026-01-31T14:05".len()).collect();
        Self { text: format!("{} UTC", minute.replace('T', " ")), machine: minute + "Z" }
    }

    fn html(&self) -> String {
        format!("<time datetime=\"{}\">{}</time>", self.machine, self.text)
    }
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
    let account = match of("identifier") {
        Value::String(text) if text.parse::<u64>().is_ok() => format!("\"{text}\""),
        other => plain(other),
    };
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
            kind!(line) => Some(text.trim()).filter(|text| !text.is_empty()).into(),
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
    let account: Value = match (account.strip_prefix('"').and_then(|text| text.strip_suffix('"')), account.parse::<u64>()) {
        (Some(text), _) => text.into(),
        (None, Ok(number)) => number.into(),
        (None, Err(_)) => account.into(),
    };
    let rest = words.collect::<Vec<_>>().join(",");
    let actions: Vec<&str> = rest.split(',').filter(|action| !action.is_empty()).collect();
    serde_json::json!({"type": kind, "identifier": account, "actions": actions})
}
