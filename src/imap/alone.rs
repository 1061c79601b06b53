//! One session of Alice's, played line by line: for what it does by itself when it rests, idles or ends, which no input of a peer brings about
//! (`invariants` plays what both peers say).

use std::sync::Arc;

use super::ImapStep;
use super::backend_capabilities::BackendCapabilities;
use super::options::SessionOptions;
use super::session::ImapSession;
use super::stand_ins::Alice;
use super::tag::Tag;

/// Alice's session, and a backend that is played line by line.
pub(super) struct AlicePlay {
    pub(super) alice: Arc<Alice>,
    pub(super) session: ImapSession,
}

impl AlicePlay {
    pub(super) fn new() -> AlicePlay {
        let alice = Alice::with_room();
        let session = ImapSession::new(SessionOptions {
            account: Some(alice.clone()),
            backend_capabilities: BackendCapabilities::of(b"IMAP4rev1 LIST-STATUS STATUS=SIZE IDLE"),
            append_limit: u64::MAX,
            sent_copy: None,
            fresh_tag: || Tag::read(b"nologd"),
        });
        AlicePlay { alice, session }
    }

    /// What comes of what the client says, or of nothing.
    pub(super) fn client(&mut self, text: &str) -> ImapStep {
        self.session.from_client(text.as_bytes(), false)
    }

    /// What the client hears of what the backend says.
    pub(super) fn backend(&mut self, text: &str) -> String {
        let (mut input, mut heard) = (text.as_bytes(), Vec::new());
        while !input.is_empty() {
            let step = self.session.from_backend(input, false);
            assert!(!matches!(step, ImapStep::Need | ImapStep::Hold | ImapStep::Close(..)));
            match &step {
                ImapStep::Forward(count) => heard.extend_from_slice(&input[..*count]),
                ImapStep::Rewrite(_, line) => heard.extend_from_slice(line),
                _ => {}
            }
            input = &input[step.taken()..];
        }
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Whether it asks how much there is, without anything from the client; then that is answered.
    pub(super) fn counts(&mut self) -> bool {
        let asks = matches!(self.client(""), ImapStep::Rewrite(0, line) if line.starts_with(b"nologd LIST"));
        if asks {
            self.backend("* LIST () \"/\" INBOX\r\n* STATUS INBOX (MESSAGES 0 SIZE 0)\r\nnologd OK\r\n");
        }
        asks
    }

    pub(super) fn seen(&self) -> bool {
        self.alice.seen()[0]
    }
}
