//! A browser: it keeps cookies and fills in forms.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::http::{Answer, Request};

pub(crate) struct Browser {
    pub(crate) base: String,
    /// The host it believes to speak to, if not that of the address.
    pub(crate) origin: Option<String>,
    cookies: BTreeMap<String, String>,
    /// What was held in cookies and hidden fields at any time.
    pub(crate) held: Vec<String>,
    /// The longest that an answer took.
    pub(crate) slowest: Duration,
}

impl Browser {
    pub(crate) fn new(base: &str) -> Self {
        let (cookies, slowest) = (BTreeMap::new(), Duration::ZERO);
        Self { base: base.to_owned(), origin: None, cookies, held: Vec::new(), slowest }
    }

    /// The answer to a request, and its cookies kept; `None` if the server is gone.
    fn send(&mut self, request: Request) -> Option<Answer> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request =
            if cookies.is_empty() { request } else { request.header("Cookie", &cookies.join("; ")) };
        // As browsers do; without it, nothing tells a page's own form from another site's.
        let request = match &self.origin {
            Some(origin) => {
                let host = origin.split_once("://").unwrap().1;
                request.header("Host", host).header("Origin", origin)
            }
            None => request,
        };
        let answer = request.try_send(&self.base)?;
        self.slowest = self.slowest.max(answer.took);
        for (name, value) in &answer.headers {
            if name == "set-cookie" {
                let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
                self.held.extend(Some(value.to_owned()).filter(|value| !value.is_empty()));
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Some(answer)
    }

    /// A page, after all redirects within this server.
    pub(crate) fn open(&mut self, target: &str) -> Option<Answer> {
        let mut answer = self.send(Request::get(target))?;
        while let Some(onward) = answer.header("location").filter(|to| to.starts_with('/')).map(str::to_owned)
        {
            answer = self.send(Request::get(&onward))?;
        }
        Some(answer)
    }

    /// Sends the last form of a page, with these fields filled in.
    pub(crate) fn submit(&mut self, page: &Answer, fields: &[(&str, &str)]) -> Option<Answer> {
        let form = page.body.split("<form").last().unwrap();
        let action =
            attribute(form, "action").unwrap_or_else(|| panic!("no form: {} {}", page.status, page.body));
        let inputs = form.split("<input").skip(1).filter(|input| input.contains("type=\"hidden\""));
        let hidden: Vec<_> = inputs
            .map(|input| (attribute(input, "name").unwrap(), attribute(input, "value").unwrap()))
            .collect();
        assert!(hidden.iter().any(|(name, _)| name == "csrf"), "a form that anybody could have sent");
        self.held.extend(hidden.iter().map(|(_, value)| value.clone()).filter(|value| !value.is_empty()));
        let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<_> = hidden.chain(fields.iter().copied()).collect();
        self.send(Request::post(&action, &fields))
    }

    /// Opens an authorization request, logging in on the way where that is asked for, and gives what came of it: a page, or
    /// the way back to the client.
    pub(crate) fn ask(&mut self, target: &str, user: &str, password: &str) -> Answer {
        let page = self.open(target).unwrap();
        if !page.body.contains("name=\"password\"") {
            return page;
        }
        let next = self.submit(&page, &[("username", user), ("password", password)]).unwrap();
        assert_eq!(next.status, 303, "{}", next.body);
        self.open(next.header("location").unwrap()).unwrap()
    }

    /// Walks an authorization request to its end, and gives the address the client is answered at; or the page on which
    /// he is told to come again.
    pub(crate) fn approve(&mut self, target: &str, user: &str, password: &str) -> Option<Answer> {
        let mut page = self.open(target)?;
        if page.status == 503 {
            return Some(page);
        }
        if page.body.contains("name=\"password\"") {
            let next = self.submit(&page, &[("username", user), ("password", password)])?;
            if next.status == 503 {
                return Some(next);
            }
            assert_eq!(next.status, 303, "{}", next.body);
            page = self.open(next.header("location").unwrap())?;
            if page.status == 503 {
                return Some(page);
            }
        }
        if page.status == 303 {
            // He approved it before.
            return Some(page);
        }
        self.submit(&page, &[("decision", "approve")])
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split('>').next()?.split_once(&format!("{name}=\""))?;
    let escapes =
        [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&"), ("&amp;", "&")];
    let raw = rest.split('"').next()?.to_owned();
    Some(escapes.iter().fold(raw, |text, (escaped, plain)| text.replace(escaped, plain)))
}
