//! The floor for a proxy that ends TLS: a relay that does TLS and copies, with rustls and tokio as nologd uses them. One task for each
//! connection, one buffer for each thread, nothing held for a session that is idle; no login of its own, no limits, nothing is looked at.
//! In front of a node it speaks TLS on both sides: the floor for what the way through another node costs.

use std::cell::RefCell;
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::lab::{self, DOMAIN, Guard, Lab};
use crate::load::{self, Door};
use crate::{Res, args};

/// Octets read at once. The cheapest of 16, 64 and 256 KiB for a large body.
const BUFFER: usize = 64 * 1024;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

pub fn start(lab: &Lab, port: u16, backend: Door) -> Res<Guard> {
    let mut command = Command::new(std::env::current_exe()?);
    let word = if backend.tls { args::TLS_COPY_TWICE } else { args::TLS_COPY };
    command.arg(word).args([port, backend.port].map(|port| port.to_string()));
    command.arg(lab.folder.chain()).arg(lab.folder.key());
    Guard::start(command.stdin(Stdio::null()).stdout(Stdio::null()))
}

/// Copies until it is ended from outside.
pub fn run(port: u16, backend: Door, chain: &Path, key: &Path) -> Res<()> {
    lab::raise_file_limit();
    let chain = CertificateDer::pem_file_iter(chain)?.collect::<Result<Vec<_>, _>>()?;
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let connector = backend.tls.then(load::connector).transpose()?;
    lab::runtime()?.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (client, _) = listener.accept().await?;
            let (acceptor, connector) = (acceptor.clone(), connector.clone());
            tokio::spawn(async move {
                // A client that goes away ends its own relay.
                let _ = relay(client, &acceptor, backend.port, connector).await;
            });
        }
    })
}

async fn relay(client: TcpStream, acceptor: &TlsAcceptor, backend: u16, connector: Option<TlsConnector>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let client = acceptor.accept(client).await?;
    let backend = TcpStream::connect(("127.0.0.1", backend)).await?;
    backend.set_nodelay(true)?;
    let Some(connector) = connector else { return both(client, backend).await };
    let name = ServerName::try_from(DOMAIN).map_err(std::io::Error::other)?;
    both(client, connector.connect(name, backend).await?).await
}

async fn both<C, B>(mut client: C, mut backend: B) -> std::io::Result<()>
where
    C: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (mut up, mut down) = (Vec::new(), Vec::new());
    std::future::poll_fn(move |context| {
        // Whichever ends first ends both: mail protocols say goodbye before.
        let one = copy(&mut client, &mut backend, &mut up, context);
        if one.is_ready() { one } else { copy(&mut backend, &mut client, &mut down, context) }
    })
    .await
}

/// Copies as far as it goes now. `left`: what was read, and could not be written yet.
fn copy<R, W>(from: &mut R, to: &mut W, left: &mut Vec<u8>, context: &mut Context<'_>) -> Poll<std::io::Result<()>>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    loop {
        if !left.is_empty() {
            let written = ready!(Pin::new(&mut *to).poll_write(context, left))?;
            left.drain(..written);
            if left.is_empty() {
                *left = Vec::new();
            }
            continue;
        }
        let mut wrote = false;
        let done = READ.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            ready!(Pin::new(&mut *from).poll_read(context, &mut read))?;
            let mut rest = read.filled();
            if rest.is_empty() {
                return Poll::Ready(Ok(()));
            }
            wrote = true;
            while !rest.is_empty() {
                match Pin::new(&mut *to).poll_write(context, rest) {
                    Poll::Ready(written) => rest = rest.get(written?..).unwrap_or_default(),
                    Poll::Pending => {
                        left.extend_from_slice(rest);
                        break;
                    }
                }
            }
            Poll::Pending
        });
        if done.is_ready() || !wrote {
            // What TLS made of it goes out with the rest of the turn.
            ready!(Pin::new(&mut *to).poll_flush(context))?;
            return done;
        }
    }
}
