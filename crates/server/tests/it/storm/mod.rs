//! Storms: many clients at once, on every backend, while what serves them is killed under them; and the judgement of
//! what they were told (S01, S02, S04, S17, S19, S20, T06).

mod chance;
mod killed_redis;
mod killed_server;
mod shared;
mod worker;

use grantor_testkit::lifecycle::{Asked, Checked, Grace, Lifecycle, Told};

/// Lost answers can be asked for again, and codes redeemed, for longer than any storm lasts.
const PATIENT: &str = "[refresh]\ngrace = \"1h\"\n[lifetimes]\nauthorization_code = \"10m\"\n";

fn assert_honest(lifecycle: &Lifecycle, grace: Grace, when: &str) -> Checked {
    lifecycle.check(grace).unwrap_or_else(|violation| panic!("{when}: {violation}"))
}

/// What was acknowledged, in words.
fn figures(lifecycle: &Lifecycle) -> Figures {
    let mut figures = Figures::default();
    for request in lifecycle.requests() {
        let Some((_, told)) = &request.told else { continue };
        *match (&request.asked, told) {
            (Asked::Redeem, Told::Tokens { .. }) => &mut figures.redeemed,
            (Asked::Refresh(_), Told::Tokens { .. }) => &mut figures.refreshed,
            (Asked::Redeem | Asked::Refresh(_), _) => &mut figures.refused,
            (Asked::EndGrant | Asked::EndToken(_), _) => &mut figures.ended,
            (Asked::Introspect(_), _) => &mut figures.looked,
        } += 1;
    }
    figures
}

#[derive(Debug, Default)]
#[allow(dead_code, reason = "printed")]
struct Figures {
    redeemed: usize,
    refreshed: usize,
    refused: usize,
    ended: usize,
    looked: usize,
}

impl Figures {
    fn is_mixed(&self) -> bool {
        [self.redeemed, self.refreshed, self.refused, self.ended, self.looked].iter().all(|n| *n > 0)
    }
}
