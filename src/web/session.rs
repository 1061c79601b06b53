//! Who is logged in at the pages. In memory only: a restart ends all of it. The links by which contacts log in are `links`.
//!
//! Of a token, what is kept is its SHA-256: who reads the memory can log in nowhere. A token has 32 random octets, so that of 1000 open
//! ones, guessed at a million times a second for a year, one is found with a chance of 2^-202.
//!
//! Time is that of any clock that only goes forward.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::form_mark::FormMark;
use super::news::{FreshNews, VisitNews};
use crate::admin::Principal;
use crate::private::Address;

/// A session that nobody used for so long is over.
pub const IDLE: Duration = Duration::from_secs(12 * 3600);
/// A link is good for so long, at first.
pub const LINK: Duration = Duration::from_secs(15 * 60);
/// From one link for an association to the next, at first.
pub(super) const PAUSE: Duration = Duration::from_secs(2 * 60);
/// Sessions at once; then the one that was idle longest goes.
const SESSIONS: usize = 1000;
/// Sessions of one person; the same.
const SESSIONS_EACH: usize = 8;

pub(super) type Hash = [u8; 32];

/// 32 random octets, shown once to whom they belong.
pub struct VisitToken(Zeroizing<[u8; 32]>);

impl VisitToken {
    /// A new one. None where the kernel gives no randomness.
    pub fn new() -> Option<VisitToken> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        rand::fill(&mut bytes[..]).ok()?;
        Some(VisitToken(bytes))
    }

    /// As it stands in a cookie, in a link and in a form.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(&self.0[..]))
    }

    /// Whether `text` is this one. Hashes are compared: how long it takes says nothing about the token.
    pub fn is(&self, text: &str) -> bool {
        shown(text.as_bytes()) == Some(self.hash())
    }

    pub(super) fn hash(&self) -> Hash {
        hash(&self.0[..])
    }
}

