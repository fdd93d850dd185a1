//! A client that does a bit of everything until the server is gone, and then asks what became of it.

use std::sync::mpsc::Sender;

use super::chance::Chance;
use super::history::{Fact, Recorder, What};
use crate::browser::Browser;
use crate::deployment::{self, client_credentials, error, is_active, pair, redeem, refresh, revoke};
use crate::http::Answer;

pub(super) struct Worker<'a> {
    recorder: &'a Recorder,
    /// Told of every answer that makes the server owe something.
    acknowledged: Sender<()>,
    chance: Chance,
    browser: Browser,
    /// Tokens of clients themselves.
    own: Vec<Token>,
    grants: Vec<Grant>,
    /// All that was given since the last but one kill.
    recent: [Vec<Token>; 2],
    redeemed: Vec<String>,
    lost_refreshes: Vec<(String, String)>,
    lost_codes: Vec<String>,
    pub(super) tally: Tally,
}

#[derive(Clone)]
struct Token {
    client: &'static str,
    text: String,
}

struct Grant {
    /// The code it came of, as its name.
    code: String,
    access: Vec<String>,
    refresh: String,
}

/// What became of that which was in flight at a kill.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) refreshes_lost_after_commit: usize,
    pub(super) refreshes_lost_before: usize,
    pub(super) codes_lost_after_commit: usize,
    pub(super) codes_lost_before: usize,
    pub(super) replays: usize,
}

