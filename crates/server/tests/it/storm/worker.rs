//! A client that does a bit of everything, whatever becomes of the server, and then asks what came of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use grantor_testkit::lifecycle::{Asked, Begun, Lifecycle, Told};

use super::chance::Chance;
use crate::browser::Browser;
use crate::deployment::{
    PASSWORD, USER, authorize, client_credentials, error, introspect, pair, redeem, refresh, revoke,
};
use crate::http::{Answer, Request};
use crate::world::until;

/// What a worker tells of each answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The server owes something now.
    Acknowledged,
    /// Not now; later perhaps.
    PutOff,
}

pub(super) struct Worker<'a> {
    lifecycle: &'a Lifecycle,
    tell: Sender<Heard>,
    chance: Chance,
    browser: Browser,
    base: String,
    /// Nobody answers any more.
    gone: bool,
    /// A name that no other worker has.
    name: u64,
    grants: Vec<Grant>,
    /// Tokens of clients themselves.
    own: Vec<Token>,
    /// All that was given, and how much of it at the last two looks back.
    given: Vec<Token>,
    looked_at: [usize; 2],
    redeemed: Vec<String>,
    lost_refreshes: Vec<(String, String)>,
    lost_codes: Vec<String>,
    /// The longest that any answer took, and any by which it was put off.
    pub(super) slowest: Duration,
    pub(super) slowest_to_put_off: Duration,
    pub(super) tally: Tally,
}

#[derive(Clone)]
struct Token {
    client: &'static str,
    grant: String,
    text: String,
}

struct Grant {
    /// The code it came of, as its name.
    code: String,
    access: Vec<String>,
    refresh: String,
}

/// What became of that which was in flight.
#[derive(Debug, Default)]
#[allow(dead_code, reason = "printed")]
pub(super) struct Tally {
    pub(super) put_off: usize,
    pub(super) refreshes_lost_after_commit: usize,
    refreshes_lost_before: usize,
    codes_lost_after_commit: usize,
    codes_lost_before: usize,
    replays: usize,
}

impl<'a> Worker<'a> {
    pub(super) fn new(lifecycle: &'a Lifecycle, tell: Sender<Heard>, seed: u64, name: u64) -> Self {
        Self {
            lifecycle,
            tell,
            chance: Chance::new(seed.wrapping_add(name + 1)),
            browser: Browser::new(""),
            base: String::new(),
            gone: false,
            name,
            grants: Vec::new(),
            own: Vec::new(),
            given: Vec::new(),
            looked_at: [0; 2],
            redeemed: Vec::new(),
            lost_refreshes: Vec::new(),
            lost_codes: Vec::new(),
            slowest: Duration::ZERO,
            slowest_to_put_off: Duration::ZERO,
            tally: Tally::default(),
        }
    }

