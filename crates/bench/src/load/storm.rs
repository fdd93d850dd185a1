//! What comes to a server beside its work: guesses at passwords, and connections that say nothing. Not measured itself, only
//! counted: it shows what becomes of the rest.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::Options;
use crate::browser::{Browser, Form};
use crate::http::{Connection, Wrong};
use crate::registrations::Registrations;

const LOGIN: &str = "/login";

/// Guesses a person's password on every connection until the time is over. Tells how many guesses were answered, and how.
pub(crate) async fn login(options: &Options) -> Result<Value, Wrong> {
    let registrations = Registrations::read(&options.reader)?;
    let end = end(options)?;
    let (refused, put_off) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(0_u64)));
    let mut guessing = JoinSet::new();
    for _ in 0..options.connections {
        let (refused, put_off) = (Rc::clone(&refused), Rc::clone(&put_off));
        let (address, person) = (options.address, registrations.person.clone());
        guessing.spawn_local(async move {
            let mut connection = Connection::open(address).await?;
            let mut browser = Browser::new(address, &person);
            let page = browser.get(&mut connection, LOGIN).await?.must(200)?;
            let form = Form::first_of(&String::from_utf8_lossy(&page.body));
            let Form { action, mut fields } = form.ok_or_else(|| page.wrong("wanted a form"))?;
            for (name, value) in &mut fields {
                match name.as_str() {
                    "username" => value.clone_from(&person.username),
                    "password" => "a guess".clone_into(value),
                    _ => {}
                }
            }
            while Instant::now() < end {
                let answer = browser.post(&mut connection, &action, &fields).await?;
                match answer.status {
                    200 | 400 | 401 | 403 => refused.set(refused.get() + 1),
                    429 | 503 => put_off.set(put_off.get() + 1),
                    _ => return Err(answer.wrong("wanted a refusal")),
                }
            }
            Ok::<_, Wrong>(())
        });
    }
    while let Some(ended) = guessing.join_next().await {
        ended.map_err(|error| Wrong::new(error.to_string()))??;
    }
    Ok(json!({ "refused": refused.get(), "put_off": put_off.get() }))
}

/// Opens every connection and says nothing on any; one that the server closes is opened again.
pub(crate) async fn idle(options: &Options) -> Result<Value, Wrong> {
    let end = tokio::time::Instant::from_std(end(options)?);
    let opened = Rc::new(Cell::new(0_u64));
    let mut waiting = JoinSet::new();
    for _ in 0..options.connections {
        let (opened, address) = (Rc::clone(&opened), options.address);
        waiting.spawn_local(async move {
            while tokio::time::Instant::now() < end {
                let mut connection = Connection::open(address).await?;
                opened.set(opened.get() + 1);
                // The end comes to those that stay open.
                let _open = tokio::time::timeout_at(end, connection.closed()).await;
            }
            Ok::<_, Wrong>(())
        });
    }
    while let Some(ended) = waiting.join_next().await {
        ended.map_err(|error| Wrong::new(error.to_string()))??;
    }
    Ok(json!({ "opened": opened.get() }))
}

fn end(options: &Options) -> Result<Instant, Wrong> {
    let lasts =
        Duration::try_from_secs_f64(options.seconds).map_err(|error| Wrong::new(error.to_string()))?;
    Ok(Instant::now() + lasts)
}
