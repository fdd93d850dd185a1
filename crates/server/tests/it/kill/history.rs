//! What clients were told, in its order, and whether a server may have said all of it.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// One thing a client knows.
#[derive(Debug, Clone)]
pub(super) enum Fact {
    /// The server gave out this token.
    Given { token: String, grant: Option<String> },
    /// A refresh by this token was sent: it may be replaced from now on.
    RefreshSent { token: String },
    /// That refresh was answered: the token was replaced.
    Replaced { token: String },
    /// The server redeemed this code.
    Redeemed { code: String },
    /// What would end this was sent.
    RevocationSent(What),
    /// The server said that this has ended.
    Revoked(What),
    /// The server said what a token is worth.
    Found { token: String, active: bool },
    /// A refresh whose answer was lost was sent again within its grace.
    Retried { token: String, granted: bool },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum What {
    Token(String),
    Grant(String),
}

/// A fact, and when it was learned.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) at: Duration,
    pub(super) fact: Fact,
}

/// What no server may do, however often it crashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Violation {
    /// A token that was given is worth nothing, and nobody took it back.
    Lost(String),
    /// What was taken back is live again.
    CameBack(String),
    /// A refresh token is live that was replaced.
    Unreplaced(String),
    /// A code was redeemed more than once.
    RedeemedTwice(String),
    /// A client whose answer was lost could not go on.
    Stranded(String),
    /// Nothing was looked at, which proves nothing.
    NothingSeen,
}

/// Facts, from many threads.
pub(super) struct Recorder {
    begun: Instant,
    entries: Mutex<Vec<Entry>>,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), entries: Mutex::default() }
    }

    pub(super) fn record(&self, fact: Fact) {
        // The time is taken under the lock, so that times and places agree.
        let mut entries = self.entries.lock().unwrap();
        entries.push(Entry { at: self.begun.elapsed(), fact });
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }
}

/// All that a history has against the server.
pub(super) fn judge(history: &[Entry]) -> Vec<Violation> {
    let mut known = Known::default();
    let mut violations: Vec<_> = history.iter().filter_map(|entry| known.learn(&entry.fact)).collect();
    if known.looks == 0 {
        violations.push(Violation::NothingSeen);
    }
    violations
}

/// What is told of one token, for whoever has to find out why.
pub(super) fn story(history: &[Entry], violation: &Violation) -> String {
    let about = match violation {
        Violation::Lost(name)
        | Violation::CameBack(name)
        | Violation::Unreplaced(name)
        | Violation::RedeemedTwice(name)
        | Violation::Stranded(name) => name.as_str(),
        Violation::NothingSeen => "",
    };
    let grant = history.iter().find_map(|entry| {
        let Fact::Given { token, grant } = &entry.fact else { return None };
        if token == about { grant.clone() } else { None }
    });
    let concerns = |entry: &&Entry| {
        let text = format!("{:?}", entry.fact);
        text.contains(about) || grant.as_ref().is_some_and(|grant| text.contains(grant))
    };
    let lines = history.iter().filter(concerns).map(|entry| format!("  {:?} {:?}\n", entry.at, entry.fact));
    format!("{violation:?}\n{}", lines.collect::<String>())
}

#[derive(Default)]
struct Known {
    grants: HashMap<String, String>,
    given: HashSet<String>,
    maybe_replaced: HashSet<String>,
    replaced: HashSet<String>,
    redeemed: HashSet<String>,
    maybe_revoked: HashSet<What>,
    revoked: HashSet<What>,
    looks: usize,
}

impl Known {
    fn learn(&mut self, fact: &Fact) -> Option<Violation> {
        match fact {
            Fact::Given { token, grant } => {
                self.given.insert(token.clone());
                self.grants.extend(grant.clone().map(|grant| (token.clone(), grant)));
            }
            Fact::RefreshSent { token } => drop(self.maybe_replaced.insert(token.clone())),
            Fact::Replaced { token } => drop(self.replaced.insert(token.clone())),
            Fact::Redeemed { code } => {
                if !self.redeemed.insert(code.clone()) {
                    return Some(Violation::RedeemedTwice(code.clone()));
                }
            }
            Fact::RevocationSent(what) => drop(self.maybe_revoked.insert(what.clone())),
            Fact::Revoked(what) => drop(self.revoked.insert(what.clone())),
            Fact::Found { token, active } => {
                self.looks += 1;
                return if *active { self.live(token) } else { self.dead(token) };
            }
            Fact::Retried { token, granted } => {
                if !granted && !self.is_in(&self.maybe_revoked, token) {
                    return Some(Violation::Stranded(token.clone()));
                }
            }
        }
        None
    }

