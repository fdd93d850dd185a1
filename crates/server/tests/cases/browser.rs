//! A browser: it keeps cookies, and submits forms as they stand in the page.

use std::collections::BTreeMap;

use crate::http::{Asked, Told};
use crate::judge::{Found, broken};
use crate::place::{ISSUER, PASSWORD};

#[derive(Clone)]
pub(crate) struct Browser {
    base: String,
    pub(crate) cookies: BTreeMap<String, String>,
    /// What it says of itself when it posts.
    pub(crate) headers: Vec<(String, String)>,
}

impl Browser {
    pub(crate) fn new(base: &str) -> Self {
        let says = [("Origin", ISSUER), ("Sec-Fetch-Site", "same-origin")];
        let headers = says.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { base: base.to_owned(), cookies: BTreeMap::new(), headers }
    }

    /// The same at another address of the server.
    pub(crate) fn move_to(&mut self, base: &str) {
        base.clone_into(&mut self.base);
    }

    pub(crate) fn get(&mut self, target: &str) -> Result<Told, Found> {
        self.send(Asked::get(target))
    }

    /// A page, after all redirects within this server.
    pub(crate) fn open(&mut self, target: &str) -> Result<Told, Found> {
        let mut told = self.get(target)?;
        while told.header("location").starts_with('/') {
            let onward = told.header("location").to_owned();
            told = self.get(&onward)?;
        }
        Ok(told)
    }

    pub(crate) fn post(&mut self, target: &str, fields: &[(&str, &str)]) -> Result<Told, Found> {
        let mut asked = Asked::post(target, fields);
        asked.headers.extend(self.headers.iter().cloned());
        self.send(asked)
    }

    /// Submits the form of a page that has this field, with what is filled in.
    pub(crate) fn submit(&mut self, page: &Told, filled: &[(&str, &str)]) -> Result<Told, Found> {
        let (action, mut fields) = form_of(page)?;
        for (name, value) in filled {
            fields.retain(|(n, _)| n != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.post(&action, &fields)
    }

    pub(crate) fn send(&mut self, mut asked: Asked) -> Result<Told, Found> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            asked = asked.header("Cookie", &cookies.join("; "));
        }
        let told = asked.send(&self.base)?;
        for (_, value) in told.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let Some((pair, attributes)) = value.split_once(';') else { continue };
            let Some((name, value)) = pair.split_once('=') else { continue };
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(told)
    }

    pub(crate) fn log_in(&mut self, user: &str, password: &str) -> Result<Told, Found> {
        let page = self.get("/login")?;
        self.submit(&page, &[("username", user), ("password", password)])
    }

    /// Logged in, as the case takes for granted.
    pub(crate) fn logged_in(mut self, user: &str) -> Result<Self, Found> {
        self.log_in(user, PASSWORD)?.must(303)?;
        Ok(self)
    }

    pub(crate) fn is_logged_in(&mut self) -> Result<bool, Found> {
        Ok(self.get("/account")?.status == 200)
    }

    pub(crate) fn session(&self) -> String {
        self.cookies.get("__Host-grantor_session").cloned().unwrap_or_default()
    }

    /// Walks an authorization request to its end, and gives the way back to the client, or what came instead of it.
    pub(crate) fn approve(&mut self, target: &str) -> Result<Told, Found> {
        let page = self.get(target)?;
        if page.status != 200 {
            return Ok(page);
        }
        self.submit(&page, &[("decision", "approve")])
    }
}

/// Where the first form of a page leads, and what is in it.
pub(crate) fn form_of(page: &Told) -> Result<(String, Vec<(String, String)>), Found> {
    let form = page.body.split("<form").nth(1).ok_or_else(|| broken(format!("no form: {page}")))?;
    let form = form.split("</form>").next().unwrap_or_default();
    let fields = form.split("<input").skip(1);
    let fields = fields.filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)));
    let action =
        attribute(form, "action").ok_or_else(|| broken(format!("a form that leads nowhere: {page}")))?;
    Ok((action, fields.collect()))
}

/// A field of the first form of a page.
pub(crate) fn field(page: &Told, name: &str) -> Result<String, Found> {
    let found = form_of(page)?.1.into_iter().find(|(n, _)| n == name);
    found.map(|(_, value)| value).ok_or_else(|| broken(format!("no {name}: {page}")))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    let escapes = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
    Some(escapes.iter().fold(value.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain)))
}
