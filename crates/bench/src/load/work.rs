//! What a connection does again and again, for each endpoint, and what must have been made beforehand.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use crate::browser::{Browser, Code};
use crate::http::{Connection, Wrong};
use crate::message::{self, INTROSPECT, REVOKE, TOKEN, Tokens};
use crate::registrations::{Client, Registrations};
use crate::{Endpoint, Options};

/// How many connections make what is needed beforehand.
const MAKERS: usize = 16;
/// How many live tokens are looked up in turn, and of how many grants those are that are refreshed in turn: nobody
/// refreshes one grant a thousand times a second.
const IN_TURN: usize = 1000;

/// What was made beforehand, and who asks. All connections share it.
pub(crate) struct Work {
    endpoint: Endpoint,
    pub(crate) address: SocketAddr,
    registrations: Registrations,
    /// Requests that are sent in turn, or, where each counts once, until there are no more.
    requests: Vec<Vec<u8>>,
    next: Cell<usize>,
    /// Of the person who approved the application.
    browser: RefCell<Browser>,
    own_sessions: bool,
    put_off: bool,
}

/// What a connection goes on with.
pub(crate) struct Worker {
    work: Rc<Work>,
    connection: Connection,
    /// The last refresh token it was given of each of its grants; the first is the next.
    refresh: VecDeque<String>,
    browser: Browser,
}

impl Work {
    pub(crate) async fn prepared(options: &Options) -> Result<Rc<Self>, Wrong> {
        let registrations = Registrations::read(&options.reader)?;
        let browser = RefCell::new(Browser::new(options.address, &registrations.person));
        let (endpoint, address) = (options.endpoint, options.address);
        let mut work = Self {
            endpoint,
            address,
            registrations,
            requests: Vec::new(),
            next: Cell::new(0),
            browser,
            own_sessions: options.own_sessions,
            put_off: options.put_off,
        };
        let Registrations { machine, signed, web, asking, reader, .. } = &work.registrations;
        let own_name = [("grant_type", "client_credentials"), ("scope", "read")];
        work.requests = match endpoint {
            Endpoint::Token => vec![message::by_client(address, TOKEN, machine, &own_name)],
            Endpoint::TokenJwt => vec![message::by_client(address, TOKEN, signed, &own_name)],
            Endpoint::Introspect => {
                let tokens = made(IN_TURN, address, || work.make_token(machine)).await?;
                let ask =
                    |token: &String| message::by_client(address, INTROSPECT, reader, &[("token", token)]);
                tokens.iter().map(ask).collect()
            }
            Endpoint::Revoke => {
                let tokens = made(options.prepare, address, || work.make_token(machine)).await?;
                let give = |token: &String| message::by_client(address, REVOKE, machine, &[("token", token)]);
                tokens.iter().map(give).collect()
            }
            Endpoint::Code => {
                work.log_in(web).await?;
                let codes = made(options.prepare, address, || work.make_code(web)).await?;
                codes.iter().map(|code| work.redeem(web, code)).collect()
            }
            Endpoint::Garbage => {
                let tokens = made(1, address, || work.make_token(machine)).await?;
                let token = spoilt(tokens.first().map(String::as_str).unwrap_or_default());
                vec![message::by_client(address, INTROSPECT, reader, &[("token", &token)])]
            }
            Endpoint::Refresh => {
                work.log_in(web).await?;
                Vec::new()
            }
            Endpoint::Flow => {
                work.log_in(asking).await?;
                Vec::new()
            }
            Endpoint::Login | Endpoint::Idle => return Err(Wrong::new("no measured load")),
        };
        Ok(Rc::new(work))
    }

    /// How many operations there are, where each uses something up.
    pub(crate) fn supply(&self) -> Option<usize> {
        match self.endpoint {
            Endpoint::Code | Endpoint::Revoke => Some(self.requests.len()),
            Endpoint::Token
            | Endpoint::TokenJwt
            | Endpoint::Refresh
            | Endpoint::Introspect
            | Endpoint::Flow
            | Endpoint::Garbage
            | Endpoint::Login
            | Endpoint::Idle => None,
        }
    }

