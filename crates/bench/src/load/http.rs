//! One connection to the server: bytes out, one answer back.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Why a run is worth nothing.
#[derive(Debug)]
pub(crate) struct Wrong(String);

impl Wrong {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self(format!("the connection: {error}"))
    }
}

/// A connection that stays open from one request to the next.
pub(crate) struct Connection {
    stream: TcpStream,
    /// What has come of the current answer.
    read: Vec<u8>,
}

/// An answer, as far as a load needs it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Wrong> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(4096) })
    }

    /// Sends one request and reads its answer, which must have a length or come in chunks.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Wrong> {
        self.stream.write_all(request).await?;
        self.read.clear();
        let head_length = loop {
            if let Some(at) = position(&self.read, b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(self.read.get(..head_length).unwrap_or_default()).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| Wrong::new(format!("no answer of HTTP: {head}")))?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let begin = head_length + 4;
        answer.body = match answer.header("content-length").map(str::parse::<usize>) {
            Some(Ok(length)) => self.rest(begin, length).await?,
            Some(Err(_)) => return Err(Wrong::new("a length that is no number")),
            None if answer.header("transfer-encoding") == Some("chunked") => self.chunks(begin).await?,
            None if matches!(status, 204 | 304) => Vec::new(),
            None => return Err(Wrong::new(format!("an answer without a length: {}", answer.head))),
        };
        Ok(answer)
    }

    async fn rest(&mut self, begin: usize, length: usize) -> Result<Vec<u8>, Wrong> {
        while self.read.len() < begin + length {
            self.more().await?;
        }
        Ok(self.read.get(begin..begin + length).unwrap_or_default().to_vec())
    }

    async fn chunks(&mut self, begin: usize) -> Result<Vec<u8>, Wrong> {
        let (mut body, mut at) = (Vec::new(), begin);
        loop {
            let line = loop {
                let here = self.read.get(at..).unwrap_or_default();
                if let Some(length) = position(here, b"\r\n") {
                    break length;
                }
                self.more().await?;
            };
            let size = String::from_utf8_lossy(self.read.get(at..at + line).unwrap_or_default()).into_owned();
            let size = usize::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16)
                .map_err(|_| Wrong::new("a chunk whose size is no number"))?;
            let start = at + line + 2;
            body.extend(self.rest(start, size).await?);
            // Each chunk ends in a line's end, the last and empty one too.
            self.rest(start + size, 2).await?;
            at = start + size + 2;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn more(&mut self) -> Result<(), Wrong> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(Wrong::new("the server closed the connection")),
            _ => Ok(()),
        }
    }

    /// Waits until the server closes the connection.
    pub(crate) async fn closed(&mut self) {
        while self.more().await.is_ok() {
            self.read.clear();
        }
    }
}

impl Answer {
    /// The first header of a name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.lines().find_map(|(this, value)| this.eq_ignore_ascii_case(name).then_some(value))
    }

    /// All headers of a name.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.lines().filter_map(move |(this, value)| this.eq_ignore_ascii_case(name).then_some(value))
    }

    fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.map(|(name, value)| (name, value.trim()))
    }

    /// Fails unless the status is this one; tells the answer if it does.
    pub(crate) fn must(self, status: u16) -> Result<Self, Wrong> {
        if self.status == status { Ok(self) } else { Err(self.wrong(&format!("wanted {status}"))) }
    }

    /// A failure that shows the answer.
    pub(crate) fn wrong(&self, why: &str) -> Wrong {
        let body = String::from_utf8_lossy(&self.body);
        Wrong::new(format!("{why}, and was answered:\n{}\n\n{body}", self.head))
    }
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
