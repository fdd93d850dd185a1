//! A browser, as far as a bench needs one that waits for each answer: one connection, cookies, and forms filled in as they
//! stand in the page. The load of `crates/bench` is another, which must cost nothing.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::failure::{Failure, Outcome, While};

/// How long an answer may take; only says when to give up.
const PATIENCE: Duration = Duration::from_secs(60);
/// More than any page or part of a list.
const MOST_BYTES: u64 = 16 << 20;
/// How many pages lie between a request and what it leads to: more is a circle.
const PAGES: usize = 12;

/// One that is at home at one address.
pub(super) struct Browser {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
    cookies: BTreeMap<String, String>,
    /// More headers of every request, each with its line's end.
    headers: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where it leads, if it does.
    pub(super) location: Option<String>,
    pub(super) body: String,
}

impl Browser {
    pub(super) fn at(address: SocketAddr) -> Outcome<Self> {
        let stream = connected(address)?;
        Ok(Self { address, stream, cookies: BTreeMap::new(), headers: String::new() })
    }

    /// Goes on with another connection: a server ends one on which nothing was asked for a while.
    pub(super) fn reconnect(&mut self) -> Outcome {
        self.stream = connected(self.address)?;
        Ok(())
    }

    /// The same with a token in each request.
    pub(super) fn with_token(mut self, token: &str) -> Self {
        self.headers = format!("Authorization: Bearer {token}\r\n");
        self
    }

    pub(super) fn get(&mut self, target: &str) -> Outcome<Answer> {
        self.exchange("GET", target, "")
    }

    pub(super) fn post(&mut self, target: &str, fields: &[(&str, &str)]) -> Outcome<Answer> {
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.exchange("POST", target, &fields.join("&"))
    }

    /// Goes where a request leads, fills in the forms on the way, and gives the first answer that leads elsewhere or asks
    /// for nothing. A form with a password is filled in with this one's; any other is a question, and is approved.
    pub(super) fn walk(&mut self, target: &str, username: &str, password: &str) -> Outcome<Answer> {
        let mut answer = self.get(target)?;
        for _ in 0..PAGES {
            let here = format!("http://{}", self.address);
            answer = match (answer.status, answer.location.as_deref()) {
                (302 | 303, Some(location)) => {
                    let target = location.strip_prefix(&here).unwrap_or(location);
                    if !target.starts_with('/') {
                        return Ok(answer);
                    }
                    self.get(target)?
                }
                (200, _) => {
                    let Some(form) = Form::asking(&answer.body) else { return Ok(answer) };
                    let asks_who = form.fields.iter().any(|(name, _)| name == "password");
                    let mut fields: Vec<_> =
                        form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                    for (name, value) in &mut fields {
                        match *name {
                            "username" => *value = username,
                            "password" => *value = password,
                            _ => {}
                        }
                    }
                    if !asks_who {
                        fields.push(("decision", "approve"));
                    }
                    self.post(form.action.strip_prefix(&here).unwrap_or(&form.action), &fields)?
                }
                _ => return Err(answer.wrong(target)),
            };
        }
        Err(Failure::new(format!("{target} leads in a circle")))
    }

    fn exchange(&mut self, method: &str, target: &str, form: &str) -> Outcome<Answer> {
        let doing = || format!("{method} {target}");
        let here = format!("http://{}", self.address);
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies =
            if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) };
        let body = match method {
            "POST" => format!(
                "Origin: {here}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: {}\r\n\r\n{form}",
                form.len()
            ),
            _ => "\r\n".to_owned(),
        };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\n{}{cookies}{body}",
            self.address, self.headers
        );
        self.stream.get_mut().write_all(request.as_bytes()).during(doing())?;
        let (mut status, mut length, mut location) = (None, None, None);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).during(doing())?;
            let line = line.trim_end();
            match line.split_once(':') {
                None if line.is_empty() => break,
                None => status = line.split(' ').nth(1).and_then(|status| status.parse().ok()),
                Some((name, value)) => match name.to_ascii_lowercase().as_str() {
                    "content-length" => length = value.trim().parse::<u64>().ok(),
                    "location" => location = Some(value.trim().to_owned()),
                    "set-cookie" => self.keep(value.trim()),
                    _ => {}
                },
            }
        }
        let status = status.ok_or_else(|| Failure::new(format!("{}: no answer of HTTP", doing())))?;
        let length = length.filter(|length| *length <= MOST_BYTES);
        let length = length.ok_or_else(|| Failure::new(format!("{}: an answer of no length", doing())))?;
        let mut body = String::new();
        let read = (&mut self.stream).take(length).read_to_string(&mut body).during(doing())?;
        match u64::try_from(read) == Ok(length) {
            true => Ok(Answer { status, location, body }),
            false => Err(Failure::new(format!("{}: the answer breaks off", doing()))),
        }
    }

    fn keep(&mut self, cookie: &str) {
        let pair = cookie.split(';').next().unwrap_or_default();
        let Some((name, value)) = pair.split_once('=') else { return };
        if value.is_empty() {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

impl Answer {
    /// Fails unless the status is 200.
    pub(super) fn good(self, target: &str) -> Outcome<Self> {
        if self.status == 200 { Ok(self) } else { Err(self.wrong(target)) }
    }

    /// A failure that shows the answer.
    pub(super) fn wrong(&self, target: &str) -> Failure {
        let text: String = self.body.chars().take(400).collect();
        Failure::new(format!("{target} answered {}, to {:?}: {text}", self.status, self.location))
    }
}

fn connected(address: SocketAddr) -> Outcome<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address).during(format!("connecting to {address}"))?;
    stream.set_nodelay(true).during("setting up a connection")?;
    stream.set_read_timeout(Some(PATIENCE)).during("setting up a connection")?;
    Ok(BufReader::new(stream))
}

/// Where a form leads, and what is in it.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The first that is posted for what a person has to decide: it says so by its hidden fields.
    fn asking(page: &str) -> Option<Self> {
        let forms = page.split("<form").skip(1).filter_map(|form| form.split("</form>").next());
        let mut forms =
            forms.filter(|form| form.contains("name=\"password\"") || form.contains("name=\"decision\""));
        let form = forms.next()?;
        let fields = form.split("<input").skip(1);
        let fields = fields
            .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())));
        Some(Self { action: attribute(form, "action")?, fields: fields.collect() })
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    Some(value.replace("&#34;", "\"").replace("&#39;", "'").replace("&#38;", "&").replace("&amp;", "&"))
}

/// As a form has it, and a query.
pub(super) fn encoded(text: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_that_asks_is_found_beside_others() {
        let page = r#"<form action="/language"><button name="ui_locales" value="de">Deutsch</button></form>
                      <form method="post" action="/login?a=1&#38;b=2"><input type="hidden" name="csrf" value="x&#34;y">
                      <input name="username" required><input type="password" name="password"></form>"#;
        let form = Form::asking(page).unwrap();
        assert_eq!(form.action, "/login?a=1&b=2");
        let expected = [("csrf", "x\"y"), ("username", ""), ("password", "")];
        assert_eq!(form.fields, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert!(Form::asking("<form action=\"/search\"><input name=\"prefix\"></form>").is_none());
    }

    #[test]
    fn what_means_something_in_a_form_is_encoded() {
        assert_eq!(encoded("a+b c&d=é"), "a%2Bb%20c%26d%3D%C3%A9");
    }
}
