//! The notice about a limit of sending: that more is refused for a while, and what to do if somebody else is sending.

use crate::fault::Lang;
use crate::quota::{Stopped, Subject};

/// Subject and paragraphs.
pub(super) fn words(stopped: &Stopped) -> (String, Vec<String>) {
    let name = stopped.association.reveal();
    match (&stopped.subject, &stopped.sender, stopped.lang) {
        (Subject::Mailbox(address), _, Lang::En) => owner_en(&address.reveal()),
        (Subject::Mailbox(address), _, Lang::Fr) => owner_fr(&address.reveal()),
        (Subject::Association(_), Some(sender), Lang::En) => contact_en(name, &sender.reveal()),
        (Subject::Association(_), Some(sender), Lang::Fr) => contact_fr(name, &sender.reveal()),
        (Subject::Association(_), None, Lang::En) => association_en(name),
        (Subject::Association(_), None, Lang::Fr) => association_fr(name),
    }
}

fn owner_en(address: &str) -> (String, Vec<String>) {
    (
        "Your mailbox has sent as much as it may for now".into(),
        vec![
            "Hello,".into(),
            format!("So much mail was sent from {address} that more is refused for a while. Mail still comes in as usual."),
            "If it was you: wait an hour and send the rest. For a letter to many people, ask for a mailing list, or for a higher \
             limit."
                .into(),
            "If it was not you, somebody else knows your password. Change it at once, in a way that you trust, and tell the person \
             in charge of your association's mail."
                .into(),
            "This message was sent automatically, at most once a day.".into(),
        ],
    )
}

fn owner_fr(address: &str) -> (String, Vec<String>) {
    (
        "Votre boîte a atteint sa limite d'envoi".into(),
        vec![
            "Bonjour,".into(),
            format!(
                "Tant de messages sont partis de {address} que les suivants sont refusés pendant un moment. Vous continuez à \
                 recevoir votre courrier comme d'habitude."
            ),
            "Si c'est vous qui les avez envoyés, attendez une heure avant d'envoyer les autres. Pour écrire à beaucoup de \
             personnes, demandez une liste de diffusion ou une limite plus haute."
                .into(),
            "Si ce n'est pas vous, quelqu'un d'autre connaît votre mot de passe. Changez-le tout de suite, d'une façon qui vous \
             paraît sûre, et prévenez la personne qui s'occupe du courrier dans votre association."
                .into(),
            "Ce message a été envoyé automatiquement, une fois par jour au plus.".into(),
        ],
    )
}

fn contact_en(name: &str, address: &str) -> (String, Vec<String>) {
    (
        format!("A mailbox of {name} has sent as much as it may for now"),
        vec![
            "Hello,".into(),
            format!("So much mail was sent from {address} that more is refused for a while. Its owner was told too."),
            "It may be a letter to many people. It may also be somebody who has stolen the password and sends spam: please ask the \
             owner, by telephone rather than by mail, and have the password changed if it was somebody else."
                .into(),
            "You receive this automatic message as the contact of the association, at most once a day for each mailbox.".into(),
        ],
    )
}

fn contact_fr(name: &str, address: &str) -> (String, Vec<String>) {
    (
        format!("Une boîte de {name} a atteint sa limite d'envoi"),
        vec![
            "Bonjour,".into(),
            format!(
                "Tant de messages sont partis de {address} que les suivants sont refusés pendant un moment. La personne à qui \
                 appartient cette boîte est prévenue aussi."
            ),
            "C'est peut-être une lettre à beaucoup de monde. C'est peut-être aussi quelqu'un qui a volé le mot de passe et envoie \
             du spam\u{a0}: posez la question à cette personne, par téléphone plutôt que par courriel, et faites changer le mot de \
             passe si l'envoi ne vient pas d'elle."
                .into(),
            "Vous recevez ce message automatique en tant que contact de l'association, une fois par jour au plus pour chaque boîte."
                .into(),
        ],
    )
}

fn association_en(name: &str) -> (String, Vec<String>) {
    (
        format!("{name} has sent as much as it may for now"),
        vec![
            "Hello,".into(),
            format!("All mailboxes of {name} together have sent so much mail that more is refused for a while."),
            "If that is no surprise, wait an hour, or ask your mail host for a higher limit. If it is, somebody may have stolen a \
             password: ask the members whether they sent it."
                .into(),
            "You receive this automatic message as the contact of the association, at most once a day.".into(),
        ],
    )
}

fn association_fr(name: &str) -> (String, Vec<String>) {
    (
        format!("{name} a atteint sa limite d'envoi"),
        vec![
            "Bonjour,".into(),
            format!("Les boîtes de {name} ont envoyé ensemble tant de messages que les suivants sont refusés pendant un moment."),
            "Si cela ne vous étonne pas, attendez une heure ou demandez une limite plus haute à votre hébergeur de courriel. Sinon, \
             quelqu'un a peut-être volé un mot de passe\u{a0}: demandez aux membres si ces messages viennent d'eux."
                .into(),
            "Vous recevez ce message automatique en tant que contact de l'association, une fois par jour au plus.".into(),
        ],
    )
}
