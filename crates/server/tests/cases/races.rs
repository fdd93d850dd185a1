//! Many who ask at the same moment.

use std::sync::Barrier;

use crate::http::{Asked, Told};
use crate::judge::{Found, broken, rule};

/// The answers to requests that are all let go at once, each at one of these addresses.
pub(crate) fn all_at_once(requests: &[Asked], bases: &[String]) -> Result<Vec<Told>, Found> {
    let barrier = Barrier::new(requests.len());
    std::thread::scope(|scope| {
        let send = |(n, request): (usize, &Asked)| {
            let (barrier, base): (_, &str) = (&barrier, &bases[n % bases.len()]);
            // One after the other: a connection that a full queue puts off for seconds would have the first ones time out.
            let held = Asked::hold(request, base);
            let small = std::thread::Builder::new().stack_size(256 * 1024);
            small.spawn_scoped(scope, move || {
                barrier.wait();
                held.ok_or_else(|| broken("nobody listens"))?
                    .finish()
                    .ok_or_else(|| rule("one was not answered"))
            })
        };
        let senders: Vec<_> = requests.iter().enumerate().map(send).collect();
        let senders: Vec<_> = senders.into_iter().map(Result::unwrap).collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).collect()
    })
}

/// The one answer that granted it; all others must have refused by this error.
pub(crate) fn only_one(answers: Vec<Told>, error: &str) -> Result<Told, Found> {
    let (mut granted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|told| told.status == 200);
    if granted.len() != 1 {
        return Err(rule(format!("{} of {} were granted", granted.len(), granted.len() + refused.len())));
    }
    refused.iter().try_for_each(|told| told.refused("one who came late", &[400], &[error]))?;
    Ok(granted.remove(0))
}
