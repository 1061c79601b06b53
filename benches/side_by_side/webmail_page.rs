//! A page of a real webmail: Roundcube out of Debian's packages in Chromium, as the tests have both (`src/demo/webmail.rs`, `tests/webmail/browser.py`).
//!
//! As on a host, a web server gives out the files of the skin, which the browser keeps, and PHP makes the pages: one process of it.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nologd::demo::{Place, Ports, Webmail};

use crate::Res;
use crate::figures;
use crate::lab::Guard;
use crate::load::Times;
use crate::nginx::PROGRAM;
use crate::peers::Target;
use crate::report::Cell;

/// Fifteen visits of five people in turn, each of whom was there twice before.
pub async fn webmail_page(target: &Target) -> Res<Vec<Cell>> {
    // In the order of their end: the place comes last.
    let place = Place::new()?;
    let (webmail, front, mut browser) = tokio::task::block_in_place(|| open(&place, target.imap.port))?;
    let mut output = browser.output().ok_or("the browser has no output")?;
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).map(|_| text)
    });
    let text = read.await??;
    tokio::task::block_in_place(|| drop((browser, front, webmail)));
    let visits: Vec<[f64; 2]> = text.lines().filter_map(times).collect();
    if visits.len() < 10 {
        return Err(format!("absent: {} visits in the browser, what it says is above", visits.len()).into());
    }
    let p50 = |of: fn(&[f64; 2]) -> f64| {
        Times::new(visits.iter().map(|visit| Duration::from_secs_f64(of(visit) / 1000.0)).collect()).percentile(50)
    };
    Ok(vec![
        Cell::new(&figures::PAGE_P50, p50(|[list, message]| list + message)),
        Cell::new(&figures::PAGE_LIST, p50(|[list, _]| *list)),
        Cell::new(&figures::PAGE_MESSAGE, p50(|[_, message]| *message)),
    ])
}

fn open(place: &Place, imap: u16) -> Res<(Webmail, Guard, Guard)> {
    // Nothing is sent.
    let ports = Ports { webmail_imap: imap, ..Ports::any(place)? };
    let webmail = Webmail::start(place, ports, place.port()?).map_err(|trouble| format!("absent: {trouble}"))?;
    let door = place.port()?;
    let front = front(place, door, webmail.port())?;
    let browser = browser(place, door, place.port()?)?;
    Ok((webmail, front, browser))
}

/// nginx, which gives out what is a file, and asks PHP for the rest.
fn front(place: &Place, port: u16, php: u16) -> Res<Guard> {
    let folder = place.folder().join("front");
    fs::create_dir_all(&folder)?;
    let (config, folder) = (folder.join("nginx.conf"), folder.display());
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("  {what}_temp_path {folder}/{what};\n"))
        .concat();
    let settings = format!(
        "daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ }}
http {{
  include /etc/nginx/mime.types;
  access_log off;
{temporary}  server {{
    listen 127.0.0.1:{port};
    root /var/lib/roundcube/public_html;
    location / {{
      proxy_pass http://127.0.0.1:{php};
      proxy_set_header Host $http_host;
    }}
    location ~ \\.(css|js|png|svg|gif|ico|jpg|woff2?)$ {{
      expires 1d;
    }}
  }}
}}
"
    );
    fs::write(&config, settings)?;
    let mut command = Command::new(PROGRAM);
    command.arg("-c").arg(&config).arg("-e").arg(place.folder().join("front/error.log"));
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()))
}

fn browser(place: &Place, webmail: u16, driver: u16) -> Res<Guard> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("python3");
    command.arg(sources.join("benches/side_by_side/page.py")).env("PYTHONPATH", sources.join("tests/webmail"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PLACE", place.folder());
    command.env("WEBMAIL", format!("http://127.0.0.1:{webmail}/")).env("DRIVER", driver.to_string());
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))
}

/// A line of the script: the list, the message.
fn times(line: &str) -> Option<[f64; 2]> {
    let (list, message) = line.split_once(' ')?;
    Some([list.parse().ok()?, message.parse().ok()?])
}