    /// Works until nobody answers, or it is told to stop.
    pub(super) fn work(&mut self, base: &str, stop: &AtomicBool) {
        self.at(base);
        while !self.gone && !stop.load(Ordering::Acquire) {
            match self.step() {
                Some(()) => drop(self.tell.send(Heard::Acknowledged)),
                None if self.gone => {}
                None => {
                    let _ = self.tell.send(Heard::PutOff);
                    // As a client does that is told to come later; else all there is would be refusals.
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        }
    }

    fn at(&mut self, base: &str) {
        base.clone_into(&mut self.base);
        base.clone_into(&mut self.browser.base);
        self.gone = false;
    }

    /// The answer, unless it is that there is none now.
    fn ask(&mut self, request: &Request) -> Option<Answer> {
        let Some(answer) = request.try_send(&self.base) else {
            self.gone = true;
            return None;
        };
        self.slowest = self.slowest.max(answer.took);
        if answer.status != 503 {
            return Some(answer);
        }
        assert_eq!(answer.text("error"), "temporarily_unavailable");
        self.put_off(&answer);
        None
    }

    fn put_off(&mut self, answer: &Answer) {
        assert!(answer.header("retry-after").is_some(), "{}", answer.body);
        self.slowest_to_put_off = self.slowest_to_put_off.max(answer.took);
        self.tally.put_off += 1;
    }

    fn step(&mut self) -> Option<()> {
        match self.chance.below(100) {
            0..20 => self.speak_for_itself(),
            20..45 => self.be_approved(),
            45..75 if !self.grants.is_empty() => self.refresh(),
            75..82 if !self.own.is_empty() => {
                let at = self.chance.below(self.own.len());
                let token = self.own.swap_remove(at);
                self.end(&token, Asked::EndToken(token.text.clone()))
            }
            82..90 if !self.grants.is_empty() => {
                let at = self.chance.below(self.grants.len());
                let grant = &mut self.grants[at];
                let Some(text) = grant.access.pop() else { return self.be_approved() };
                let token = Token { client: "web", grant: grant.code.clone(), text };
                self.end(&token, Asked::EndToken(token.text.clone()))
            }
            90..93 if !self.grants.is_empty() => {
                let at = self.chance.below(self.grants.len());
                let Grant { code, refresh, .. } = self.grants.swap_remove(at);
                self.end(&Token { client: "web", grant: code, text: refresh }, Asked::EndGrant)
            }
            _ if !self.given.is_empty() => {
                let at = self.chance.below(self.given.len());
                let token = self.given[at].clone();
                self.look(&token).map(drop)
            }
            _ => self.speak_for_itself(),
        }
    }

    fn speak_for_itself(&mut self) -> Option<()> {
        let client = ["svc", "jws"][self.chance.below(2)];
        let grant = format!("{client} {}-{}", self.name, self.given.len());
        let begun = self.lifecycle.begin(&grant, Asked::Redeem);
        let answer = self.ask(&client_credentials(client))?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let text = answer.text("access_token");
        begun.told(Told::Tokens { access: text.clone(), refresh: None });
        let token = Token { client, grant, text };
        self.given.push(token.clone());
        self.own.push(token);
        Some(())
    }

    fn be_approved(&mut self) -> Option<()> {
        let back = self.browser.approve(&authorize("web"), USER, PASSWORD);
        self.slowest = self.slowest.max(self.browser.slowest);
        self.gone = back.is_none();
        let back = back?;
        if back.status == 503 {
            self.put_off(&back);
            return None;
        }
        let code = back.parameter("code").unwrap_or_else(|| panic!("no code: {} {}", back.status, back.body));
        let begun = self.lifecycle.begin(&code, Asked::Redeem);
        let Some(answer) = self.ask(&redeem(&code)) else {
            self.lost_codes.push(code);
            return None;
        };
        self.redeemed(begun, code, &answer);
        Some(())
    }

    /// Takes what a code gave. Whether it was right to refuse it is for the judge to say.
    fn redeemed(&mut self, begun: Begun<'_>, code: String, answer: &Answer) {
        if let Some((access, refresh)) = self.given(begun, &code, answer) {
            self.redeemed.push(code.clone());
            self.grants.push(Grant { code, access: vec![access], refresh });
        }
    }

    fn refresh(&mut self) -> Option<()> {
        let at = self.chance.below(self.grants.len());
        let (code, old) = (self.grants[at].code.clone(), self.grants[at].refresh.clone());
        let begun = self.lifecycle.begin(&code, Asked::Refresh(old.clone()));
        let Some(answer) = self.ask(&refresh(&old)) else {
            self.lost_refreshes.retain(|(of, _)| *of != code);
            self.lost_refreshes.push((code, old));
            return None;
        };
        self.refreshed(begun, &code, &answer);
        Some(())
    }

    fn refreshed(&mut self, begun: Begun<'_>, code: &str, answer: &Answer) {
        // Asked for again in time, or not worth asking for any more.
        self.lost_refreshes.retain(|(of, _)| of != code);
        let Some((access, refresh)) = self.given(begun, code, answer) else {
            return self.grants.retain(|grant| grant.code != code);
        };
        // Unless it was ended since the answer was lost.
        if let Some(grant) = self.grants.iter_mut().find(|grant| grant.code == code) {
            grant.access.push(access);
            grant.refresh = refresh;
        }
    }

    fn given(&mut self, begun: Begun<'_>, code: &str, answer: &Answer) -> Option<(String, String)> {
        if answer.status != 200 {
            assert_eq!(error(answer), (400, "invalid_grant".to_owned()));
            begun.told(Told::Refused);
            return None;
        }
        let (access, refresh) = pair(answer);
        begun.told(Told::Tokens { access: access.clone(), refresh: Some(refresh.clone()) });
        for text in [&access, &refresh] {
            self.given.push(Token { client: "web", grant: code.to_owned(), text: text.clone() });
        }
        Some((access, refresh))
    }

    fn end(&mut self, token: &Token, asked: Asked) -> Option<()> {
        let begun = self.lifecycle.begin(&token.grant, asked);
        let answer = self.ask(&revoke(token.client, &token.text))?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        begun.told(Told::Ended);
        Some(())
    }

    fn look(&mut self, token: &Token) -> Option<bool> {
        let begun = self.lifecycle.begin(&token.grant, Asked::Introspect(token.text.clone()));
        let answer = self.ask(&introspect(token.client, &token.text))?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let active = answer.json()["active"].as_bool().unwrap();
        begun.told(Told::Active(active));
        Some(active)
    }

    /// Asks a server that is well again what became of all since the last look but one, and goes on with what was in
    /// flight.
    pub(super) fn look_back(&mut self, base: &str) {
        self.at(base);
        let [from, last] = self.looked_at;
        self.looked_at = [last, self.given.len()];
        self.look_at(from);
        for (code, token) in std::mem::take(&mut self.lost_refreshes) {
            self.retry_refresh(&code, token);
        }
        for code in std::mem::take(&mut self.lost_codes) {
            self.retry_code(code);
        }
        // The last one before the kill, and one of all there were.
        let last = self.redeemed.pop();
        let any = (!self.redeemed.is_empty()).then(|| self.chance.below(self.redeemed.len()));
        for code in last.into_iter().chain(any.map(|at| self.redeemed[at].clone())) {
            self.replay(&code);
        }
    }

    /// The same of everything there ever was.
    pub(super) fn look_back_at_all(&mut self, base: &str) {
        self.at(base);
        self.look_at(0);
        for code in std::mem::take(&mut self.redeemed) {
            self.replay(&code);
        }
    }

    fn look_at(&mut self, from: usize) {
        for at in from..self.given.len() {
            let token = self.given[at].clone();
            // A server that is well answers, if not at once: its disk may be busy.
            until(|| self.look(&token));
        }
    }

    // H09, S02
    fn retry_refresh(&mut self, code: &str, text: String) {
        let token = Token { client: "web", grant: code.to_owned(), text };
        let active = until(|| self.look(&token));
        let begun = self.lifecycle.begin(code, Asked::Refresh(token.text.clone()));
        let Some(answer) = self.ask(&refresh(&token.text)) else {
            return self.lost_refreshes.push((code.to_owned(), token.text));
        };
        if active {
            self.tally.refreshes_lost_before += 1;
        } else {
            self.tally.refreshes_lost_after_commit += 1;
        }
        self.refreshed(begun, code, &answer);
    }

    // B15
    fn retry_code(&mut self, code: String) {
        let begun = self.lifecycle.begin(&code, Asked::Redeem);
        let Some(answer) = self.ask(&redeem(&code)) else { return self.lost_codes.push(code) };
        if answer.status == 200 {
            self.tally.codes_lost_before += 1;
        } else {
            self.tally.codes_lost_after_commit += 1;
        }
        self.redeemed(begun, code, &answer);
    }

    /// Redeems a code that was redeemed before, which must end what it gave.
    fn replay(&mut self, code: &str) {
        self.tally.replays += 1;
        self.grants.retain(|grant| grant.code != code);
        let begun = self.lifecycle.begin(code, Asked::Redeem);
        let Some(answer) = self.ask(&redeem(code)) else { return };
        self.given(begun, code, &answer);
        let given: Vec<_> = self.given.iter().filter(|token| token.grant == code).cloned().collect();
        for token in given.iter().rev().take(2) {
            until(|| self.look(token));
        }
    }
}
