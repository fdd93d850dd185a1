//! HTTP, small enough to stand on both sides: the parties ask by it, and the [`wire`](crate::wire) between them and the
//! server reads and writes the same. One request on one connection.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;

use base64::Engine as _;
use serde_json::Value;

use crate::judge::{Found, Outcome, broken, rule};
use crate::world::DEADLINE;

/// Everything that any party held and no log may hold.
pub(crate) static SECRETS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What is short could be anywhere.
const SHORT: usize = 16;

fn note(secret: &str) {
    if secret.len() >= SHORT {
        SECRETS.lock().unwrap().insert(secret.to_owned());
    }
}

/// A request.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

impl Asked {
    pub(crate) fn new(method: &str, target: &str, body: impl AsRef<[u8]>) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, headers: Vec::new(), body: body.as_ref().to_vec() }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target, "")
    }

    pub(crate) fn post(target: &str, fields: &[(&str, &str)]) -> Self {
        Self::new("POST", target, form(fields)).header("Content-Type", FORM)
    }

    pub(crate) fn json(method: &str, target: &str, body: &Value) -> Self {
        Self::new(method, target, body.to_string()).header("Content-Type", "application/json")
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As a client that authenticates by Basic.
    pub(crate) fn basic(self, id: &str, secret: &str) -> Self {
        note(secret);
        self.header("Authorization", &basic(id, secret))
    }

    pub(crate) fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path() == path
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The first parameter of that name in its query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        pairs(self.query().as_bytes()).into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The first field of that name in its form.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        pairs(&self.body).into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// Puts this value in the place of a field's, or of none; or takes the field away.
    pub(crate) fn set_field(&mut self, name: &str, value: Option<&str>) {
        self.body = replaced(&self.body, name, value).into_bytes();
    }

    pub(crate) fn set_parameter(&mut self, name: &str, value: Option<&str>) {
        self.target = format!("{}?{}", self.path(), replaced(self.query().as_bytes(), name, value));
    }

    pub(crate) fn has_header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(crate) fn drop_header(&mut self, name: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// The answer of a server that must give one.
    pub(crate) fn send(&self, base: &str) -> Result<Told, Found> {
        self.try_send(base).ok_or_else(|| rule(format!("{} {} was not answered", self.method, self.path())))
    }

    /// The answer, if all of one came.
    pub(crate) fn try_send(&self, base: &str) -> Option<Told> {
        self.hold(base)?.finish()
    }

    /// Sends all but the last byte, so that many can be let go at once.
    pub(crate) fn hold(&self, base: &str) -> Option<Held> {
        for name in ["code_verifier", "password", "client_secret", "code", "refresh_token", "token", "csrf"] {
            self.field(name).into_iter().for_each(|value| note(&value));
        }
        let mut stream = connect(base)?;
        let mut bytes = self.bytes(address(base));
        let last = bytes.pop()?;
        stream.write_all(&bytes).ok()?;
        Some(Held { stream, last, has_body: self.method != "HEAD" })
    }

    pub(crate) fn bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", self.method, self.target);
        if self.has_header("host").is_none() {
            head += &format!("Host: {host}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() || self.method == "POST" {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// Reads one from the peer; none if it is none, or the peer has gone.
    pub(crate) fn read(stream: &mut TcpStream) -> Option<Self> {
        let (first, mut headers, mut body) = read_head(stream)?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let length = find(&headers, "content-length").map_or(Some(0), |length| length.parse().ok())?;
        let had = body.len();
        if had < length {
            body.resize(length, 0);
            stream.read_exact(body.get_mut(had..)?).ok()?;
        }
        headers.retain(|(name, _)| !["connection", "content-length"].contains(&name.to_lowercase().as_str()));
        Some(Self { method, target, headers, body })
    }
}

/// A request of which one byte is missing.
pub(crate) struct Held {
    stream: TcpStream,
    last: u8,
    has_body: bool,
}

impl Held {
    pub(crate) fn finish(mut self) -> Option<Told> {
        self.stream.write_all(&[self.last]).ok()?;
        let told = Told::read(&mut self.stream, self.has_body)?;
        told.note_secrets();
        Some(told)
    }

    /// Gone, when the answer begins to come.
    pub(crate) fn abandon(mut self) -> Option<()> {
        self.stream.write_all(&[self.last]).ok()?;
        self.stream.peek(&mut [0]).ok().map(drop)
    }
}

impl Told {
    pub(crate) fn new(status: u16, kind: &str, body: &str) -> Self {
        Self { status, headers: vec![("content-type".to_owned(), kind.to_owned())], body: body.to_owned() }
    }

    pub(crate) fn json_of(status: u16, body: &Value) -> Self {
        let told = Self::new(status, "application/json", &body.to_string());
        told.with("cache-control", "no-store")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn read(stream: &mut TcpStream, has_body: bool) -> Option<Self> {
        let (first, headers, mut bytes) = read_head(stream)?;
        // A peer that was killed resets; what came before that may still be whole.
        let _ = stream.read_to_end(&mut bytes);
        let length = find(&headers, "content-length").and_then(|length| length.parse::<usize>().ok());
        if has_body && length.is_some_and(|length| length != bytes.len()) {
            return None;
        }
        let status = first.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, headers, body: String::from_utf8_lossy(&bytes).into_owned() })
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} As told\r\n", self.status);
        for (name, value) in &self.headers {
            if !["content-length", "connection", "transfer-encoding"].contains(&name.as_str()) {
                head += &format!("{name}: {value}\r\n");
            }
        }
        let end = format!("content-length: {}\r\nconnection: close\r\n\r\n", self.body.len());
        [head.as_bytes(), end.as_bytes(), self.body.as_bytes()].concat()
    }

    fn note_secrets(&self) {
        if let Ok(Value::Object(members)) = serde_json::from_str(&self.body) {
            let secret = ["access_token", "refresh_token", "client_secret", "password", "token"];
            members.iter().filter(|(name, _)| secret.contains(&name.as_str())).for_each(|(_, value)| {
                value.as_str().into_iter().for_each(note);
            });
        }
        self.parameter("code").iter().for_each(|code| note(code));
        for (_, value) in self.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = value.split(';').next().and_then(|pair| pair.split_once('='));
            pair.into_iter().for_each(|(_, value)| note(value));
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        find(&self.headers, name).unwrap_or_default()
    }

    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.drop_header(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn drop_header(&mut self, name: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// Null if it is no JSON.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// A text of the JSON it must be.
    pub(crate) fn text(&self, name: &str) -> Result<String, Found> {
        let found = self.value().get(name).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| broken(format!("no {name}: {self}")))
    }

    /// The OAuth error, or nothing.
    pub(crate) fn error(&self) -> String {
        self.value().get("error").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// A parameter of the address it sends the browser to.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.header("location").split_once('?')?;
        pairs(query.as_bytes()).into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    pub(crate) fn code(&self) -> Result<String, Found> {
        self.parameter("code").ok_or_else(|| broken(format!("no code: {self}")))
    }

    /// Must have gone well for the case to go on.
    pub(crate) fn must(self, status: u16) -> Result<Self, Found> {
        if self.status == status { Ok(self) } else { Err(broken(format!("instead of {status}: {self}"))) }
    }

    /// Refused with one of these statuses and errors, and with nothing given.
    pub(crate) fn refused(&self, what: &str, statuses: &[u16], errors: &[&str]) -> Outcome {
        let told = self.error();
        if self.body.contains("access_token\"") || self.parameter("code").is_some() {
            return Err(rule(format!("{what}: it was granted: {self}")));
        }
        if !statuses.contains(&self.status) || !errors.contains(&told.as_str()) {
            return Err(rule(format!("{what}: instead of {statuses:?} {errors:?}: {self}")));
        }
        Ok(())
    }

    /// ERRPAGE of the cases.
    pub(crate) fn error_page(&self, what: &str) -> Outcome {
        let leads_on = !self.header("location").is_empty()
            || self.body.contains("http-equiv")
            || self.body.contains("<script");
        if !(400..500).contains(&self.status)
            || leads_on
            || !self.header("content-type").starts_with("text/html")
        {
            return Err(rule(format!("{what}: no error page: {self}")));
        }
        Ok(())
    }

    /// REDIR(e) of the cases: to that address, with one of these errors, and without a code.
    pub(crate) fn redirected(&self, what: &str, to: &str, errors: &[&str]) -> Outcome {
        let error = self.parameter("error").unwrap_or_default();
        let is_so = [302, 303].contains(&self.status)
            && self.header("location").starts_with(&format!("{to}?"))
            && errors.contains(&error.as_str())
            && self.parameter("code").is_none()
            && self.parameter("iss").is_some();
        if is_so {
            Ok(())
        } else {
            Err(rule(format!("{what}: instead of a redirect with {errors:?}: {self}")))
        }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body: String = self.body.chars().take(160).collect();
        write!(f, "{} {}{}", self.status, self.header("location"), body.replace('\n', " "))
    }
}

pub(crate) fn basic(id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = base64::prelude::BASE64_STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
    format!("Basic {pair}")
}

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub(crate) fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

fn replaced(encoded: &[u8], name: &str, value: Option<&str>) -> String {
    let mut all = pairs(encoded);
    all.retain(|(n, _)| n != name);
    all.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish()
}

pub(crate) fn address(base: &str) -> &str {
    base.strip_prefix("http://").unwrap_or(base).split('/').next().unwrap_or_default()
}

pub(crate) fn connect(base: &str) -> Option<TcpStream> {
    let stream = TcpStream::connect(address(base)).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}

/// Sends bytes as they are, and gives what comes until the peer closes.
pub(crate) fn exchange(base: &str, bytes: &[u8]) -> Result<String, Found> {
    let mut stream = connect(base).ok_or_else(|| broken("nobody listens"))?;
    let mut answer = Vec::new();
    // The peer may close while there is something unread, and the rest be lost with that.
    let _ = stream.write_all(bytes);
    match stream.read_to_end(&mut answer) {
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Err(rule("the connection was neither answered nor closed"))
        }
        _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
    }
}

/// The first line, the headers, and what came with them of the body.
type Head = (String, Vec<(String, String)>, Vec<u8>);

fn read_head(stream: &mut TcpStream) -> Option<Head> {
    let mut bytes = Vec::new();
    let end = loop {
        let mut part = [0; 8192];
        let read = stream.read(&mut part).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(part.get(..read)?);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = head.lines();
    let first = lines.next()?.to_owned();
    let header = |line: &str| line.split_once(':').map(|(n, v)| (n.to_owned(), v.trim().to_owned()));
    Some((first, lines.filter_map(header).collect(), body))
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}
