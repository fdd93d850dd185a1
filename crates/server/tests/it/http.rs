//! HTTP as a client speaks it: one request on one connection, which may break.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::Value;

use crate::world::DEADLINE;

#[derive(Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str, body: &[u8]) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: body.to_vec(),
        }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target, b"")
    }

    pub(crate) fn post(target: &str, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        Self::new("POST", target, body.as_bytes()).header("Content-Type", "application/x-www-form-urlencoded")
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As a client that authenticates by Basic.
    pub(crate) fn by(self, client: &str, secret: &str) -> Self {
        self.header("Authorization", &basic(client, secret))
    }

    /// The answer of a server that must give one.
    pub(crate) fn send(&self, base: &str) -> Answer {
        self.try_send(base).unwrap_or_else(|| panic!("{} {} was not answered", self.method, self.target))
    }

    /// The answer, if all of one came: then the server stands by it.
    pub(crate) fn try_send(&self, base: &str) -> Option<Answer> {
        let begun = Instant::now();
        let answer = self.hold(base)?.finish()?;
        Some(Answer { took: begun.elapsed(), ..answer })
    }

    /// Sends all but the last byte, so that many requests can be let go at once.
    pub(crate) fn hold(&self, base: &str) -> Option<Held> {
        let mut stream = connect(base)?;
        let mut bytes = self.bytes(base);
        let last = bytes.pop().unwrap();
        stream.write_all(&bytes).ok()?;
        Some(Held { stream, last })
    }

    /// Sends so many bytes, and is gone.
    pub(crate) fn break_off_after(&self, base: &str, count: usize) {
        connect(base).unwrap().write_all(&self.bytes(base)[..count]).unwrap();
    }

    /// Sends all of it, and is gone when the answer begins to come.
    pub(crate) fn break_off_before_the_answer(&self, base: &str) {
        let mut stream = connect(base).unwrap();
        stream.write_all(&self.bytes(base)).unwrap();
        stream.peek(&mut [0]).unwrap();
    }

    /// The request as it is sent.
    pub(crate) fn bytes(&self, base: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {}\r\n", address(base));
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if self.method != "GET" {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "\r\n";
        [head.as_bytes(), &self.body].concat()
    }
}

fn address(base: &str) -> &str {
    base.strip_prefix("http://").unwrap()
}

fn connect(base: &str) -> Option<TcpStream> {
    let stream = TcpStream::connect(address(base)).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_nodelay(true).unwrap();
    Some(stream)
}

pub(crate) fn basic(client: &str, secret: &str) -> String {
    let pair = base64::prelude::BASE64_STANDARD.encode(format!("{client}:{secret}"));
    format!("Basic {pair}")
}

/// A request of which one byte is missing.
pub(crate) struct Held {
    stream: TcpStream,
    last: u8,
}

impl Held {
    pub(crate) fn finish(mut self) -> Option<Answer> {
        self.stream.write_all(&[self.last]).ok()?;
        let mut bytes = Vec::new();
        // A peer that was killed resets; what came before that may still be whole.
        let _ = self.stream.read_to_end(&mut bytes);
        Answer::parse(&String::from_utf8(bytes).unwrap())
    }
}

pub(crate) struct Answer {
    /// How long it was from the first byte sent to the last one read, where that was asked in one go.
    pub(crate) took: Duration,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let header = |line: &str| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_owned(), value.to_owned()))
        };
        let took = Duration::ZERO;
        let answer =
            Self { took, status, headers: lines.filter_map(header).collect(), body: body.to_owned() };
        let length = answer.header("content-length").map(|length| length.parse::<usize>().unwrap());
        // Half an answer is none.
        length.is_none_or(|length| length == body.len()).then_some(answer)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.body))
    }

    /// The text under a name of a JSON answer.
    pub(crate) fn text(&self, name: &str) -> String {
        let json = self.json();
        json[name].as_str().unwrap_or_else(|| panic!("no {name}: {} {json}", self.status)).to_owned()
    }

    /// A parameter of the address it sends the browser to.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.header("location")?.split_once('?')?;
        form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
    }
}