    /// Goes the whole way once, so that whoever is asked once has been asked.
    async fn log_in(&self, client: &Client) -> Result<(), Wrong> {
        let mut connection = Connection::open(self.address).await?;
        let mut browser = self.browser.borrow().clone();
        let code = browser.authorize(&mut connection, client).await?;
        message::tokens(connection.exchange(&self.redeem(client, &code)).await?)?;
        self.browser.replace(browser);
        Ok(())
    }

    fn redeem(&self, client: &Client, code: &Code) -> Vec<u8> {
        redemption(self.address, client, code)
    }

    /// Makes reference tokens on a connection of its own.
    fn make_token(
        &self,
        client: &Client,
    ) -> impl AsyncFnMut(&mut Connection) -> Result<String, Wrong> + use<> {
        let fields = [("grant_type", "client_credentials"), ("scope", "read")];
        let request = message::by_client(self.address, TOKEN, client, &fields);
        async move |connection: &mut Connection| {
            Ok(message::tokens(connection.exchange(&request).await?)?.access)
        }
    }

    /// Makes refresh tokens, each of a grant of its own.
    fn make_refresh(&self) -> impl AsyncFnMut(&mut Connection) -> Result<String, Wrong> + use<> {
        let (mut browser, client) = (self.browser.borrow().clone(), self.registrations.web.clone());
        let address = self.address;
        async move |connection: &mut Connection| {
            let code = browser.authorize(connection, &client).await?;
            let tokens = message::tokens(connection.exchange(&redemption(address, &client, &code)).await?)?;
            tokens.refresh.ok_or_else(|| Wrong::new("wanted a refresh token"))
        }
    }

    /// Makes codes in the browser that is logged in.
    fn make_code(&self, client: &Client) -> impl AsyncFnMut(&mut Connection) -> Result<Code, Wrong> + use<> {
        let (mut browser, client) = (self.browser.borrow().clone(), client.clone());
        async move |connection: &mut Connection| browser.authorize(connection, &client).await
    }
}

fn redemption(address: SocketAddr, client: &Client, code: &Code) -> Vec<u8> {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code.code),
        ("redirect_uri", &client.redirect_uri),
        ("code_verifier", &code.verifier),
    ];
    message::by_client(address, TOKEN, client, &fields)
}

/// Makes so many of something, on several connections.
async fn made<T, M>(count: usize, address: SocketAddr, maker: impl Fn() -> M) -> Result<Vec<T>, Wrong>
where
    T: 'static,
    M: AsyncFnMut(&mut Connection) -> Result<T, Wrong> + 'static,
{
    let share = |number: usize| count / MAKERS + usize::from(number < count % MAKERS);
    let making = (0..MAKERS).map(|number| {
        let (mut make, share) = (maker(), share(number));
        tokio::task::spawn_local(async move {
            let mut connection = Connection::open(address).await?;
            let mut all = Vec::with_capacity(share);
            for _ in 0..share {
                all.push(make(&mut connection).await?);
            }
            Ok::<_, Wrong>(all)
        })
    });
    let mut all = Vec::with_capacity(count);
    for task in making.collect::<Vec<_>>() {
        all.extend(task.await.map_err(|error| Wrong::new(error.to_string()))??);
    }
    Ok(all)
}

/// The same token with other letters in the middle: of its shape, and nobody's.
fn spoilt(token: &str) -> String {
    let middle = token.len() / 2;
    let turned = |at: usize, c: char| match c {
        'A' if at.abs_diff(middle) < 4 => 'B',
        c if at.abs_diff(middle) < 4 && c.is_ascii_alphanumeric() => 'A',
        c => c,
    };
    token.char_indices().map(|(at, c)| turned(at, c)).collect()
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Yes,
    /// The server has too much to do, and may be asked again after so long.
    PutOff(Duration),
    /// There was nothing left to do.
    Nothing,
}

