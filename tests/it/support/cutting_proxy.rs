//! A proxy of TCP on this machine, between a client and a server, that does to connections what bad lines do.
//!
//! Each connection has one thread for each direction. What is done with it depends on the weather, which the test changes while it
//! goes on.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::rng::Rng;

/// How often a thread that waits looks whether there is anything new.
const TICK: Duration = Duration::from_millis(10);
/// Bytes that are passed on at once.
const PIECE: usize = 16 << 10;

/// What is done with connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Everything passes.
    Fair,
    /// Each connection ends after a random number of bytes, by a close or a reset; some stand still for a while before that.
    Rough,
    /// When so many bytes have passed in all, nothing moves any more.
    Standstill(u64),
    /// When so many bytes have passed in all, each connection moves so many a second.
    Slow(u64, u64),
    /// When so many bytes have passed in all, every connection is cut, and so is each new one.
    Down(u64),
}

/// A proxy at a port of this machine.
pub(crate) struct CuttingProxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: String,
    weather: Mutex<(Weather, Rng)>,
    /// Bytes that passed since the weather was set, in both directions.
    passed: AtomicU64,
    /// Bytes that went to the server, and to the client.
    sent: AtomicU64,
    received: AtomicU64,
    cuts: AtomicUsize,
    ended: AtomicBool,
}

/// How a connection ends in rough weather.
#[derive(Debug, Clone, Copy)]
struct Fate {
    after: u64,
    reset: bool,
    /// After so many bytes it stands still for so long.
    pause: Option<(u64, Duration)>,
}

/// What the two directions of a connection share.
struct Pair {
    client: TcpStream,
    server: TcpStream,
    fate: Fate,
    moved: AtomicU64,
    gone: AtomicBool,
}

impl CuttingProxy {
    /// A proxy of the server at `http://HOST:PORT`, in fair weather.
    pub(crate) fn start(server: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            server: server.strip_prefix("http://").unwrap().to_owned(),
            weather: Mutex::new((Weather::Fair, Rng::new(seed))),
            passed: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            cuts: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.ended.load(Relaxed) {
                    return;
                }
                accepting.connect(stream.unwrap());
            }
        });
        Self { port, shared }
    }

    /// The address.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Changes the weather, and counts bytes anew.
    pub(crate) fn set(&self, weather: Weather) {
        self.shared.weather.lock().unwrap().0 = weather;
        for count in [&self.shared.passed, &self.shared.sent, &self.shared.received] {
            count.store(0, Relaxed);
        }
    }

    /// Bytes that went to the server since the weather was set.
    pub(crate) fn sent(&self) -> u64 {
        self.shared.sent.load(Relaxed)
    }

    /// Bytes that came from the server since the weather was set.
    pub(crate) fn received(&self) -> u64 {
        self.shared.received.load(Relaxed)
    }

    /// Connections that were cut.
    pub(crate) fn cuts(&self) -> usize {
        self.shared.cuts.load(Relaxed)
    }

    /// Waits until so many bytes have passed in both directions since the weather was set.
    pub(crate) fn wait_for(&self, bytes: u64) {
        let began = std::time::Instant::now();
        while self.shared.passed.load(Relaxed) < bytes {
            assert!(
                began.elapsed() < Duration::from_secs(30),
                "only {} bytes of {bytes} passed",
                self.shared.passed.load(Relaxed)
            );
            std::thread::sleep(TICK);
        }
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn weather(&self) -> Weather {
        self.weather.lock().unwrap().0
    }

    /// Connects a client with the server, in two threads.
    fn connect(self: &Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(&self.server) else { return };
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
            stream.set_read_timeout(Some(TICK)).unwrap();
        }
        let (moved, gone) = (AtomicU64::new(0), AtomicBool::new(false));
        let pair = Arc::new(Pair { client, server, fate: self.fate(), moved, gone });
        for up in [true, false] {
            let (shared, pair) = (Arc::clone(self), Arc::clone(&pair));
            std::thread::spawn(move || shared.pump(&pair, up));
        }
    }

    /// A random end: as likely within the first kibibyte as between eight mebibytes and sixteen.
    fn fate(&self) -> Fate {
        let rng = &mut self.weather.lock().unwrap().1;
        let mut random = || {
            let most = 1 << (10 + rng.below(15));
            (most / 2 + rng.below(most / 2)) as u64
        };
        let (after, pause) = (random(), random());
        let length = Duration::from_millis(rng.below(1500) as u64);
        Fate { after, reset: rng.once_in(2), pause: rng.once_in(4).then_some((pause, length)) }
    }

    /// Passes on what comes from one side until it ends.
    fn pump(&self, pair: &Pair, up: bool) {
        let (mut from, to) = if up { (&pair.client, &pair.server) } else { (&pair.server, &pair.client) };
        let mut buffer = vec![0; PIECE];
        while !pair.gone.load(Relaxed) && !self.ended.load(Relaxed) {
            let count = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if self.is_down() {
                        self.cut(pair, true);
                    }
                    continue;
                }
                Err(_) => break,
            };
            if !self.pass(pair, up, to, &buffer[..count]) {
                return;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
        if !up {
            pair.gone.store(true, Relaxed);
        }
    }

    fn is_down(&self) -> bool {
        matches!(self.weather(), Weather::Down(after) if self.passed.load(Relaxed) >= after)
    }

    /// Passes on some bytes, as the weather allows; false when the connection was cut.
    fn pass(&self, pair: &Pair, up: bool, mut to: &TcpStream, bytes: &[u8]) -> bool {
        let len = bytes.len() as u64;
        loop {
            let passed = self.passed.load(Relaxed);
            match self.weather() {
                Weather::Standstill(after) if passed >= after => {
                    if pair.gone.load(Relaxed) || self.ended.load(Relaxed) {
                        return false;
                    }
                    std::thread::sleep(TICK);
                    continue;
                }
                Weather::Slow(after, speed) if passed >= after => {
                    std::thread::sleep(Duration::from_secs_f64(len as f64 / speed as f64));
                }
                Weather::Down(after) if passed >= after => return self.cut(pair, true),
                _ => {}
            }
            break;
        }
        let mut allowed = bytes.len();
        if self.weather() == Weather::Rough {
            let at = pair.moved.fetch_add(len, Relaxed);
            if let Some((_, length)) = pair.fate.pause.filter(|(pause, _)| (at..at + len).contains(pause)) {
                std::thread::sleep(length);
            }
            allowed = allowed.min(usize::try_from(pair.fate.after.saturating_sub(at)).unwrap_or(usize::MAX));
        }
        let written = to.write_all(&bytes[..allowed]).is_ok();
        self.passed.fetch_add(allowed as u64, Relaxed);
        if up { &self.sent } else { &self.received }.fetch_add(allowed as u64, Relaxed);
        if allowed < bytes.len() {
            return self.cut(pair, pair.fate.reset);
        }
        written || self.cut(pair, false)
    }

    /// Ends a connection for both sides. A reset is what a socket sends that is closed and must not linger.
    fn cut(&self, pair: &Pair, reset: bool) -> bool {
        if !pair.gone.swap(true, Relaxed) {
            self.cuts.fetch_add(1, Relaxed);
        }
        for stream in [&pair.client, &pair.server] {
            if reset {
                let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
            } else {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        false
    }
}
