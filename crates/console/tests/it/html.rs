//! A page's tags, read as far as our own pages need it: every attribute is in double quotes.

use std::collections::{BTreeMap, BTreeSet};

/// A tag that begins an element.
#[derive(Debug, Clone)]
pub(crate) struct Tag {
    pub(crate) name: String,
    attributes: BTreeMap<String, String>,
    /// The text up to the next tag.
    pub(crate) text: String,
    /// Whether it is within a label.
    in_label: bool,
    /// Which form it is in, if any.
    form: Option<usize>,
}

impl Tag {
    pub(crate) fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.attributes.contains_key(name)
    }

    fn is_field(&self) -> bool {
        ["input", "select", "textarea"].contains(&self.name.as_str()) && self.get("type") != "hidden"
    }
}

/// A form, and what would be sent if nobody changed anything.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    pub(crate) method: String,
    pub(crate) action: String,
    /// Whether it has a file in it, and is sent in parts.
    pub(crate) in_parts: bool,
    pub(crate) fields: Vec<(String, String)>,
    /// The fields that people see.
    pub(crate) names: Vec<String>,
}

pub(crate) struct Page(pub(crate) Vec<Tag>);

impl Page {
    pub(crate) fn read(html: &str) -> Self {
        let (mut tags, mut labels, mut forms, mut form) = (Vec::new(), 0_usize, 0, None);
        for part in html.split('<').skip(1) {
            let (inside, text) = part.split_once('>').unwrap_or((part, ""));
            if let Some(name) = inside.strip_prefix('/') {
                match name {
                    "label" => labels -= 1,
                    "form" => form = None,
                    _ => {}
                }
                continue;
            }
            let (name, rest) = inside.split_once([' ', '\n']).unwrap_or((inside, ""));
            match name {
                "label" => labels += 1,
                "form" => {
                    form = Some(forms);
                    forms += 1;
                }
                _ => {}
            }
            tags.push(Tag {
                name: name.to_owned(),
                attributes: attributes(rest),
                text: unescaped(text),
                in_label: labels > 0,
                form,
            });
        }
        Self(tags)
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Tag> {
        self.0.iter().filter(move |tag| tag.name == name)
    }

    /// Where its links lead, of this server.
    pub(crate) fn links(&self) -> Vec<String> {
        let all = self.all("a").map(|tag| tag.get("href").to_owned());
        all.filter(|href| href.starts_with('/')).collect()
    }

    pub(crate) fn forms(&self) -> Vec<Form> {
        let forms = self.all("form").enumerate();
        forms.map(|(at, tag)| self.form(at, tag)).collect()
    }

    fn form(&self, at: usize, form: &Tag) -> Form {
        let (mut fields, mut names) = (Vec::new(), Vec::new());
        let mut select = String::new();
        for tag in self.0.iter().filter(|tag| tag.form == Some(at)) {
            let name = tag.get("name").to_owned();
            match tag.name.as_str() {
                "input" if tag.get("type") == "checkbox" => {
                    fields.extend(tag.has("checked").then(|| (name.clone(), tag.get("value").to_owned())));
                }
                "input" => fields.push((name.clone(), tag.get("value").to_owned())),
                // The first line break of a text area is none of its text.
                "textarea" => {
                    fields.push((name.clone(), tag.text.strip_prefix('\n').unwrap_or(&tag.text).to_owned()));
                }
                "select" => select.clone_from(&name),
                "option" if tag.has("selected") => fields.push((select.clone(), tag.get("value").to_owned())),
                _ => {}
            }
            if tag.is_field() {
                names.push(name);
            }
        }
        let (method, action) = (form.get("method").to_owned(), form.get("action").to_owned());
        let in_parts = form.get("enctype") == "multipart/form-data";
        Form { method, action, in_parts, fields, names }
    }

    /// What makes it hard to use, or impossible for some.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut ids = BTreeSet::new();
        for tag in self.0.iter().filter(|tag| tag.has("id")) {
            if !ids.insert(tag.get("id")) {
                faults.push(format!("the id {} twice", tag.get("id")));
            }
        }
        let labelled: BTreeSet<&str> = self.all("label").map(|tag| tag.get("for")).collect();
        for tag in &self.0 {
            let is_labelled = tag.in_label || labelled.contains(tag.get("id")) && tag.has("id");
            if tag.is_field() && !is_labelled && !tag.has("aria-label") {
                faults.push(format!("a field without a label: {tag:?}"));
            }
            for name in ["aria-describedby", "aria-labelledby"] {
                for id in tag.get(name).split_whitespace().filter(|id| !ids.contains(id)) {
                    faults.push(format!("{name} leads to {id}, which is not there"));
                }
            }
            if let Some(id) = tag.get("href").strip_prefix('#').filter(|id| !ids.contains(id)) {
                faults.push(format!("a link leads to #{id}, which is not there"));
            }
            if tag.name == "img" && !tag.has("alt") {
                faults.push("a picture without words".to_owned());
            }
            if tag.name == "svg" && (tag.get("role") != "img" || tag.get("aria-label").is_empty()) {
                faults.push("a chart without words".to_owned());
            }
            if tag.has("style") || tag.attributes.keys().any(|name| name.starts_with("on")) {
                faults.push(format!("what the policy forbids: {tag:?}"));
            }
        }
        if self.all("h1").count() != 1 {
            faults.push(format!("{} headings of the page", self.all("h1").count()));
        }
        if self.all("html").next().is_none_or(|tag| tag.get("lang").is_empty()) {
            faults.push("no language".to_owned());
        }
        faults
    }
}

