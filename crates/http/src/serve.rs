//! Serving a router on a listener: what a connection may cost, and how it all ends.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use grantor_core::Limits;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::Service as _;

use crate::deadline::WriteDeadline;

/// How long a connection may take for what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For the head of a request, and for the wait between two requests. Ten seconds by default.
    pub head: Duration,
    /// For the peer to take some of an answer. Ten seconds by default.
    pub write: Duration,
    /// For requests in flight to finish, once the end has come. Ten seconds by default.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { head: Duration::from_secs(10), write: Duration::from_secs(10), drain: Duration::from_secs(10) }
    }
}

/// How long to wait after an accept that failed for want of something, such as file descriptors: a connection must end
/// before another can begin, and trying again at once would only burn the processor.
const BACKOFF: Duration = Duration::from_millis(50);

/// A request as it comes from a connection, its body still on the way.
pub type Arriving = Request<Incoming>;

/// What answers requests: an axum [`Router`], a [`Direct`](crate::Direct), or something of one's own around several.
pub trait Answerer: Clone + Send + Sync + 'static {
    /// The answer to a request that `peer` sent. Bounds on its time and size are the answerer's.
    fn answer(&self, request: Arriving, peer: SocketAddr) -> impl Future<Output = Response> + Send;
}

/// Handlers find the peer's address as axum's [`ConnectInfo`].
impl Answerer for Router {
    fn answer(&self, request: Arriving, peer: SocketAddr) -> impl Future<Output = Response> + Send {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        let answered = self.clone().call(request);
        async move { answered.await.unwrap_or_else(|never: Infallible| match never {}) }
    }
}

/// Serves `app`, which is mostly a router, until `shutdown` completes, and returns when the requests in flight have finished,
/// or after [`Timeouts::drain`].
///
/// HTTP/1.1 with keep-alive. A head beyond [`Limits::head_bytes`] or [`Limits::headers`] is refused with 431.
///
/// ```
/// # use grantor_core::Limits;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let router = axum::Router::new();
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
/// let server = tokio::spawn(grantor_http::serve(listener, router, &Limits::DEFAULT, async {
///     let _ = stopped.await;
/// }));
/// drop(stop);
/// server.await?;
/// # Ok(()) }
/// ```
pub fn serve<A, S>(
    listener: TcpListener,
    app: A,
    limits: &Limits,
    shutdown: S,
) -> impl Future<Output = ()> + Send + use<A, S>
where
    A: Answerer,
    S: Future<Output = ()> + Send,
{
    serve_with(listener, app, limits, Timeouts::default(), shutdown)
}

/// The same as [`serve`], with other timeouts.
pub fn serve_with<A, S>(
    listener: TcpListener,
    app: A,
    limits: &Limits,
    timeouts: Timeouts,
    shutdown: S,
) -> impl Future<Output = ()> + Send + use<A, S>
where
    A: Answerer,
    S: Future<Output = ()> + Send,
{
    let http = protocol(limits, timeouts.head);
    async move {
        let (ending, ended) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        let mut starved = false;
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        starved = false;
                        // Answers are small and complete: waiting for more to send gains nothing.
                        let _ = stream.set_nodelay(true);
                        let stream = WriteDeadline::new(stream, timeouts.write);
                        connections.spawn(connection(http.clone(), app.clone(), stream, peer, ended.clone()));
                    }
                    Err(error) if is_about_one_connection(&error) => {}
                    Err(error) => {
                        if !std::mem::replace(&mut starved, true) {
                            tracing::warn!(%error, "no connection can be accepted for now");
                        }
                        tokio::time::sleep(BACKOFF).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        let _ = ending.send(true);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(timeouts.drain, all).await.is_err() {
            tracing::warn!("some requests did not finish in time and are given up");
        }
    }
}

fn protocol(limits: &Limits, head: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_headers(limits.headers)
        // hyper takes no less than this.
        .max_buf_size(limits.head_bytes.max(8192))
        .keep_alive(true);
    http
}

async fn connection(
    http: http1::Builder,
    app: impl Answerer,
    stream: WriteDeadline,
    peer: SocketAddr,
    mut ended: watch::Receiver<bool>,
) {
    // In a box, or a connection that says nothing would hold room for the largest of all answers.
    let service = service_fn(move |request| {
        let app = app.clone();
        Box::pin(async move { Ok::<_, Infallible>(app.answer(request, peer).await) })
    });
    let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = async { let _ = ended.wait_for(|ended| *ended).await; } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::trace!(%error, "a connection broke");
    }
}

/// Whether an accept failed because of the connection it was about, and not for want of anything here.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    [ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted].contains(&error.kind())
}
