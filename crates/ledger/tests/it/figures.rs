//! Live figures.

use std::sync::Arc;
use std::time::Duration;

use grantor_core::client::GrantType;
use grantor_core::record::{Kind, RecordKey};
use grantor_core::{Event, Reason, Refusal, Time};
use grantor_engine::{Observer as _, Operation};
use grantor_ledger::{Endpoint, Figures};
use grantor_store::{FaultLayer, MemoryStore, MeteredLayer, Store as _};

fn at(seconds: i64) -> Time {
    Time::from_unix_millis(seconds * 1000)
}

#[tokio::test]
async fn a_sample_holds_what_happened_since_the_last() {
    let figures = Arc::new(Figures::new());
    let faulty = FaultLayer::new(MemoryStore::new());
    let faults = faulty.faults();
    let store = MeteredLayer::new(faulty, figures.clone());
    let key = RecordKey::new(Kind::Grant, "x", None);

    let issued = Event::AccessTokenIssued {
        grant: None,
        client: "web".parse().unwrap(),
        grant_type: GrantType::ClientCredentials,
    };
    (0..3).for_each(|_| figures.happened(&issued));
    figures.refused(Operation::Token, &Refusal::new(Reason::CodeReplayed));
    (1..=100).for_each(|n| figures.answered(Endpoint::Token, Duration::from_millis(n)));
    store.get(&key).await.unwrap();
    figures.sample(at(5), true);

    faults.always(grantor_store::Fault::Refuse);
    store.get(&key).await.unwrap_err();
    figures.sample(at(10), false);

    let series = figures.series();
    assert_eq!((series.every_seconds, series.samples.len()), (5, 2));
    let (first, second) = (&series.samples[0], &series.samples[1]);
    assert_eq!((first.at, first.issued, first.faults), (at(5), 3, 0));
    assert_eq!(first.refused, [("CodeReplayed".to_owned(), 1)].into());
    let token = first.requests[&Endpoint::Token];
    assert_eq!((first.requests.len(), token.count), (1, 100));
    assert!((50_000..57_000).contains(&token.p50_micros) && (99_000..112_000).contains(&token.p99_micros));
    assert_eq!((first.store.is_there, first.store.failures, first.store.took.unwrap().count), (true, 0, 1));
    assert_eq!((second.issued, second.refused.len(), second.requests.len()), (0, 0, 0));
    assert_eq!((second.store.is_there, second.store.failures), (false, 1));

    let json = serde_json::to_value(&series).unwrap();
    assert_eq!(json["samples"][0]["requests"]["token"]["count"], 100);
    assert_eq!(json["samples"][0]["store"]["count"], 1);
    assert_eq!(json["samples"][0]["at"], 5000);
}

#[test]
fn an_hour_is_remembered_and_no_more() {
    let figures = Figures::new();
    for n in 0..1000 {
        figures.sample(at(n * 5), true);
    }
    let samples = figures.series().samples;
    assert_eq!((samples.len(), samples[0].at, samples[719].at), (720, at(280 * 5), at(999 * 5)));
}