fn hash(bytes: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.iter_mut().zip(digest(&SHA256, bytes).as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

/// The hash of what somebody shows; none where it cannot be a token.
pub(super) fn shown(text: &[u8]) -> Option<Hash> {
    let mut bytes = Zeroizing::new([0u8; 33]);
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes[..]).ok()?;
    (length == 32).then(|| hash(&bytes[..32]))
}

/// Who is logged in.
#[derive(Clone)]
pub struct Visitor {
    /// As whom.
    pub principal: Principal,
    /// By which address. When it is no longer the contact's, the session is over.
    pub address: Address,
}

/// A session that was found.
pub struct FoundVisit {
    /// Who it is.
    pub visitor: Visitor,
    /// What stands in the forms of this session.
    pub form_token: Zeroizing<String>,
}

struct OpenVisit {
    visitor: Visitor,
    form: VisitToken,
    used: Duration,
    news: FreshNews,
    /// By which link or which form it was begun.
    by: Option<Hash>,
}

/// All sessions.
#[derive(Default)]
pub struct Sessions(HashMap<Hash, OpenVisit>);

impl Sessions {
    /// Begins one, under a name that nobody had before; `by` is the token that was good for it once. None without randomness.
    pub fn begin(&mut self, visitor: Visitor, by: Option<&str>, now: Duration) -> Option<VisitToken> {
        self.sweep(now);
        self.make_room(|open| open.visitor.principal == visitor.principal, SESSIONS_EACH);
        self.make_room(|_| true, SESSIONS);
        let (token, form) = (VisitToken::new()?, VisitToken::new()?);
        self.0.insert(
            token.hash(),
            OpenVisit { visitor, form, used: now, news: FreshNews::default(), by: by.and_then(|by| shown(by.as_bytes())) },
        );
        Some(token)
    }

    /// The one of this cookie, which is used by that.
    pub fn find(&mut self, cookie: &[u8], now: Duration) -> Option<FoundVisit> {
        let open = self.0.get_mut(&shown(cookie)?).filter(|open| now.saturating_sub(open.used) < IDLE)?;
        open.used = now;
        Some(FoundVisit { visitor: open.visitor.clone(), form_token: open.form.reveal() })
    }

    /// Whether the one of this cookie was begun by `token`. Who has both is its owner, and pressed twice.
    pub fn came_by(&self, cookie: &[u8], token: &str) -> bool {
        let by = shown(cookie).and_then(|hash| self.0.get(&hash)).and_then(|open| open.by);
        by.is_some() && by == shown(token.as_bytes())
    }

    /// Whether `token` stood in a form of this session.
    pub fn sent_by(&self, cookie: &[u8], token: &str) -> bool {
        let open = shown(cookie).and_then(|hash| self.0.get(&hash));
        open.is_some_and(|open| open.form.is(token))
    }

    /// What was done in the one of this cookie by this form, for the page that comes next.
    pub fn tell(&mut self, cookie: &[u8], news: VisitNews, form: FormMark, now: Duration) {
        let open = shown(cookie).and_then(|hash| self.0.get_mut(&hash));
        open.into_iter().for_each(|open| open.news.put(news, form, now));
    }

    /// Whether that is what was done in it last, by the same form, just now.
    pub fn is_again(&self, cookie: &[u8], news: VisitNews, form: FormMark, now: Duration) -> bool {
        let open = shown(cookie).and_then(|hash| self.0.get(&hash));
        open.is_some_and(|open| open.news.is_again(news, form, now))
    }

    /// It, once.
    pub fn news(&mut self, cookie: &[u8], now: Duration) -> Option<VisitNews> {
        self.0.get_mut(&shown(cookie)?)?.news.take(now)
    }

    /// Ends the one of this cookie.
    pub fn end(&mut self, cookie: &[u8]) {
        shown(cookie).and_then(|hash| self.0.remove(&hash));
    }

    /// Ends those of which `stands` does not hold.
    pub fn keep_only(&mut self, stands: impl Fn(&Visitor) -> bool) {
        self.0.retain(|_, open| stands(&open.visitor));
    }

    /// Ends all of whoever came in by such an address: how many there were.
    pub fn end_of(&mut self, whose: impl Fn(&Address) -> bool) -> usize {
        let before = self.0.len();
        self.0.retain(|_, open| !whose(&open.visitor.address));
        before - self.0.len()
    }

    /// Forgets what is over.
    pub fn sweep(&mut self, now: Duration) {
        self.0.retain(|_, open| now.saturating_sub(open.used) < IDLE);
        self.0.shrink_to_fit();
    }

    fn make_room(&mut self, counts: impl Fn(&OpenVisit) -> bool, most: usize) {
        while self.0.values().filter(|open| counts(open)).count() >= most {
            let oldest = self.0.iter().filter(|(_, open)| counts(open)).min_by_key(|(_, open)| open.used).map(|(hash, _)| *hash);
            let Some(oldest) = oldest else { return };
            self.0.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::quota::Name;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn visitor(of: &str) -> Visitor {
        Visitor { principal: Principal::Contact(name(of)), address: "carl@velo.example".parse().unwrap() }
    }

    #[test]
    fn tokens_have_256_bits_and_one_spelling() {
        let all: Vec<_> = (0..64).map(|_| VisitToken::new().unwrap()).collect();
        let spelt: BTreeSet<_> = all.iter().map(|token| token.reveal().to_string()).collect();
        assert!(spelt.len() == 64 && spelt.iter().all(|text| text.len() == 43));
        // Each octet varies.
        assert!((0..32).all(|place| all.iter().map(|token| token.0[place]).collect::<BTreeSet<_>>().len() > 16));
        let text = all[0].reveal();
        for wrong in
            ["", &text[..42], &format!("{}=", &text[..]), &format!(" {}", &text[..]), &text.replace(|_: char| true, "A")[..42]]
        {
            assert!(shown(wrong.as_bytes()).is_none(), "{wrong}");
        }
        // Bits that belong to no octet cannot make another spelling of the same token.
        let others = ('0'..='z').filter(|last| shown(format!("{}{last}", &text[..42]).as_bytes()) == Some(all[0].hash()));
        assert_eq!(others.count(), 1);
        assert!(shown(&vec![b'A'; 1 << 20]).is_none());
    }

    #[test]
    fn a_session_ends_by_itself_and_its_number_is_bounded() {
        let (mut sessions, link) = (Sessions::default(), VisitToken::new().unwrap().reveal());
        let token = sessions.begin(visitor("velo"), Some(&link), NOW).unwrap().reveal();
        let form = sessions.find(token.as_bytes(), NOW).unwrap().form_token;
        assert!(sessions.sent_by(token.as_bytes(), &form) && !sessions.sent_by(token.as_bytes(), &token));
        assert!(!sessions.sent_by(form.as_bytes(), &form) && !sessions.sent_by(token.as_bytes(), ""));
        let nearly = NOW + IDLE - Duration::from_secs(1);
        assert!(sessions.find(token.as_bytes(), nearly).is_some() && sessions.find(token.as_bytes(), nearly + IDLE).is_none());
        let first = sessions.begin(visitor("jardin"), None, NOW).unwrap().reveal();
        assert!(sessions.came_by(token.as_bytes(), &link) && !sessions.came_by(token.as_bytes(), &form));
        assert!(!sessions.came_by(first.as_bytes(), &link) && !sessions.came_by(first.as_bytes(), ""));
        for more in 1..=SESSIONS_EACH as u64 {
            sessions.begin(visitor("jardin"), None, NOW + Duration::from_secs(more)).unwrap();
        }
        assert!(sessions.find(first.as_bytes(), NOW).is_none(), "the oldest one of theirs went");
        for number in 0..SESSIONS + 5 {
            sessions.begin(visitor(&format!("a{number}")), None, NOW + Duration::from_secs(60)).unwrap();
        }
        assert_eq!(sessions.0.len(), SESSIONS);
        let last = sessions.begin(visitor("z"), None, NOW + Duration::from_secs(61)).unwrap().reveal();
        sessions.end(last.as_bytes());
        assert!(sessions.find(last.as_bytes(), NOW + Duration::from_secs(61)).is_none());
    }
}
