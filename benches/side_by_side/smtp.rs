//! A submission client as a mail program is one: connect, EHLO, AUTH, one message, QUIT; no pipelining.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Res;
use crate::imap::user;
use crate::load::{Door, Wire};

/// Submits one message of `size` octets as user `number`, on a connection of its own.
pub async fn submit(door: Door, number: usize, size: usize) -> Res<()> {
    let mut wire = Wire::open(door).await?;
    let user = user(number);
    expect(&mut wire, '2').await?;
    say(&mut wire, "EHLO laptop.example", '2').await?;
    let response = STANDARD.encode(format!("\0{user}\0secret"));
    say(&mut wire, &format!("AUTH PLAIN {response}"), '2').await?;
    say(&mut wire, &format!("MAIL FROM:<{user}> SIZE={size}"), '2').await?;
    say(&mut wire, "RCPT TO:<friend@elsewhere.example>", '2').await?;
    say(&mut wire, "DATA", '3').await?;
    // The text may end inside a line.
    wire.send_message(&header(&user, number), size, "\r\n.\r\n").await?;
    expect(&mut wire, '2').await?;
    say(&mut wire, "QUIT", '2').await
}

/// What a usual mail program writes, with the fields that a scrubber has work with.
fn header(user: &str, number: usize) -> String {
    format!(
        "Message-ID: <{number:08x}-1c2d-4e3f-8a9b-001122334455@laptop.example>\r\n\
         Date: Tue, 14 Oct 2025 18:04:05 +0200\r\n\
         MIME-Version: 1.0\r\n\
         User-Agent: Mozilla Thunderbird\r\n\
         Content-Language: fr\r\n\
         X-Mozilla-Draft-Info: internal/draft; vcard=0; receipt=0; DSN=0\r\n\
         To: A Friend <friend@elsewhere.example>\r\n\
         From: U <{user}>\r\n\
         Subject: =?UTF-8?Q?R=C3=A9union_de_mardi?=\r\n\
         Content-Type: text/plain; charset=UTF-8; format=flowed\r\n\
         Content-Transfer-Encoding: 7bit\r\n\r\n"
    )
}

/// Says a line, and reads the reply.
pub async fn say(wire: &mut Wire, line: &str, class: char) -> Res<()> {
    wire.send(format!("{line}\r\n").as_bytes()).await?;
    expect(wire, class).await
}

/// Reads a reply of one or more lines; its code must begin with `class`.
pub async fn expect(wire: &mut Wire, class: char) -> Res<()> {
    loop {
        let line = wire.line().await?;
        if line.as_bytes().get(3) != Some(&b'-') {
            return if line.starts_with(class) { Ok(()) } else { Err(format!("refused: {line}").into()) };
        }
    }
}
