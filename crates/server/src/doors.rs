//! Where the server listens, and which profiles are served there.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use grantor_core::{Limits, Profile};
use grantor_http::Web;
use tokio::net::TcpListener;

use crate::config::{Config, ProfileConfig, url_of};
use crate::demo::{self, Reach};
use crate::failure::Failure;
use crate::gate::Gate;
use crate::serve::settings;
use crate::sites::{Site, Sites};
use crate::wiring::House;

/// One listener, and what is served there.
pub(crate) struct Door {
    /// Where it is bound.
    pub(crate) at: SocketAddr,
    pub(crate) listener: Listening,
    pub(crate) gate: Gate<Sites>,
    /// The profiles, by their place in the configuration.
    here: Vec<(usize, Profile)>,
}

/// A listener that is given away once.
#[derive(Clone)]
pub(crate) struct Listening(Arc<Mutex<Option<TcpListener>>>);

impl Listening {
    /// The listener. Whoever asks a second time waits for ever, since there is none.
    pub(crate) async fn take(self) -> TcpListener {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match taken {
            Some(listener) => listener,
            None => std::future::pending().await,
        }
    }
}

/// Binds every listener: the public one first, then those that profiles have of their own. Profiles that name one and the
/// same address share it; port 0 is a free port for each.
pub(crate) async fn open_doors(config: &Config) -> Result<Vec<Door>, Failure> {
    let mut doors = vec![door("listen.public", config.listen.public).await?];
    let mut wanted = vec![config.listen.public];
    for (number, profile) in config.profiles.iter().enumerate() {
        let door = match profile.listen {
            None => 0,
            Some(address) => match wanted.iter().position(|w| *w == address && address.port() != 0) {
                Some(known) => known,
                None => {
                    doors.push(door(&format!("[[profile]] {}: listen", profile.name), address).await?);
                    wanted.push(address);
                    doors.len() - 1
                }
            },
        };
        if let Some(door) = doors.get_mut(door) {
            let issuer = profile.issuer_at(config, door.at)?;
            door.here.push((number, profile.load(config, issuer)?));
        }
    }
    Ok(doors)
}

/// Every profile, in the order of the configuration.
pub(crate) fn in_order(config: &Config, doors: &[Door]) -> Vec<Profile> {
    let mut all: Vec<_> = doors.iter().flat_map(|door| door.here.iter()).collect();
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().take(config.profiles.len()).map(|(_, profile)| profile.clone()).collect()
}

async fn door(key: &str, address: SocketAddr) -> Result<Door, Failure> {
    let (listener, at) = listen(key, address).await?;
    let listener = Listening(Arc::new(Mutex::new(Some(listener))));
    Ok(Door { at, listener, gate: Gate::new(), here: Vec::new() })
}

/// Binds a listener, and tells where.
pub(crate) async fn listen(key: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |e: std::io::Error| Failure::failed(format!("{key}: cannot listen on {address}: {e}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

impl Door {
    /// What is served here.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.here.iter().map(|(_, profile)| profile)
    }

    /// The bounds that hold before it is known whose a request is.
    pub(crate) fn limits(&self) -> Limits {
        self.profiles().next().map_or(Limits::DEFAULT, |profile| profile.limits)
    }

    /// The sites behind it.
    pub(crate) fn sites(&self, config: &Config, house: &House, demo: bool) -> Sites {
        let look = config.pages.look();
        let sites = self.here.iter().filter_map(|(number, profile)| {
            let configured = config.profiles.get(*number)?;
            let engine = house.engine_of(&profile.name)?.clone();
            let origins = configured.origins.iter().map(|origin| origin.as_str().to_owned());
            let web = Web::new(engine.clone()).users(house.directory.clone()).settings(settings(config));
            let web = web.figures(house.figures.clone()).ledger(house.ledger.clone());
            let web = web.look(look.clone()).origins(origins.collect());
            let web = web.direct(|router| match configured.preset().filter(|_| demo) {
                Some(preset) => demo::around(router, preset, &engine, &house.directory),
                None => router,
            });
            Some(Site { hosts: hosts(configured), prefix: configured.path.clone(), web })
        });
        Sites::new(sites.collect())
    }

    /// How a demo's commands reach each profile: at the listener itself, since the issuer may be a name that only a proxy
    /// answers to.
    pub(crate) fn reaches<'a>(&'a self, config: &'a Config) -> impl Iterator<Item = (String, Reach)> + 'a {
        self.here.iter().filter_map(move |(number, profile)| {
            let configured = config.profiles.get(*number)?;
            let host = hosts(configured).into_iter().next();
            let reach = Reach::new(&profile.issuer, &url_of(self.at), host, configured.preset());
            Some((profile.name.clone(), reach))
        })
    }

    /// Where each profile is reached.
    pub(crate) fn urls<'a>(&'a self, config: &'a Config) -> impl Iterator<Item = (String, String)> + 'a {
        self.here.iter().map(move |(number, profile)| {
            let configured = config.profiles.get(*number);
            let named = configured.filter(|profile| !profile.origins.is_empty());
            let path = configured.map_or("", |profile| profile.path.as_str());
            let url = match named {
                Some(_) => profile.issuer.as_str().to_owned(),
                None => format!("{}{path}", url_of(self.at)),
            };
            (profile.name.clone(), url)
        })
    }
}

/// The hosts of a profile's origins, as a request names them: without a port that its scheme has anyway.
fn hosts(profile: &ProfileConfig) -> Vec<String> {
    let host = |origin: &str| origin.split_once("://").map(|(_, host)| host.to_owned());
    profile.origins.iter().filter_map(|origin| host(origin.as_str())).collect()
}
