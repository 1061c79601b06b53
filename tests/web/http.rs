//! HTTP by hand: what a browser or a mail program sends, octet for octet, and what comes back.

#![allow(dead_code)] // every test program uses its own part of this

use crate::wire::{PATIENCE, Wire};

pub struct Got {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Got {
    /// The values of a field.
    pub fn fields(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    pub fn field(&self, name: &str) -> &str {
        self.fields(name).first().copied().unwrap_or_default()
    }

    /// The cookie that was set, as a browser sends it back.
    pub fn cookie(&self) -> String {
        self.field("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }
}

/// Reads one response. None: the connection ended before.
pub fn response(wire: &mut Wire, head_only: bool) -> Option<Got> {
    let mut head = String::new();
    loop {
        let line = wire.line();
        if line.is_empty() {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let got = Got { status, head, body: String::new() };
    let length = if head_only { 0 } else { got.field("content-length").parse().unwrap_or(0) };
    while wire.heard.len() < length && wire.hear(PATIENCE) {}
    let body: Vec<u8> = wire.heard.drain(..length.min(wire.heard.len())).collect();
    Some(Got { body: String::from_utf8_lossy(&body).into_owned(), ..got })
}

/// What one request, on a connection of its own, is answered with; none where it just ends.
pub fn raw(port: u16, request: &[u8]) -> Option<Got> {
    let mut wire = Wire::plain(port);
    wire.send(request);
    response(&mut wire, request.starts_with(b"HEAD "))
}

/// A page that a person opens.
pub fn get(port: u16, path: &str, more: &str) -> Got {
    let request = format!("GET {path} HTTP/1.1\r\nHost: mail.nolog.example\r\n{more}\r\n");
    raw(port, request.as_bytes()).unwrap_or_else(|| panic!("no answer: {path}"))
}

/// A form that is sent from a page of ours, with `cookie`.
pub fn post(port: u16, path: &str, cookie: &str, form: &str) -> Got {
    send(port, path, &format!("Sec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n"), form)
}

/// A form with these header fields.
pub fn send(port: u16, path: &str, fields: &str, form: &str) -> Got {
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: mail.nolog.example\r\nContent-Type: application/x-www-form-urlencoded\r\n{fields}Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    raw(port, request.as_bytes()).unwrap_or_else(|| panic!("no answer: {path}"))
}
