//! The made-up relay, and the HTTP service that nginx asks where a user's backend is.
//!
//! Every sender, recipient and password is right; message octets are read and forgotten. XCLIENT (nginx sends it) starts the
//! session anew with a second greeting. Line ends are taken as they are: only CRLF.CRLF ends DATA.

use memchr::memmem::Finder;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::{Res, load};

const EHLO: &str = "250-relay.example\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n\
                    250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n250-AUTH PLAIN LOGIN\r\n250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN\r\n";
const END: &[u8] = b"\r\n.\r\n";

pub async fn session(socket: TcpStream) -> Res<()> {
    socket.set_nodelay(true)?;
    let mut io = BufReader::with_capacity(65_536, socket);
    say(&mut io, "220 relay.example ESMTP\r\n").await?;
    while let Some(line) = line(&mut io).await? {
        let upper = line.to_ascii_uppercase();
        let (verb, arguments) = upper.split_once(' ').unwrap_or((&upper, ""));
        let answer = match verb {
            "EHLO" | "HELO" => EHLO,
            "XCLIENT" => "220 relay.example ESMTP\r\n",
            "MAIL" | "RSET" | "NOOP" => "250 2.0.0 Ok\r\n",
            "RCPT" => "250 2.1.5 Ok\r\n",
            "DATA" => {
                say(&mut io, "354 Go on\r\n").await?;
                swallow_data(&mut io).await?;
                "250 2.0.0 Ok: taken\r\n"
            }
            "BDAT" => {
                let size = arguments.split(' ').next().and_then(|size| size.parse().ok()).ok_or("BDAT without a size")?;
                load::swallow(&mut io, size).await?;
                "250 2.0.0 Ok: taken\r\n"
            }
            "AUTH" => authenticate(&mut io, arguments).await?,
            "QUIT" => {
                say(&mut io, "221 2.0.0 Bye\r\n").await?;
                break;
            }
            _ => "502 5.5.1 Not known\r\n",
        };
        say(&mut io, answer).await?;
    }
    Ok(())
}

/// RFC 4954: PLAIN with or without its initial response, LOGIN with two questions.
async fn authenticate(io: &mut BufReader<TcpStream>, arguments: &str) -> Res<&'static str> {
    let questions: &[&str] = match arguments {
        "PLAIN" => &["334 \r\n"],
        "LOGIN" => &["334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"],
        _ => &[],
    };
    for question in questions {
        say(io, question).await?;
        line(io).await?;
    }
    Ok("235 2.7.0 Ok\r\n")
}

/// Reads to CRLF.CRLF, also when it is cut between two reads. The line end of the DATA command itself counts (empty message).
async fn swallow_data(io: &mut BufReader<TcpStream>) -> Res<()> {
    let finder = Finder::new(END);
    let mut tail: Vec<u8> = b"\r\n".to_vec();
    loop {
        let got = io.fill_buf().await?;
        if got.is_empty() {
            return Err("the peer went away".into());
        }
        // The seam: the end of what came before, and as much of the new as an end mark can reach into.
        let kept = tail.len();
        tail.extend(got.iter().take(END.len() - 1));
        if let Some(at) = finder.find(&tail) {
            let used = at + END.len() - kept;
            io.consume(used);
            return Ok(());
        }
        if let Some(at) = finder.find(got) {
            io.consume(at + END.len());
            return Ok(());
        }
        if got.len() >= END.len() {
            tail = got[got.len() - (END.len() - 1)..].to_vec();
        } else {
            let surplus = tail.len().saturating_sub(END.len() - 1);
            tail.drain(..surplus);
        }
        let used = got.len();
        io.consume(used);
    }
}

/// nginx's `auth_http`: every login is right; the answer names the port for the protocol in the question, that of IMAP where it is none
/// of `others`.
pub async fn serve_auth_http(listener: TcpListener, imap: u16, others: Vec<(&'static str, u16)>) {
    let others: std::sync::Arc<[_]> = others.into();
    while let Ok((socket, _)) = listener.accept().await {
        let others = others.clone();
        tokio::spawn(async move {
            let _ = auth_http(socket, imap, &others).await;
        });
    }
}

async fn auth_http(socket: TcpStream, imap: u16, others: &[(&str, u16)]) -> Res<()> {
    socket.set_nodelay(true)?;
    let mut io = BufReader::new(socket);
    let mut port = imap;
    while let Some(line) = line(&mut io).await?.filter(|line| !line.is_empty()) {
        let asked = others.iter().find(|(name, _)| line.eq_ignore_ascii_case(&format!("Auth-Protocol: {name}")));
        port = asked.map_or(port, |(_, port)| *port);
    }
    let answer = format!("HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: 127.0.0.1\r\nAuth-Port: {port}\r\n\r\n");
    say(&mut io, &answer).await
}

async fn line(io: &mut BufReader<TcpStream>) -> Res<Option<String>> {
    let mut line = Vec::new();
    if io.read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
}

async fn say(io: &mut BufReader<TcpStream>, text: &str) -> Res<()> {
    Ok(io.get_mut().write_all(text.as_bytes()).await?)
}