impl<'a> Worker<'a> {
    pub(super) fn new(recorder: &'a Recorder, acknowledged: Sender<()>, seed: u64) -> Self {
        Self {
            recorder,
            acknowledged,
            chance: Chance::new(seed),
            browser: Browser::new(""),
            own: Vec::new(),
            grants: Vec::new(),
            recent: [Vec::new(), Vec::new()],
            redeemed: Vec::new(),
            lost_refreshes: Vec::new(),
            lost_codes: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Works until nobody answers.
    pub(super) fn work(&mut self, base: &str) {
        base.clone_into(&mut self.browser.base);
        self.recent.swap(0, 1);
        self.recent[1].clear();
        while self.step(base).is_some() {}
    }

    fn step(&mut self, base: &str) -> Option<()> {
        match self.chance.below(100) {
            0..25 => self.speak_for_itself(base),
            25..50 => self.be_approved(base),
            50..80 if !self.grants.is_empty() => self.refresh(base),
            80..87 if !self.own.is_empty() => {
                let at = self.chance.below(self.own.len());
                let Token { client, text } = self.own.swap_remove(at);
                self.revoke(base, client, &text, What::Token(text.clone()))
            }
            87..95 if !self.grants.is_empty() => {
                let at = self.chance.below(self.grants.len());
                let Some(access) = self.grants[at].access.pop() else { return Some(()) };
                self.revoke(base, "web", &access, What::Token(access.clone()))
            }
            95.. if !self.grants.is_empty() => {
                let at = self.chance.below(self.grants.len());
                let Grant { code, refresh, .. } = self.grants.swap_remove(at);
                self.revoke(base, "web", &refresh, What::Grant(code))
            }
            _ => Some(()),
        }
    }

    fn speak_for_itself(&mut self, base: &str) -> Option<()> {
        let client = ["svc", "jws"][self.chance.below(2)];
        let answer = client_credentials(client).try_send(base)?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.given(client, &answer.text("access_token"), None);
        self.own.push(Token { client, text: answer.text("access_token") });
        self.acknowledge()
    }

    fn be_approved(&mut self, base: &str) -> Option<()> {
        let code = deployment::code(&mut self.browser)?;
        let Some(answer) = redeem(&code).try_send(base) else {
            self.lost_codes.push(code);
            return None;
        };
        self.redeemed(code, &answer);
        self.acknowledge()
    }

    fn redeemed(&mut self, code: String, answer: &Answer) {
        let (access, refresh) = pair(answer);
        self.recorder.record(Fact::Redeemed { code: code.clone() });
        self.given("web", &access, Some(&code));
        self.given("web", &refresh, Some(&code));
        self.redeemed.push(code.clone());
        self.grants.push(Grant { code, access: vec![access], refresh });
    }

    fn refresh(&mut self, base: &str) -> Option<()> {
        let at = self.chance.below(self.grants.len());
        let (code, old) = (self.grants[at].code.clone(), self.grants[at].refresh.clone());
        self.recorder.record(Fact::RefreshSent { token: old.clone() });
        let Some(answer) = refresh(&old).try_send(base) else {
            self.lost_refreshes.push((code, old));
            return None;
        };
        self.refreshed(&code, old, &answer);
        self.acknowledge()
    }

    fn refreshed(&mut self, code: &str, old: String, answer: &Answer) {
        let (access, new) = pair(answer);
        self.recorder.record(Fact::Replaced { token: old });
        self.given("web", &access, Some(code));
        self.given("web", &new, Some(code));
        let grant = self.grants.iter_mut().find(|grant| grant.code == code).unwrap();
        grant.access.push(access);
        grant.refresh = new;
    }

    fn revoke(&mut self, base: &str, client: &str, token: &str, what: What) -> Option<()> {
        self.recorder.record(Fact::RevocationSent(what.clone()));
        let answer = revoke(client, token).try_send(base)?;
        assert_eq!(answer.status, 200, "{}", answer.body);
        self.recorder.record(Fact::Revoked(what));
        self.acknowledge()
    }

    fn given(&mut self, client: &'static str, token: &str, grant: Option<&str>) {
        self.recorder.record(Fact::Given { token: token.to_owned(), grant: grant.map(str::to_owned) });
        self.recent[1].push(Token { client, text: token.to_owned() });
    }

    fn acknowledge(&self) -> Option<()> {
        let _ = self.acknowledged.send(());
        Some(())
    }

    /// Asks a server that is up again what became of everything, and goes on with what was in flight.
    pub(super) fn look_back(&mut self, base: &str) {
        for token in self.recent.concat() {
            self.look(base, token.client, token.text);
        }
        for (code, token) in std::mem::take(&mut self.lost_refreshes) {
            self.retry_refresh(base, &code, token);
        }
        for code in std::mem::take(&mut self.lost_codes) {
            self.retry_code(base, code);
        }
        // The last one before the kill, and one of all there were.
        let any = (!self.redeemed.is_empty()).then(|| self.chance.below(self.redeemed.len()));
        for code in
            [self.redeemed.pop(), any.and_then(|at| self.redeemed.get(at).cloned())].into_iter().flatten()
        {
            self.replay(base, &code);
        }
    }

    /// The same of everything there ever was.
    pub(super) fn look_back_at_all(&mut self, base: &str, all: impl Iterator<Item = (&'static str, String)>) {
        for (client, token) in all {
            self.look(base, client, token);
        }
        for code in std::mem::take(&mut self.redeemed) {
            self.replay(base, &code);
        }
    }

    fn look(&self, base: &str, client: &str, token: String) -> bool {
        let active = is_active(base, client, &token);
        self.recorder.record(Fact::Found { token, active });
        active
    }

    // H09, S02
    fn retry_refresh(&mut self, base: &str, code: &str, token: String) {
        if self.look(base, "web", token.clone()) {
            self.tally.refreshes_lost_before += 1;
        } else {
            self.tally.refreshes_lost_after_commit += 1;
        }
        let answer = refresh(&token).send(base);
        self.recorder.record(Fact::Retried { token: token.clone(), granted: answer.status == 200 });
        if answer.status == 200 {
            self.refreshed(code, token, &answer);
        }
    }

    // B15
    fn retry_code(&mut self, base: &str, code: String) {
        let answer = redeem(&code).send(base);
        if answer.status == 200 {
            self.tally.codes_lost_before += 1;
            self.redeemed(code, &answer);
        } else {
            self.tally.codes_lost_after_commit += 1;
            assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
            self.replay(base, &code);
        }
    }

    /// Redeems a code that was redeemed before, which must end what it gave.
    fn replay(&mut self, base: &str, code: &str) {
        self.tally.replays += 1;
        let what = What::Grant(code.to_owned());
        self.grants.retain(|grant| grant.code != code);
        self.recorder.record(Fact::RevocationSent(what.clone()));
        let answer = redeem(code).send(base);
        if answer.status == 200 {
            self.recorder.record(Fact::Redeemed { code: code.to_owned() });
            return;
        }
        assert_eq!(error(&answer), (400, "invalid_grant".to_owned()));
        self.recorder.record(Fact::Revoked(what));
    }
}
