//! The made-up ManageSieve backend: any password is right, and there are no scripts.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::{Res, load};

const GREETING: &str = "\"IMPLEMENTATION\" \"bench\"\r\n\"SIEVE\" \"fileinto vacation\"\r\n\"SASL\" \"PLAIN\"\r\n\"VERSION\" \"1.0\"\r\nOK \"ready\"\r\n";

pub async fn session(socket: TcpStream) -> Res<()> {
    socket.set_nodelay(true)?;
    // Small: ten thousand idle sessions are kept open.
    let mut io = BufReader::with_capacity(1024, socket);
    io.get_mut().write_all(GREETING.as_bytes()).await?;
    loop {
        let mut line = Vec::new();
        if io.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        // A literal, and the end of the command behind it.
        if let Some(size) = line.strip_suffix("+}").and_then(|line| line.rsplit('{').next()) {
            load::swallow(&mut io, size.parse()?).await?;
            io.read_until(b'\n', &mut Vec::new()).await?;
        }
        let answer = if line.starts_with("CAPABILITY") { GREETING } else { "OK \"done\"\r\n" };
        io.get_mut().write_all(answer.as_bytes()).await?;
        if line.starts_with("LOGOUT") {
            return Ok(());
        }
    }
}
