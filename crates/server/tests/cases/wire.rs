//! What lies between the parties and the server when a flaw is tried: it passes everything on, spoiled.

use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use std::io::{Read as _, Write as _};

use serde_json::json;

use crate::http::{Asked, Told, connect};

/// What the real server says to a request.
pub(crate) type Server<'a> = &'a dyn Fn(&Asked) -> Told;

/// How a flawed server answers, which is made of a good one.
pub(crate) type Spoil = Arc<dyn Fn(Asked, Server<'_>) -> Told + Send + Sync>;

/// Answers are changed on their way out.
pub(crate) fn answers(change: impl Fn(&Asked, &mut Told) + Send + Sync + 'static) -> Spoil {
    Arc::new(move |asked, server| {
        let mut told = server(&asked);
        change(&asked, &mut told);
        told
    })
}

/// Requests are changed on their way in: the server does not see what it should have looked at.
pub(crate) fn requests(change: impl Fn(&mut Asked) + Send + Sync + 'static) -> Spoil {
    Arc::new(move |mut asked, server| {
        change(&mut asked);
        server(&asked)
    })
}

/// Requests are answered so without the server's hearing of them.
pub(crate) fn instead(answer: impl Fn(&Asked) -> Option<Told> + Send + Sync + 'static) -> Spoil {
    Arc::new(move |asked, server| answer(&asked).unwrap_or_else(|| server(&asked)))
}

/// What went well goes well again: the answer to such a request is given again to whoever asks the same.
pub(crate) fn again(which: impl Fn(&Asked) -> bool + Send + Sync + 'static) -> Spoil {
    let given: Mutex<Vec<(Vec<u8>, Told)>> = Mutex::default();
    Arc::new(move |asked, server| {
        if !which(&asked) {
            return server(&asked);
        }
        let told = server(&asked);
        let mut given = given.lock().unwrap();
        if let Some((_, first)) = given.iter().find(|(body, _)| *body == asked.body) {
            return first.clone();
        }
        if told.status < 400 {
            given.push((asked.body, told.clone()));
        }
        told
    })
}

/// A token that nobody asked the server for.
pub(crate) fn token() -> Told {
    let told = json!({"access_token": "gra_at_forged-forged-forged-forged", "token_type": "Bearer", "expires_in": 3600});
    Told::json_of(200, &told)
}

/// Whatever such a request is refused for, a token is given.
pub(crate) fn grants(which: impl Fn(&Asked) -> bool + Send + Sync + 'static) -> Spoil {
    answers(move |asked, told| {
        if which(asked) && (400..500).contains(&told.status) {
            *told = token();
        }
    })
}

/// Every token that was ever worth something stays so.
pub(crate) fn ends_nothing() -> Spoil {
    answers(|asked, told| {
        if asked.path().ends_with("/introspect") && told.body.contains("\"active\":false") {
            *told = Told::json_of(200, &json!({"active": true}));
        }
    })
}

/// Header fields such a request's answer lacks.
pub(crate) fn without(name: &'static str) -> Spoil {
    answers(move |_, told| told.drop_header(name))
}

pub(crate) fn with(name: &'static str, value: &'static str) -> Spoil {
    answers(move |_, told| told.set_header(name, value))
}

/// Listens, and passes on what comes, until it is dropped.
pub(crate) struct Wire {
    pub(crate) base: String,
    upstream: Arc<Mutex<String>>,
    gone: Arc<AtomicBool>,
}

impl Wire {
    pub(crate) fn new(upstream: &str, spoil: Spoil) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (upstream, gone) = (Arc::new(Mutex::new(upstream.to_owned())), Arc::new(AtomicBool::new(false)));
        let (to, end) = (upstream.clone(), gone.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Acquire) {
                    break;
                }
                let (Ok(stream), to, spoil) = (stream, to.lock().unwrap().clone(), spoil.clone()) else {
                    continue;
                };
                std::thread::spawn(move || pass(stream, &to, &spoil));
            }
        });
        Self { base, upstream, gone }
    }

    /// The server is another one from now on.
    pub(crate) fn lead_to(&self, upstream: &str) {
        upstream.clone_into(&mut self.upstream.lock().unwrap());
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Release);
        // It looks when somebody comes.
        let _ = connect(&self.base);
    }
}

fn pass(mut stream: TcpStream, upstream: &str, spoil: &Spoil) {
    let Some(asked) = Asked::read(&mut stream) else { return };
    let gone = AtomicBool::new(false);
    let server = |asked: &Asked| {
        asked.try_send(upstream).unwrap_or_else(|| {
            gone.store(true, Ordering::Release);
            Told::new(0, "", "")
        })
    };
    let told = spoil(asked, &server);
    if !gone.load(Ordering::Acquire) || told.status != 0 {
        // Whoever asked may have gone.
        let _ = stream.write_all(&told.bytes());
    }
}

/// Says the same to whatever bytes come, and closes; without words it says nothing for as long as anybody waits.
pub(crate) fn parrot(words: &'static str) -> Wire {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let gone = Arc::new(AtomicBool::new(false));
    let end = gone.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if end.load(Ordering::Acquire) {
                break;
            }
            std::thread::spawn(move || {
                while words.is_empty() && matches!(stream.read(&mut [0; 4096]), Ok(read) if read > 0) {}
                let _ = stream.read(&mut [0; 65_536]);
                let _ = stream.write_all(words.as_bytes());
            });
        }
    });
    Wire { base, upstream: Arc::default(), gone }
}
