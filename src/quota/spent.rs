//! What is spent of sending limits, from one judge of an association to the next one (docs/many-nodes.md): whoever sends does not begin anew by that. Numbers of
//! this moment and no time of anything: what one has spent drains by the clock of whoever hears of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::directory::AssociationEntry;
use super::sending::millis;
use super::sending_limits::{SpentMailbox, SpentSending};
use super::{Book, Day, Name};
use crate::private::Address;

impl Book {
    /// What is spent in each association that is judged here, where anything is; or in this one, whoever judges it. Takes a lock of each.
    pub fn spent(&self, of: Option<u64>, now: Duration) -> Vec<(u64, SpentSending)> {
        let told = |entry: &Arc<AssociationEntry>| {
            let ledger = entry.lock();
            let (_, tenant) = entry.bench(&ledger)?;
            let is_asked = of.map_or_else(|| entry.speaks(&ledger), |one| one == tenant);
            is_asked.then(|| (tenant, (ledger.association.name.clone(), Vec::new())))
        };
        let mut senders: BTreeMap<u64, (Name, Vec<Address>)> = self.tenants().iter().filter_map(told).collect();
        // Also of mailboxes that the book does not know yet: whoever only sends is known where the login was.
        for address in self.sending.senders() {
            if let Some((_, theirs)) = self.share_of(&address).and_then(|tenant| senders.get_mut(&tenant)) {
                theirs.push(address);
            }
        }
        let spent = |(tenant, (name, theirs))| Some((tenant, self.sending.spent(&name, theirs, millis(now))?));
        senders.into_iter().filter_map(spent).collect()
    }

    /// The judge says so. It is kept apart: what this node lets pass by itself, where its judge cannot be asked, is a part of the limit.
    pub fn hear_spent(&self, tenant: u64, spent: &SpentSending, now: Duration, today: Day) {
        let Some(entry) = self.shared(tenant) else { return };
        let (name, together) = {
            let ledger = entry.lock();
            (ledger.association.name.clone(), ledger.association.sending.association)
        };
        self.heard_spent.raise_association(&name, spent.together, together, millis(now));
        for SpentMailbox { address, spent } in &spent.mailboxes {
            // Who may not send has nothing to be held against.
            if let Ok((user, of, limits)) = self.may_send(address, today)
                && of == name
            {
                self.heard_spent.raise_mailbox(&user, *spent, limits.mailbox, millis(now));
            }
        }
    }

    /// This node judges it from now on: what was heard counts.
    pub fn take_over_spent(&self, tenant: u64, now: Duration) {
        let Some(entry) = self.shared(tenant) else { return };
        let name = entry.lock().association.name.clone();
        let mut addresses = self.heard_spent.senders();
        addresses.retain(|address| self.share_of(address) == Some(tenant));
        self.sending.absorb(&self.heard_spent, &name, &addresses, millis(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private::Domain;
    use crate::quota::tests::OneNode;
    use crate::quota::{Association, BookParams, Limit, Verdict};
    use crate::store::MemoryStore;

    fn node() -> Book {
        let book = Book::open(Arc::new(MemoryStore::new()), BookParams::default()).unwrap();
        book.judge_each_with(Arc::new(OneNode::new(true)));
        for (name, domain) in [("velo", "velo.example"), ("amis2", "amis.example")] {
            let mut one = Association::new(Name::parse(name).unwrap(), [Domain::parse(domain).unwrap()]);
            one.sending.mailbox.messages_per_hour = Limit::At(4);
            one.sending.association.messages_per_day = Limit::At(6);
            assert!(book.add_association(one, Day::from_unix(0)).is_ok());
        }
        // Bob only sends.
        ["alice@velo.example", "eva@amis.example"].iter().for_each(|who| book.admit(&at(who)).unwrap());
        book
    }

    fn at(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    fn sends(book: &Book, who: &str, now: u64) -> bool {
        let sent = book.take_sending(&at(who), 1, minutes(now), Day::from_unix(0));
        assert!(matches!(sent, Ok(()) | Err(Verdict::TooManyMessages)));
        sent.is_ok()
    }

    /// As it goes over the wire. The clocks of two nodes have nothing in common.
    fn tell(from: &Book, of: Option<u64>, to: &Book, (from_now, to_now): (u64, u64)) -> usize {
        let text = serde_json::to_string(&from.spent(of, minutes(from_now))).unwrap();
        let told: Vec<(u64, SpentSending)> = serde_json::from_str(&text).unwrap();
        told.iter().for_each(|(tenant, spent)| to.hear_spent(*tenant, spent, minutes(to_now), Day::from_unix(0)));
        told.len()
    }

    #[test]
    fn what_is_spent_counts_at_the_next_judge_and_drains_there() {
        let (first, second) = (node(), node());
        assert_eq!(tell(&first, None, &second, (1000, 3)), 0, "nothing is spent");
        assert!((0..4).all(|_| sends(&first, "alice@velo.example", 1000)) && !sends(&first, "alice@velo.example", 1000));
        assert!(sends(&first, "eva@amis.example", 1000));
        assert_eq!(tell(&first, None, &second, (1000, 3)), 2);
        let parts = first.spent(Some(4), minutes(1000)).remove(0).1.parts(1);
        assert_eq!(parts.iter().map(|part| part.mailboxes.len()).collect::<Vec<_>>(), [1]);
        // What was heard is known of, and counts for nothing yet.
        assert_eq!(
            second.disclose(&at("alice@velo.example")).and_then(|found| found.sending).map(|spent| spent.messages_per_hour),
            Some(4)
        );
        assert!(sends(&second, "alice@velo.example", 3));
        second.take_over_spent(4, minutes(3));
        assert!(!sends(&second, "alice@velo.example", 3) && !sends(&second, "alice@velo.example", 17));
        assert!(sends(&second, "alice@velo.example", 18), "a quarter of an hour is one of four");
        assert!(
            (0..4).filter(|_| sends(&second, "bob@velo.example", 18)).count() == 1,
            "six in a day for all, of which five are spent"
        );
        assert!((0..4).all(|_| sends(&second, "eva@amis.example", 3)), "that one is not judged here");
        // Twice is not more.
        assert_eq!(tell(&first, Some(4), &second, (1015, 18)), 1);
        second.take_over_spent(4, minutes(18));
        assert!(!sends(&second, "alice@velo.example", 32));
        // And forgotten as all the rest.
        assert_eq!(tell(&second, Some(4), &first, (40, 0)), 1);
        [&first, &second].iter().for_each(|book| book.forget_sending(minutes(10_000)));
        assert_eq!(
            (
                first.spent(Some(4), minutes(10_000)).len(),
                second.disclose(&at("bob@velo.example")).and_then(|found| found.sending)
            ),
            (0, None)
        );
    }
}
