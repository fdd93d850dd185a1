//! The server's life: listen, open, answer, stop.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::routing::get;
use grantor_console::Console;
use grantor_core::{Issuer, Limits, Profile};
use grantor_engine::Engine;
use grantor_http::{Desk, Settings, Web};
use grantor_ledger::{Actor, Entry, EntryKind, Figures, Ledger};
use grantor_store::Durability;
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::config::{Config, url_of};
use crate::demo::{self, Demo};
use crate::deployment::Served;
use crate::doors::{Door, in_order, listen, open_doors};
use crate::failure::Failure;
use crate::gate::{self, Gate};
use crate::moving::{Both, Mover};
use crate::observer::Counting;
use crate::output::Output;
use crate::storage::StorageUrl;
use crate::wiring::House;
use crate::{files, histograms, logs, observer};

/// How often the engine's upkeep is done.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// How many records one batch of it removes: few, so that no request waits long behind it.
const UPKEEP_BATCH: usize = 500;

/// How soon a store that is away is tried again, and how seldom in the end. Both are moments to who waits, and nothing to
/// who is asked.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What `serve` was told on the command line.
pub(crate) struct Serve {
    pub(crate) ready_file: Option<PathBuf>,
    pub(crate) demo: bool,
}

/// Where the server is reached: what the ready file holds.
#[derive(Serialize)]
struct Addresses {
    public: String,
    admin: String,
    profiles: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    demo: Option<Demo>,
}

/// Runs the server until it is told to stop.
pub(crate) async fn run(config: Config, options: Serve, output: Output) -> Result<(), Failure> {
    logs::begin(&config.log)?;
    let figures = observer::begin()?;
    if let Some(file) = &options.ready_file {
        // One of an earlier run would tell whoever waits for it of ports that are gone.
        let _ = std::fs::remove_file(file);
    }
    // Before anything is announced: a signal that comes during the start must stop the server, too.
    let stop = stop_signal()?;
    let (admin, admin_at) = listen("listen.admin", config.listen.admin).await?;
    let doors = open_doors(&config).await?;
    let limits = doors.first().map_or(Limits::DEFAULT, |door| door.limits());
    let admin_gate = Gate::new();
    let everything: Vec<&Profile> = doors.iter().flat_map(|door| door.profiles()).collect();
    let closed = gate::closed(&everything).merge(operators(figures.clone(), None));
    let admin_router = admin_gate.before(closed.merge(grantor_admin::put_off()));
    let serving = {
        let public = doors.iter().map(|door| {
            let router = door.gate.before(gate::closed(&door.profiles().collect::<Vec<_>>()));
            (door.listener.clone(), router)
        });
        let public: Vec<_> = public.collect();
        async {
            let mut all = JoinSet::new();
            for (listener, router) in public {
                let stop = told(stop.clone());
                all.spawn(
                    async move { grantor_http::serve(listener.take().await, router, &limits, stop).await },
                );
            }
            grantor_http::serve(admin, admin_router, &limits, told(stop)).await;
            while all.join_next().await.is_some() {}
        }
    };
    let mut serving = std::pin::pin!(serving);

    let mut announcement =
        Some(Announcement { config: &config, options: &options, doors: &doors, admin_at, output });
    let away = || {
        doors.iter().for_each(|door| door.gate.close());
        admin_gate.close();
        match announcement.take_if(|_| !options.demo) {
            Some(announcement) => announcement.make(None),
            // What a demo has to say, it can only say of a store.
            None => Ok(()),
        }
    };
    let profiles = in_order(&config, &doors);
    let house = tokio::select! {
        () = &mut serving => None,
        house = open(&config, &profiles, away) => Some(house?),
    };
    let Some(house) = house else {
        tracing::info!("stopped");
        return Ok(());
    };

    for door in &doors {
        door.gate.open(door.sites(&config, &house, options.demo));
    }
    let served = Served::new(&config, house.storage().moving().map(Both::copying));
    let api = house.api().deployment(served);
    let operators = operators(figures.clone(), Some(house.figures.clone()));
    let health = Web::health(house.engine.clone());
    let desk = desk(&config, &house);
    let programs = desk.throttled(api.router(), grantor_admin::too_many);
    let console = Console::new(api.clone(), desk).router();
    admin_gate.open(health.merge(operators).merge(programs).merge(console));
    let hosts = house.storage().share();
    let mover = Mover::start(house.storage());
    let mut upkeep = JoinSet::new();
    upkeep.spawn(keep_up(house.engine.clone(), house.ledger.clone(), figures));
    upkeep.spawn(sample(house.engine.clone(), house.figures.clone()));
    let announce = announce(announcement, &house);
    let ended = answer(serving, announce).await;
    drop((upkeep, mover, hosts));
    house.close().await;
    if ended.is_ok() {
        tracing::info!("stopped");
    }
    ended
}