    fn live(&self, token: &str) -> Option<Violation> {
        if self.is_in(&self.revoked, token) {
            return Some(Violation::CameBack(token.to_owned()));
        }
        self.replaced.contains(token).then(|| Violation::Unreplaced(token.to_owned()))
    }

    fn dead(&self, token: &str) -> Option<Violation> {
        let excused = self.maybe_replaced.contains(token)
            || self.replaced.contains(token)
            || self.is_in(&self.maybe_revoked, token);
        (self.given.contains(token) && !excused).then(|| Violation::Lost(token.to_owned()))
    }

    /// Whether a token, or its grant, is among those.
    fn is_in(&self, ended: &HashSet<What>, token: &str) -> bool {
        let grant = self.grants.get(token).cloned();
        ended.contains(&What::Token(token.to_owned()))
            || grant.is_some_and(|grant| ended.contains(&What::Grant(grant)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(facts: &[Fact]) -> Vec<Violation> {
        let entry = |fact: &Fact| Entry { at: Duration::ZERO, fact: fact.clone() };
        judge(&facts.iter().map(entry).collect::<Vec<_>>())
    }

    fn given(token: &str) -> Fact {
        Fact::Given { token: token.to_owned(), grant: Some("grant".to_owned()) }
    }

    fn found(token: &str, active: bool) -> Fact {
        Fact::Found { token: token.to_owned(), active }
    }

    fn token(name: &str) -> What {
        What::Token(name.to_owned())
    }

    fn grant() -> What {
        What::Grant("grant".to_owned())
    }

    #[test]
    fn a_lost_token_is_seen() {
        assert_eq!(of(&[given("a"), found("a", false)]), [Violation::Lost("a".to_owned())]);
        let other = Fact::RevocationSent(token("b"));
        assert_eq!(of(&[given("a"), other, found("a", false)]), [Violation::Lost("a".to_owned())]);
    }

    #[test]
    fn a_lost_revocation_is_seen() {
        for what in [token("a"), grant()] {
            let history =
                [given("a"), Fact::RevocationSent(what.clone()), Fact::Revoked(what), found("a", true)];
            assert_eq!(of(&history), [Violation::CameBack("a".to_owned())]);
        }
    }

    #[test]
    fn a_double_redemption_is_seen() {
        let redeemed = Fact::Redeemed { code: "c".to_owned() };
        let history = [redeemed.clone(), given("a"), found("a", true), redeemed];
        assert_eq!(of(&history), [Violation::RedeemedTwice("c".to_owned())]);
    }

    #[test]
    fn a_lost_rotation_is_seen_and_so_is_a_client_that_cannot_go_on() {
        let sent = Fact::RefreshSent { token: "r".to_owned() };
        let replaced = Fact::Replaced { token: "r".to_owned() };
        let history = [given("r"), sent.clone(), replaced, found("r", true)];
        assert_eq!(of(&history), [Violation::Unreplaced("r".to_owned())]);
        let refused = Fact::Retried { token: "r".to_owned(), granted: false };
        let history = [given("r"), sent, found("r", false), refused];
        assert_eq!(of(&history), [Violation::Stranded("r".to_owned())]);
    }

    #[test]
    fn what_was_sent_and_not_answered_may_have_come_to_pass_or_not() {
        for active in [true, false] {
            for what in [token("a"), grant()] {
                assert_eq!(of(&[given("a"), Fact::RevocationSent(what), found("a", active)]), []);
            }
            let sent = Fact::RefreshSent { token: "a".to_owned() };
            assert_eq!(of(&[given("a"), sent, found("a", active)]), []);
        }
    }

    #[test]
    fn a_history_in_which_nobody_looked_proves_nothing() {
        assert_eq!(of(&[given("a")]), [Violation::NothingSeen]);
    }
}
