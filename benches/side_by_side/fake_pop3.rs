//! The made-up POP3 backend: any password is right, `RETR N` gives N pieces of 78 KiB, what is deleted is forgotten.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::Res;
use crate::fake_imap::body_chunk;

pub async fn session(socket: TcpStream) -> Res<()> {
    socket.set_nodelay(true)?;
    // Small: ten thousand idle sessions are kept open.
    let mut io = BufReader::with_capacity(1024, socket);
    io.get_mut().write_all(b"+OK ready\r\n").await?;
    loop {
        let mut line = Vec::new();
        if io.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_ascii_uppercase();
        let (verb, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match verb {
            "CAPA" => "+OK\r\nTOP\r\nUIDL\r\nUSER\r\nSASL PLAIN\r\nRESP-CODES\r\nPIPELINING\r\n.\r\n".to_owned(),
            "STAT" => "+OK 1 1000\r\n".to_owned(),
            "AUTH" if !argument.contains(' ') => {
                io.get_mut().write_all(b"+ \r\n").await?;
                io.read_until(b'\n', &mut Vec::new()).await?;
                "+OK logged in\r\n".to_owned()
            }
            "RETR" => {
                retrieve(&mut io, argument.parse()?).await?;
                continue;
            }
            _ => "+OK done\r\n".to_owned(),
        };
        io.get_mut().write_all(answer.as_bytes()).await?;
        if verb == "QUIT" {
            return Ok(());
        }
    }
}

async fn retrieve(io: &mut BufReader<TcpStream>, pieces: usize) -> Res<()> {
    let piece = body_chunk();
    io.get_mut().write_all(format!("+OK {} octets\r\n", pieces * piece.len()).as_bytes()).await?;
    for _ in 0..pieces {
        io.get_mut().write_all(piece).await?;
    }
    Ok(io.get_mut().write_all(b".\r\n").await?)
}
