//! The code words of `nologd sync`: what stands in the journal, and is explained by `nologd help WORD`. Nobody but admins reads them.

use crate::fault::Lang;

codes! {
    /// How a sync went, or why it changed nothing, or not all.
    SyncCode:
    Association "SYNC-ASSOCIATION"
        "The panel does not have a whole association any more, or has it under another name: that would be a new association, without the limits and settings of the old one. So `nologd sync` changed nothing. Look with --dry-run, and say --yes if it is right."
        "Le panneau n'a plus une association entière, ou l'a sous un autre nom\u{a0}: ce serait une nouvelle association, sans les limites ni les réglages de l'ancienne. `nologd sync` n'a rien changé. Regardez avec --dry-run, et confirmez par --yes si c'est voulu."
    Done "SYNC-DONE"
        "The book follows the panel: what was changed stands behind it, with numbers. A mailbox that is missing in the panel is removed at a later run, at least an hour after the first one that misses it."
        "Le registre suit le panneau\u{a0}: ce qui a changé suit, avec des nombres. Une boîte qui manque dans le panneau est retirée à un passage suivant, au moins une heure après le premier qui ne la voit plus."
    DryRun "SYNC-DRY-RUN"
        "What `nologd sync` would change, with numbers. Nothing was changed. On a terminal it also says each by name."
        "Ce que `nologd sync` changerait, avec des nombres. Rien n'a été changé. Dans un terminal, chaque changement est aussi donné par son nom."
    Half "SYNC-HALF"
        "The panel has less than half of what it had at the last run, as after a bad restore, so `nologd sync` changed nothing. Look with --dry-run, and say --yes if it is right."
        "Le panneau a moins de la moitié de ce qu'il avait la dernière fois, comme après une restauration ratée\u{a0}: `nologd sync` n'a rien changé. Regardez avec --dry-run, et confirmez par --yes si c'est voulu."
    Limits "SYNC-LIMITS"
        "More than 10 mailboxes, and more than a quarter of the panel's, would get another limit at once, so `nologd sync` changed nothing. Look with --dry-run, and say --yes if it is right."
        "Plus de 10 boîtes, et plus d'un quart de celles du panneau, changeraient de limite d'un coup\u{a0}: `nologd sync` n'a rien changé. Regardez avec --dry-run, et confirmez par --yes si c'est voulu."
    Removals "SYNC-REMOVALS"
        "More mailboxes are missing in the panel than are removed without asking (10, or 5 in a hundred), so `nologd sync` changed nothing. Look with --dry-run, and say --yes if it is right."
        "Il manque dans le panneau plus de boîtes qu'il n'en est retiré sans demander (10, ou 5 sur cent)\u{a0}: `nologd sync` n'a rien changé. Regardez avec --dry-run, et confirmez par --yes si c'est voulu."
    Rows "SYNC-ROWS"
        "Some rows of the panel make no sense; `nologd sync` left them out and applied the others; where mailboxes or domains may be among them, nothing is marked missing, moved or removed. Its sentence names the table and how many rows there are."
        "Des lignes du panneau n'ont pas de sens\u{a0}; `nologd sync` les a laissées de côté et a appliqué les autres\u{a0}; s'il peut y avoir là des boîtes ou des domaines, rien n'est marqué manquant, déplacé ni retiré. Sa phrase donne la table et le nombre de lignes."
    Source "SYNC-SOURCE"
        "The panel could not be read, so `nologd sync` changed nothing. Mail goes on as before; the next run tries again."
        "Le panneau n'a pas pu être lu\u{a0}: `nologd sync` n'a rien changé. Le courrier continue comme avant\u{a0}; le prochain passage réessaie."
}

impl SyncCode {
    /// The code with this word, in any case of letters.
    pub fn find(word: &str) -> Option<SyncCode> {
        SyncCode::ALL.iter().copied().find(|code| code.word().eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_signs_stay_with_their_word() {
        for text in SyncCode::ALL.iter().map(|code| code.text(Lang::Fr)) {
            assert_eq!([" :", " ;", " !", " ?", " %"].into_iter().find(|sign| text.contains(sign)), None, "{text}");
        }
    }
}