fn attributes(text: &str) -> BTreeMap<String, String> {
    let (mut found, mut rest) = (BTreeMap::new(), text.trim());
    while !rest.is_empty() {
        let end = rest.find(['=', ' ', '\n']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(after) => after.split_once('"').unwrap_or((after, "")),
            None => ("", after),
        };
        found.insert(name.to_owned(), unescaped(value));
        rest = after.trim_start_matches(['=', ' ', '\n']);
    }
    found
}

pub(crate) fn unescaped(text: &str) -> String {
    ["&#34;\"", "&#39;'", "&#60;<", "&#62;>", "&#38;&"].iter().fold(text.to_owned(), |text, entity| {
        let (written, meant) = entity.split_at(5);
        text.replace(written, meant)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"<html lang="en"><h1>T</h1><form method="post" action="/a?b=c&#38;d">
<input type="hidden" name="csrf" value="x"><label for="n">N</label><input id="n" name="n" type="text" value="&#60;" required>
<label class="tick"><input type="checkbox" name="t" value="on" checked> T</label><label for="s">S</label>
<select id="s" name="s"><option value="1">1</option><option value="2" selected>2</option></select>
<label for="l">L</label><textarea id="l" name="l">
a
b</textarea></form><a href="/x">x</a></html>"#;

    #[test]
    fn a_form_is_read_as_a_browser_would_send_it() {
        let page = Page::read(GOOD);
        let form = &page.forms()[0];
        assert_eq!((form.method.as_str(), form.action.as_str()), ("post", "/a?b=c&d"));
        let sent: Vec<_> = form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(sent, [("csrf", "x"), ("n", "<"), ("t", "on"), ("s", "2"), ("l", "a\nb")]);
        assert_eq!(page.links(), ["/x"]);
        assert_eq!(page.faults(), Vec::<String>::new());
    }

    #[test]
    fn what_is_wrong_is_found() {
        for (from, to, fault) in [
            ("<label for=\"n\">", "<label for=\"m\">", "without a label"),
            ("<h1>T</h1>", "", "headings"),
            ("lang=\"en\"", "", "no language"),
            ("id=\"s\"", "id=\"n\"", "twice"),
            ("href=\"/x\"", "href=\"#x\"", "not there"),
            ("href=\"/x\"", "href=\"/x\" style=\"color:red\"", "forbids"),
            ("href=\"/x\"", "href=\"/x\" onclick=\"x()\"", "forbids"),
            ("<a ", "<svg></svg><a ", "chart"),
            ("<a ", "<img src=\"/y\"><a ", "picture"),
            (" required", " aria-describedby=\"q\"", "not there"),
        ] {
            let faults = Page::read(&GOOD.replace(from, to)).faults();
            assert!(faults.iter().any(|found| found.contains(fault)), "{fault}: {faults:?}");
        }
    }
}
