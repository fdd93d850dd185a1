//! A browser: it keeps cookies, follows redirects, and fills in forms as they stand in the page.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::http::{Answer, Connection, Wrong};
use crate::message::{self, AUTHORIZE};
use crate::registrations::{Client, Person};

/// How many pages lie between an application and its answer: more is a circle.
const PAGES: usize = 12;

/// A person's browser at one server.
#[derive(Clone)]
pub(crate) struct Browser {
    address: SocketAddr,
    person: Person,
    cookies: BTreeMap<String, String>,
}

/// A code, and what redeems it.
pub(crate) struct Code {
    pub(crate) code: String,
    pub(crate) verifier: String,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr, person: &Person) -> Self {
        Self { address, person: person.clone(), cookies: BTreeMap::new() }
    }

    /// Walks from an application's authorization request to its code: logs in where that is asked, and approves.
    pub(crate) async fn authorize(
        &mut self,
        connection: &mut Connection,
        client: &Client,
    ) -> Result<Code, Wrong> {
        let verifier = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &client.id)
            .append_pair("redirect_uri", &client.redirect_uri)
            .append_pair("scope", "read")
            .append_pair("state", "af0ifjsldkj")
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        let mut answer = self.get(connection, &format!("{AUTHORIZE}?{query}")).await?;
        for _ in 0..PAGES {
            answer = match answer.status {
                302 | 303 => {
                    let location = answer.header("location").unwrap_or_default();
                    if let Some(rest) = location.strip_prefix(&client.redirect_uri) {
                        let code = code_of(rest).ok_or_else(|| answer.wrong("wanted a code"))?;
                        return Ok(Code { code, verifier });
                    }
                    let here = format!("http://{}", self.address);
                    let target = location.strip_prefix(&here).unwrap_or(location);
                    if !target.starts_with('/') {
                        return Err(answer.wrong("wanted the way back to the application"));
                    }
                    let target = target.to_owned();
                    self.get(connection, &target).await?
                }
                200 => self.submit(connection, &answer).await?,
                _ => return Err(answer.wrong("wanted a page or a redirect")),
            };
        }
        Err(answer.wrong("wanted an end"))
    }

    pub(crate) async fn get(&mut self, connection: &mut Connection, target: &str) -> Result<Answer, Wrong> {
        let request = message::get(self.address, target, &self.cookie());
        let answer = connection.exchange(&request).await?;
        self.keep(&answer);
        Ok(answer)
    }

    /// Submits the first form of a page, as this person fills it in.
    async fn submit(&mut self, connection: &mut Connection, page: &Answer) -> Result<Answer, Wrong> {
        let form = Form::first_of(&String::from_utf8_lossy(&page.body));
        let Form { action, mut fields } = form.ok_or_else(|| page.wrong("wanted a form"))?;
        for (name, value) in &mut fields {
            match name.as_str() {
                "username" | "login" => value.clone_from(&self.person.username),
                "password" => value.clone_from(&self.person.password),
                _ => {}
            }
        }
        if !fields.iter().any(|(name, _)| name == "password") {
            fields.push(("decision".to_owned(), "approve".to_owned()));
        }
        self.post(connection, &action, &fields).await
    }

    /// Posts a form, as from a page of the server's own.
    pub(crate) async fn post(
        &mut self,
        connection: &mut Connection,
        action: &str,
        fields: &[(String, String)],
    ) -> Result<Answer, Wrong> {
        let here = format!("http://{}", self.address);
        let action = action.strip_prefix(&here).unwrap_or(action);
        let headers = format!("Origin: {here}\r\nSec-Fetch-Site: same-origin\r\n{}", self.cookie());
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = connection.exchange(&message::post(self.address, action, &headers, &fields)).await?;
        self.keep(&answer);
        Ok(answer)
    }

    fn cookie(&self) -> String {
        if self.cookies.is_empty() {
            return String::new();
        }
        let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("Cookie: {}\r\n", pairs.join("; "))
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers("set-cookie") {
            let pair = cookie.split(';').next().unwrap_or_default();
            let Some((name, value)) = pair.split_once('=') else { continue };
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

fn code_of(rest: &str) -> Option<String> {
    let query = rest.strip_prefix('?')?;
    let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code");
    found.map(|(_, value)| value.into_owned())
}

/// Where a form leads, and what is in it.
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Form {
    pub(crate) fn first_of(page: &str) -> Option<Self> {
        let form = page.split("<form").nth(1)?.split("</form>").next()?;
        let fields = form.split("<input").skip(1);
        let fields = fields.filter_map(|tag| {
            let name = attribute(tag, "name")?;
            Some((name, attribute(tag, "value").unwrap_or_default()))
        });
        Some(Self { action: attribute(form, "action")?, fields: fields.collect() })
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let value = tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()?;
    let escapes = [("&#34;", "\""), ("&quot;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">")];
    let text = escapes.iter().fold(value.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain));
    // Last, so that nothing is unescaped twice.
    Some(text.replace("&#38;", "&").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_it_stands_in_the_page() {
        let page = r#"<p><form method="post" action="/a?b=1&#38;c=2"><input type="hidden" name="csrf" value="x&#34;y">
                      <input name="username"><button name="decision" value="approve">Go</button></form><form action="/no">"#;
        let form = Form::first_of(page).unwrap();
        assert_eq!(form.action, "/a?b=1&c=2");
        let expected = [("csrf", "x\"y"), ("username", "")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(form.fields, expected);
        assert!(Form::first_of("<p>no form").is_none());
    }

    #[test]
    fn a_code_is_found_in_the_way_back_and_an_error_is_none() {
        assert_eq!(code_of("?state=s&code=a%2Bb"), Some("a+b".to_owned()));
        assert_eq!(code_of("?error=access_denied"), None);
    }
}
