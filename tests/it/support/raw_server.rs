//! A server on the wire that does as it is told: answers bytes, half of them, or nothing.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is done with one request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// These bytes are sent; the connection stays open.
    Bytes(Vec<u8>),
    /// The whole request is read, and the connection closed.
    Close,
    /// The whole request is read, and nothing said.
    Mute,
    /// Nothing is read beyond the head of the request, and nothing said.
    Deaf,
    /// These bytes are sent, and nothing more.
    Stall(Vec<u8>),
}

impl Reply {
    /// A whole answer.
    pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let mut text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        Self::Bytes((text + "\r\n" + body).into_bytes())
    }

    /// The answer to a request for an object.
    pub(crate) fn object(body: &str) -> Self {
        let headers = [("ETag", "\"1\""), ("Last-Modified", "Mon, 23 Nov 2026 10:00:00 GMT")];
        Self::answer("200 OK", &headers, body)
    }

    /// The same, which stops within the body.
    pub(crate) fn half_object(body: &str) -> Self {
        let Self::Bytes(mut bytes) = Self::object(body) else { panic!("an object is bytes") };
        bytes.truncate(bytes.len() - body.len() / 2);
        Self::Stall(bytes)
    }
}

/// A server at a port of this machine.
pub(crate) struct RawServer {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
}

impl RawServer {
    /// Answers the requests with these replies, one each, and with the last one from then on.
    pub(crate) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicBool::new(false));
        let shared = (Arc::clone(&heads), Arc::clone(&ended), Arc::new(replies));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.1.load(Ordering::Relaxed) {
                    return;
                }
                let shared = shared.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &shared.0, &shared.2, &shared.1));
            }
        });
        Self { port, heads, ended }
    }

    /// The address.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The heads of the requests until now.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// A port of this machine at which nothing listens.
pub(crate) fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn serve(mut stream: TcpStream, heads: &Mutex<Vec<String>>, replies: &[Reply], ended: &AtomicBool) {
    while let Some((head, rest)) = read_head(&mut stream) {
        let number = {
            let mut heads = heads.lock().unwrap();
            heads.push(head.clone());
            heads.len() - 1
        };
        let reply = &replies[number.min(replies.len() - 1)];
        if !matches!(reply, Reply::Deaf) {
            skip_body(&mut stream, &head, rest);
        }
        match reply {
            Reply::Bytes(bytes) => {
                if stream.write_all(bytes).is_err() {
                    return;
                }
            }
            Reply::Close => {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
            Reply::Stall(bytes) => {
                let _ = stream.write_all(bytes);
                return wait(ended);
            }
            Reply::Mute | Reply::Deaf => return wait(ended),
        }
    }
}

/// Keeps the connection until the test is over.
fn wait(ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The head of a request, and how much of its body came with it.
fn read_head(stream: &mut TcpStream) -> Option<(String, usize)> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        all.extend_from_slice(&buffer[..count]);
        if let Some(at) = all.windows(4).position(|window| window == b"\r\n\r\n") {
            return Some((String::from_utf8_lossy(&all[..at]).into_owned(), all.len() - at - 4));
        }
    }
}

fn skip_body(stream: &mut TcpStream, head: &str, rest: usize) {
    let lower = head.to_ascii_lowercase();
    let len = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut left = len.unwrap_or(0_usize).saturating_sub(rest);
    let mut buffer = vec![0; 64 << 10];
    while left > 0 {
        let len = left.min(buffer.len());
        match stream.read(&mut buffer[..len]) {
            Ok(count) if count > 0 => left -= count,
            _ => return,
        }
    }
}