/// Opens everything, and waits for a store that is away: `away` is called once, when that is found out.
async fn open(
    config: &Config,
    profiles: &[Profile],
    mut away: impl FnMut() -> Result<(), Failure>,
) -> Result<House, Failure> {
    let mut pause = FIRST_PAUSE;
    let mut waits = false;
    loop {
        match open_once(config, profiles).await {
            Ok(house) => {
                if waits {
                    tracing::info!("the store is there; requests are answered");
                }
                return Ok(house);
            }
            Err(Failure::Away(why)) if waits => tracing::debug!(why, "the store is still away"),
            Err(Failure::Away(why)) => {
                tracing::error!(why, "the store is away; requests are put off until it is there");
                waits = true;
                away()?;
            }
            Err(failure @ (Failure::Usage(_) | Failure::Failed(_))) => return Err(failure),
        }
        tokio::time::sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

async fn open_once(config: &Config, profiles: &[Profile]) -> Result<House, Failure> {
    let house = House::open(config, profiles.to_vec(), Arc::new(Counting::new())).await?;
    match tell_dangers(config, &house).await {
        Ok(()) => Ok(house),
        Err(failure) => {
            house.close().await;
            Err(failure)
        }
    }
}

/// Answers requests, announces that it does, and ends when both listeners have.
async fn answer(
    mut serving: Pin<&mut impl Future>,
    announce: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let announce = std::pin::pin!(announce);
    tokio::select! {
        _ = &mut serving => return Ok(()),
        announced = announce => announced?,
    }
    serving.await;
    Ok(())
}

pub(crate) fn settings(config: &Config) -> Settings {
    Settings {
        session: config.session,
        client_rate: config.rate_limits.client_authentication,
        login_rate: config.rate_limits.login,
        trusted_proxies: config.listen.trusted_proxies.clone(),
        requests_at_once: config.listen.requests_at_once,
        ..Settings::default()
    }
}

/// Tells the log and the audit trail what holds from now on, and what of it is risky.
async fn tell_dangers(config: &Config, house: &House) -> Result<(), Failure> {
    let info = house.engine.store_info().await?;
    tracing::info!(
        storage = %config.storage.url,
        backend = info.backend,
        "an acknowledged answer survives {}",
        info.durability
    );
    let mut dangers = config.dangers();
    let is_redis = matches!(config.storage.url, StorageUrl::Redis(_));
    if is_redis && config.storage.full && info.durability != Durability::PowerCut {
        let danger = "storage.durability is \"full\", and this store cannot promise that as it is configured";
        dangers.insert(0, danger.to_owned());
    }
    for danger in &dangers {
        tracing::warn!(danger, "a dangerous setting is on");
    }
    let settings = format!(
        "grantor {}; {} ({}); {}{}{}",
        env!("CARGO_PKG_VERSION"),
        config.storage.url,
        info.backend,
        config.profiles.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>().join(", "),
        if dangers.is_empty() { "" } else { "; dangerous: " },
        dangers.join(" | ")
    );
    let started =
        Entry::new(EntryKind::ServerStarted, house.ledger.now()).by(Actor::Server).detail(&settings);
    // Before anybody is told that the server is there. Nothing depends on it.
    if let Err(error) = house.ledger.record(started).await {
        tracing::error!(%error, "that the server started cannot be written to the audit trail");
    }
    Ok(())
}

/// Says where the server is reached, unless that was said when the store was away.
async fn announce(announcement: Option<Announcement<'_>>, house: &House) -> Result<(), Failure> {
    let Some(announcement) = announcement else { return Ok(()) };
    let demo = match announcement.options.demo {
        true => {
            let admin = url_of(announcement.admin_at);
            Some(demo::prepare(house, announcement.config, announcement.doors, &admin).await?)
        }
        false => None,
    };
    announcement.make(demo)
}

/// What is said once, when the server listens.
struct Announcement<'a> {
    config: &'a Config,
    options: &'a Serve,
    doors: &'a [Door],
    admin_at: SocketAddr,
    output: Output,
}

impl Announcement<'_> {
    /// The public listener's, which comes first.
    fn public_url(&self) -> String {
        self.doors.first().map(|door| url_of(door.at)).unwrap_or_default()
    }

    fn make(self, demo: Option<Demo>) -> Result<(), Failure> {
        let public = self.public_url();
        let Self { config, options, doors, admin_at, output } = self;
        let addresses = Addresses {
            public,
            admin: url_of(admin_at),
            profiles: doors.iter().flat_map(|door| door.urls(config)).collect(),
            demo,
        };
        let issuer = doors.iter().find_map(|door| door.profiles().next()).map(|p| p.issuer.to_string());
        let issuer = issuer.unwrap_or_default();
        tracing::info!(public = addresses.public, admin = addresses.admin, issuer, "listening");
        for (profile, url) in &addresses.profiles {
            tracing::info!(profile, url, "a profile is served");
        }
        output.result(&addresses, || {
            let mut listening =
                format!("public  {}\nadmin   {}\nissuer  {issuer}", addresses.public, addresses.admin);
            for (profile, url) in addresses.profiles.iter().filter(|_| addresses.profiles.len() > 1) {
                listening.push_str(&format!("\n{profile}  {url}"));
            }
            match &addresses.demo {
                Some(demo) => format!("{listening}\n\n{}", demo.explained()),
                None => listening,
            }
        })?;
        // Last, so that whoever waits for the file finds everything done.
        let Some(file) = &options.ready_file else { return Ok(()) };
        let json = serde_json::to_vec(&Addresses { demo: None, ..addresses })
            .map_err(|e| Failure::failed(e.to_string()))?;
        files::replace(file, &json)
            .map_err(|e| Failure::failed(format!("the ready file {} cannot be written: {e}", file.display())))
    }
}

