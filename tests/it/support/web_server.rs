//! A web server of files, which notes what it is asked for.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A file on the server.
#[derive(Debug, Clone)]
pub(crate) struct WebFile {
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: Option<String>,
    /// Whether parts can be had, and the length is told.
    pub(crate) parts: bool,
    pub(crate) tells_length: bool,
    /// Where it sends instead.
    pub(crate) moved_to: Option<String>,
    /// Bytes after which it falls silent and hangs up.
    pub(crate) cut_after: Option<usize>,
}

impl WebFile {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>, etag: &str) -> Self {
        Self {
            bytes: bytes.into(),
            etag: Some(etag.to_owned()),
            parts: true,
            tells_length: true,
            moved_to: None,
            cut_after: None,
        }
    }
}

#[derive(Default)]
struct Shared {
    files: Mutex<BTreeMap<String, WebFile>>,
    asked: Mutex<Vec<String>>,
    ended: AtomicBool,
}

/// A server at a port of this machine.
pub(crate) struct WebServer {
    port: u16,
    shared: Arc<Shared>,
}

impl WebServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if served.ended.load(Ordering::Relaxed) {
                    return;
                }
                let served = Arc::clone(&served);
                std::thread::spawn(move || while serve(stream.as_ref().unwrap(), &served).is_some() {});
            }
        });
        Self { port, shared }
    }

    /// The URL of a file.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Puts a file there, in place of another one.
    pub(crate) fn put(&self, path: &str, file: WebFile) {
        self.shared.files.lock().unwrap().insert(format!("/{path}"), file);
    }

    pub(crate) fn remove(&self, path: &str) {
        self.shared.files.lock().unwrap().remove(&format!("/{path}"));
    }

    /// What was asked for since the last call, as `GET /a/b` or `GET /a/b 0-9`.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap())
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Answers one request; `None` when the connection is over.
fn serve(mut stream: &TcpStream, shared: &Shared) -> Option<()> {
    let head = read_head(stream)?;
    let mut words = head.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let range = header("range").and_then(|text| text.strip_prefix("bytes=").map(str::to_owned));
    let shown = range.as_ref().map_or_else(String::new, |range| format!(" {range}"));
    shared.asked.lock().unwrap().push(format!("{method} {path}{shown}"));
    let file = shared.files.lock().unwrap().get(&path).cloned();
    let Some(file) = file else { return send(stream, "404 Not Found", "Content-Length: 0\r\n", b"") };
    if let Some(to) = &file.moved_to {
        return send(stream, "302 Found", &format!("Location: {to}\r\nContent-Length: 0\r\n"), b"");
    }
    if header("if-match").is_some_and(|wanted| file.etag.as_ref().is_some_and(|etag| *etag != wanted)) {
        return send(stream, "412 Precondition Failed", "Content-Length: 0\r\n", b"");
    }
    let mut headers = "Last-Modified: Mon, 23 Nov 2026 10:00:00 GMT\r\n".to_owned();
    headers += &file.etag.map_or_else(String::new, |etag| format!("ETag: {etag}\r\n"));
    let (mut status, mut body) = ("200 OK", &file.bytes[..]);
    if let Some((from, to)) = range.filter(|_| file.parts).as_ref().and_then(|range| range.split_once('-')) {
        let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
        let to = to.min(file.bytes.len() - 1);
        headers += &format!("Content-Range: bytes {from}-{to}/{}\r\n", file.bytes.len());
        (status, body) = ("206 Partial Content", &file.bytes[from..=to]);
    }
    if file.tells_length {
        headers += &format!("Content-Length: {}\r\n", body.len());
    } else {
        headers += "Connection: close\r\n";
    }
    if method == "HEAD" {
        return send(stream, status, &headers, b"");
    }
    let cut = file.cut_after.unwrap_or(body.len());
    send(stream, status, &headers, &body[..cut.min(body.len())])?;
    if cut < body.len() || !file.tells_length {
        let _ = stream.flush();
        let _ = stream.shutdown(std::net::Shutdown::Both);
        return None;
    }
    Some(())
}

fn send(mut stream: &TcpStream, status: &str, headers: &str, body: &[u8]) -> Option<()> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()
}

fn read_head(mut stream: &TcpStream) -> Option<String> {
    let mut all = Vec::new();
    let mut byte = [0];
    while !all.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        all.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&all).into_owned())
}