impl Worker {
    /// Several at once, with what this endpoint needs on each, and connections that have not waited yet: a server closes
    /// those that say nothing for long.
    pub(crate) async fn ready(work: &Rc<Work>, count: usize) -> Result<Vec<Self>, Wrong> {
        let tokens = match work.endpoint {
            Endpoint::Refresh => made(count.max(IN_TURN), work.address, || work.make_refresh()).await?,
            Endpoint::Token
            | Endpoint::TokenJwt
            | Endpoint::Code
            | Endpoint::Introspect
            | Endpoint::Revoke
            | Endpoint::Flow
            | Endpoint::Garbage
            | Endpoint::Login
            | Endpoint::Idle => Vec::new(),
        };
        let mut workers = Vec::with_capacity(count);
        for number in 0..count {
            let refresh = tokens.iter().skip(number).step_by(count).cloned().collect();
            let connection = Connection::open(work.address).await?;
            // Nobody is logged in here yet; whoever must, does so in the first operation, before it is measured.
            let browser = match work.own_sessions {
                true => Browser::new(work.address, &work.registrations.person),
                false => work.browser.borrow().clone(),
            };
            workers.push(Self { work: Rc::clone(work), connection, refresh, browser });
        }
        Ok(workers)
    }

    /// Does it once.
    pub(crate) async fn once(&mut self) -> Result<Done, Wrong> {
        let work = Rc::clone(&self.work);
        match work.endpoint {
            Endpoint::Refresh => {
                let Some(held) = self.refresh.pop_front() else { return Ok(Done::Nothing) };
                let fields = [("grant_type", "refresh_token"), ("refresh_token", held.as_str())];
                let request = message::by_client(work.address, TOKEN, &work.registrations.web, &fields);
                let tokens = message::tokens(self.connection.exchange(&request).await?)?;
                self.refresh.push_back(rotated(&held, tokens)?);
                return Ok(Done::Yes);
            }
            Endpoint::Flow => {
                let asking = &work.registrations.asking;
                let code = self.browser.authorize(&mut self.connection, asking).await?;
                message::tokens(self.connection.exchange(&work.redeem(asking, &code)).await?)?;
                return Ok(Done::Yes);
            }
            Endpoint::Token
            | Endpoint::TokenJwt
            | Endpoint::Code
            | Endpoint::Introspect
            | Endpoint::Revoke
            | Endpoint::Garbage
            | Endpoint::Login
            | Endpoint::Idle => {}
        }
        let at = work.next.get();
        work.next.set(at + 1);
        let at = if work.supply().is_some() { at } else { at % work.requests.len().max(1) };
        let Some(request) = work.requests.get(at) else { return Ok(Done::Nothing) };
        let answer = self.connection.exchange(request).await?;
        if work.put_off && answer.status == 503 {
            let seconds = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
            let seconds = seconds.ok_or_else(|| answer.wrong("put off, and not told for how long"))?;
            return Ok(Done::PutOff(Duration::from_secs(seconds)));
        }
        match work.endpoint {
            Endpoint::TokenJwt => drop(message::signed_token(answer)?),
            Endpoint::Introspect => message::is_active(answer, true)?,
            Endpoint::Garbage => message::is_active(answer, false)?,
            Endpoint::Revoke => drop(answer.must(200)?),
            Endpoint::Token
            | Endpoint::Code
            | Endpoint::Refresh
            | Endpoint::Flow
            | Endpoint::Login
            | Endpoint::Idle => drop(message::tokens(answer)?),
        }
        Ok(Done::Yes)
    }
}

/// The refresh token that came in the place of one.
fn rotated(held: &str, tokens: Tokens) -> Result<String, Wrong> {
    match tokens.refresh {
        Some(next) if next != held => Ok(next),
        Some(_) => Err(Wrong::new("a refresh token that was not rotated")),
        None => Err(Wrong::new("wanted a refresh token")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spoilt_token_has_the_same_shape_and_is_another() {
        for token in ["gra_at_AAAAAAAAAAAAAAAA", "abcdefghijklmnop", "a.b-c_d"] {
            let other = spoilt(token);
            assert_eq!(other.len(), token.len());
            assert_ne!(other, token);
        }
    }
}