/// Turns true at the first SIGTERM or SIGINT.
fn stop_signal() -> Result<watch::Receiver<bool>, Failure> {
    let failed = |e: std::io::Error| Failure::failed(format!("signals cannot be caught: {e}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let (tell, told) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop; requests in flight finish first");
        let _ = tell.send(true);
    });
    Ok(told)
}

async fn told(mut stop: watch::Receiver<bool>) {
    // Whoever would have told is gone only when the process ends.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Takes a sample of the live figures now and then, and looks whether the store is there.
async fn sample(engine: Engine, live: Arc<Figures>) {
    let mut ticks = interval(Figures::EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let is_there = engine.store_info().await.is_ok();
        live.sample(engine.now(), is_there);
    }
}

async fn keep_up(engine: Engine, ledger: Ledger, figures: PrometheusHandle) {
    let mut ticks = interval(UPKEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        ticks.tick().await;
        figures.run_upkeep();
        metrics::counter!("grantor_audit_entries_lost_total").absolute(ledger.entries_lost());
        metrics::counter!("grantor_usage_tokens_uncounted_total").absolute(ledger.tokens_uncounted());
        match engine.maintain(UPKEEP_BATCH).await {
            Ok(removed) => {
                metrics::counter!("grantor_records_purged_total")
                    .increment(u64::try_from(removed).unwrap_or(u64::MAX));
                if failing {
                    tracing::info!("upkeep works again");
                }
                failing = false;
                if removed == UPKEEP_BATCH {
                    // More are waiting.
                    ticks.reset_immediately();
                }
            }
            Err(error) => {
                if !failing {
                    tracing::error!(%error, "upkeep failed; it is tried again every few seconds");
                }
                failing = true;
            }
        }
    }
}

/// Where operators sign in to the console.
fn desk(config: &Config, house: &House) -> Desk {
    let web = Web::new(house.engine.clone()).users(house.directory.clone()).settings(settings(config));
    web.look(config.pages.look()).desk(config.listen.admin_origin.as_ref().map(Issuer::as_str))
}

/// What operators ask, and no store is needed for: never on the public listener.
fn operators(figures: PrometheusHandle, live: Option<Arc<Figures>>) -> Router {
    const TEXT: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    const JSON: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];
    let version = serde_json::json!({"name": "grantor", "version": env!("CARGO_PKG_VERSION")}).to_string();
    Router::new().route("/version", get(|| async move { (JSON, version) })).route(
        "/metrics",
        get(|| async move {
            let histograms = live.map(|live| histograms::render(&live)).unwrap_or_default();
            (TEXT, figures.render() + &histograms)
        }),
    )
}
