//! What the owner is told while steps are written down: by whom, what of it, and for how long. ASCII on purpose: the texts stand in
//! protocols that have no other letters there (RFC 3501 9, TEXT-CHAR; RFC 1939 3).

use crate::fault::Lang;

/// One text for each language; both where none is known.
pub fn alerts(lang: Option<Lang>, minutes: u64) -> Vec<String> {
    let english = format!(
        "Incident mode is on for {minutes} more min at most, to find a fault. The people who run this server can see which commands \
         your mail program gives and how they are answered, with codes and times. They see no contents, names, addresses or \
         passwords. Nothing of it is stored. If you did not agree to this, tell them to stop it."
    );
    let french = format!(
        "Mode incident en cours, pour {minutes} min encore au plus, afin de trouver une panne. Les personnes qui administrent ce \
         serveur peuvent voir les commandes de votre logiciel de messagerie, les codes obtenus en retour et le moment de chacun. \
         Elles ne voient ni contenu, ni nom, ni adresse, ni mot de passe. Rien de tout cela n'est inscrit sur disque. Si vous \
         n'avez pas dit oui, demandez-leur d'y mettre fin."
    );
    match lang {
        Some(Lang::En) => vec![english],
        Some(Lang::Fr) => vec![french],
        None => vec![french, english],
    }
}

/// The same in a line that cannot be long (RFC 2449 4: 512 octets).
pub fn note(lang: Lang, minutes: u64) -> String {
    alerts(Some(lang), minutes).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_in_one_line_of_any_protocol() {
        for lang in [Lang::En, Lang::Fr] {
            let told = note(lang, 60);
            assert!(told.is_ascii() && told.len() <= 480, "{}", told.len());
            assert!(!told.contains(['"', '\\', '\r', '\n', '[']) && told.contains(" 60 "), "{told}");
        }
    }
}
