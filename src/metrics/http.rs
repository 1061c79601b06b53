//! The least HTTP/1.1 (RFC 9112) that a scraper needs: one request without a body, one response, and the connection is closed.
//!
//! Absent on purpose: keep-alive, bodies, compression, other paths, and every header field. Nothing of a request comes back.

/// The longest request head, in octets.
pub const MAX_REQUEST: usize = 8 * 1024;

/// The response to the first bytes of a connection; `None`: the head is not complete.
pub fn respond(input: &[u8], page: &str) -> Option<Vec<u8>> {
    let window = &input[..input.len().min(MAX_REQUEST)];
    let complete = window.windows(4).any(|end| end == b"\r\n\r\n") || window.windows(2).any(|end| end == b"\n\n");
    if !complete {
        return (input.len() >= MAX_REQUEST).then(|| response("431 Request Header Fields Too Large", "", false));
    }
    let line = input.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let words: Vec<_> = line.split(|byte| *byte == b' ').collect();
    Some(match words[..] {
        [b"GET", b"/metrics", b"HTTP/1.1" | b"HTTP/1.0"] => response("200 OK", page, false),
        [b"HEAD", b"/metrics", b"HTTP/1.1" | b"HTTP/1.0"] => response("200 OK", page, true),
        [b"GET" | b"HEAD", _, b"HTTP/1.1" | b"HTTP/1.0"] => response("404 Not Found", "", false),
        [_, _, b"HTTP/1.1" | b"HTTP/1.0"] => response("405 Method Not Allowed", "", false),
        _ => response("400 Bad Request", "", false),
    })
}

fn response(status: &str, body: &str, head_only: bool) -> Vec<u8> {
    let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\n{allow}\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    format!("{head}{}", if head_only { "" } else { body }).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(request: &str) -> Option<String> {
        respond(request.as_bytes(), "page\n").map(|response| String::from_utf8(response).unwrap())
    }

    #[test]
    fn one_page_and_clear_refusals() {
        let good = said("GET /metrics HTTP/1.1\r\nHost: canary\r\n\r\n").unwrap();
        assert!(
            good.starts_with("HTTP/1.1 200 OK\r\n") && good.contains("Content-Length: 5\r\n") && good.ends_with("\r\n\r\npage\n")
        );
        assert!(said("HEAD /metrics HTTP/1.1\r\n\r\n").unwrap().ends_with("\r\n\r\n"));
        for (request, status) in [
            ("GET /canary HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
            ("GET /metrics\r\n\r\n", "400"),
            ("canary\r\n\r\n", "400"),
            ("\r\n\r\n", "400"),
        ] {
            let told = said(request).unwrap();
            assert!(
                told.starts_with(&format!("HTTP/1.1 {status} ")) && !told.contains("canary") && !told.contains("page"),
                "{told}"
            );
        }
        assert!(said("GET /metrics HTTP/1.1\r\nHost: x\r\n").is_none());
        assert!(said(&"x".repeat(MAX_REQUEST)).unwrap().contains(" 431 "));
    }
}
