//! Who tries a password, and by which bucket it is judged.

/// A key of a pseudonym.
pub(super) type PseudonymKey = [u8; 16];

/// Who tries: the keys that a try is counted under.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    pub(super) account: PseudonymKey,
    /// The account and the network together.
    pub(super) pair: PseudonymKey,
    /// The network, and those around it that are bigger, each with how many times as much it may do; unused places are zero.
    pub(super) networks: [(PseudonymKey, u32); 3],
    /// Everybody comes this way: the pair is judged alone, known or not.
    pub(super) own_way: bool,
}

impl Asker {
    pub(super) fn has_network(&self) -> bool {
        self.networks[0].1 > 0
    }

    /// Whose first tries it may take: the account's, or those of the pair where everybody comes its way.
    pub(super) fn first(&self) -> PseudonymKey {
        if self.own_way { self.pair } else { self.account }
    }
}

/// Which bucket judges a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JudgedBy {
    /// The pair's own.
    Own,
    /// The account's, which strangers share.
    Account,
    /// The account's first tries.
    First,
}

/// Where the pair alone judges, its bucket alone is concerned; but a way that everybody comes by has networks all the same, if it tells them.
pub(super) fn counts_for_networks(asker: &Asker, way: JudgedBy) -> bool {
    way != JudgedBy::Own || asker.own_way && asker.has_network()
}

pub(super) fn widest(asker: &Asker) -> PseudonymKey {
    asker.networks.iter().rev().find(|(_, factor)| *factor > 0).map_or(asker.pair, |(key, _)| *key)
}
