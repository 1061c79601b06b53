//! What to do about each code word. Without wildcards: a new word gets its own advice here.

use super::advice::{ASK_IF_STAYS, Advice, LOOK_BEHIND, MORE_SPACE, Matter, NOT_CONTACT, NOT_HOSTS, OPEN_AGAIN, SETTINGS};
use crate::fault::RefusalCode;

remedies! {
    MailboxFull => Space,
        [
            "Delete messages with large attachments first, then empty the trash: only then is there room. Deleting always works, also in a full mailbox.",
            "Supprimez d'abord les messages à grosses pièces jointes, puis videz la corbeille\u{a0}: c'est seulement là que la place se libère. On peut toujours supprimer, même dans une boîte pleine.",
        ],
        MORE_SPACE,
        NOT_HOSTS;
    AssociationFull => Space,
        [
            "Delete what you no longer need and empty the trash. It helps, even if your own mailbox is small.",
            "Supprimez ce dont vous n'avez plus besoin et videz la corbeille. Cela aide, même si votre boîte est petite.",
        ],
        [
            "See on the contact's page which mailboxes are the largest, and ask their owners to clear up; or ask the host for more space.",
            "Voir sur la page du contact quelles boîtes sont les plus remplies et demander d'y faire du tri\u{a0}; ou demander plus d'espace à l'hébergeur.",
        ],
        [
            "Give the association more space, for good or for a while.",
            "Donner plus d'espace à l'association, pour de bon ou pour un temps.",
        ];
    TooManyMailboxes => Space,
        ["Tell the contact of your association.", "Prévenez le contact de votre association."],
        [
            "Have mailboxes removed that nobody uses any more, or ask the host for more.",
            "Faire supprimer les boîtes que personne n'utilise plus, ou en demander davantage à l'hébergeur.",
        ],
        ["Raise the number of mailboxes.", "Relever le nombre de boîtes."];
    ReadOnly => Space,
        [
            "Read and take along what you need; nothing is deleted.",
            "Lisez et récupérez ce qu'il vous faut\u{a0}; rien n'est supprimé.",
        ],
        OPEN_AGAIN,
        ["Open the association again.", "Rouvrir l'association."];
    Suspended => Login,
        ["Wait. What is sent to you is still accepted.", "Patientez. Ce qu'on vous envoie est toujours accepté."],
        OPEN_AGAIN,
        ["Open the association again.", "Rouvrir l'association."];
    NoSuchFolder => Space,
        [
            "Create the folder, or choose another one in the settings, for sent mail or the trash for example.",
            "Créez le dossier, ou choisissez-en un autre dans les réglages, par exemple pour les messages envoyés ou la corbeille.",
        ],
        NOT_CONTACT,
        NOT_HOSTS;
    NoSuchMessage => Space,
        [
            "Let the mail program look at the folder again. Perhaps another device has deleted or moved the messages.",
            "Actualisez le dossier. Un autre appareil a peut-être supprimé ou déplacé les messages.",
        ],
        NOT_CONTACT,
        NOT_HOSTS;
    NotYourFolder => Space,
        ["Put the message into a folder of your own.", "Rangez le message dans un de vos propres dossiers."],
        NOT_CONTACT,
        ["See whose the shared folder is.", "Voir à qui appartient le dossier partagé."];
    SizeUnknown => Space,
        ["Try again, with fewer messages at once.", "Réessayez, avec moins de messages à la fois."],
        NOT_CONTACT,
        ASK_IF_STAYS;
    WrongPassword => Login,
        [
            "Write the whole address as user name. Type the password again by hand: programs like to keep an old one. If the webmail takes it, the mail program has another one saved.",
            "Mettez l'adresse complète comme identifiant. Retapez le mot de passe à la main\u{a0}: les logiciels en gardent volontiers un ancien. S'il marche dans le webmail, c'est que le logiciel en a enregistré un autre.",
        ],
        ["Say who can give out a new password.", "Dire qui peut donner un nouveau mot de passe."],
        [
            "Give a new password. Nobody can read the old one, they neither.",
            "Donner un nouveau mot de passe. Personne ne peut lire l'ancien, eux non plus.",
        ];
    PasswordExpired => Login,
        [
            "Choose a new password, then change it in every mail program.",
            "Choisissez un nouveau mot de passe, puis changez-le dans chaque logiciel.",
        ],
        ["Say where a new password is chosen.", "Dire où l'on choisit un nouveau mot de passe."],
        ["Set a new one.", "En définir un nouveau."];
    TooManyTries => Login,
        [
            "Leave all devices alone for five minutes. Then put the right password into each, the phone too: one that tries an old password again and again closes the door for the others.",
            "Laissez tous les appareils tranquilles cinq minutes. Puis mettez le bon mot de passe dans chacun, le téléphone aussi\u{a0}: celui qui réessaie sans fin un ancien mot de passe ferme la porte aux autres.",
        ],
        NOT_CONTACT,
        ["End the wait at once, where it matters.", "Mettre fin à l'attente tout de suite, si c'est urgent."];
    TooManyConnections => Login,
        [
            "Close mail programs that you do not need, on old phones and tablets too. In Thunderbird, lower the number of connections to cache.",
            "Fermez les logiciels dont vous n'avez pas besoin, aussi sur les vieux téléphones et tablettes. Dans Thunderbird, réduisez le nombre de connexions en cache.",
        ],
        NOT_CONTACT,
        [
            "Allow more from one place, for a large office.",
            "En permettre davantage depuis un même lieu, pour de grands bureaux.",
        ];
    TlsFirst => Login,
        [
            "In the account's settings, choose SSL/TLS for reading and for sending. The right ports are on the page about setting up a mail program.",
            "Dans les réglages du compte, choisissez SSL/TLS pour la réception et pour l'envoi. Les bons ports sont sur la page de configuration.",
        ],
        SETTINGS,
        NOT_HOSTS;
    LoginFirst => Login,
        [
            "In the settings of the server for sending, switch authentication on, with the same address and password as for reading.",
            "Dans les réglages du serveur d'envoi, activez l'authentification, avec la même adresse et le même mot de passe que pour la réception.",
        ],
        SETTINGS,
        NOT_HOSTS;
    LoginMethod => Login,
        [
            "In the settings, choose “normal password” as the way to log in.",
            "Dans les réglages, choisissez «\u{a0}mot de passe normal\u{a0}» comme méthode d'authentification.",
        ],
        SETTINGS,
        NOT_HOSTS;
    AskAdmins | NotAllowed => Login,
        ["Nothing is wrong with your password. Ask.", "Votre mot de passe n'est pas en cause. Demandez."],
        OPEN_AGAIN,
        ["Say why the account is closed, and open it.", "Dire pourquoi le compte est fermé, et l'ouvrir."];
    BackendSetup => Login,
        ["Tell the hosts, if nobody has yet.", "Prévenez les hébergeurs, si personne ne l'a fait."],
        NOT_CONTACT,
        ["Mend how the mail server is set up.", "Corriger la configuration du serveur de courrier."];
    UnknownMailbox => Login,
        ["Look whether the address is spelt right.", "Vérifiez l'orthographe de l'adresse."],
        ["Say whether the mailbox was removed.", "Dire si la boîte a été supprimée."],
        ["Make it anew, or add its domain.", "La recréer, ou ajouter son domaine."];
    UnknownDomain => Login,
        ["Look whether the part after the @ is spelt right.", "Vérifiez l'orthographe de ce qui suit l'arobase."],
        ["Tell the host about a new domain.", "Annoncer un nouveau domaine à l'hébergeur."],
        ["Add the domain to the association.", "Ajouter le domaine à l'association."];
    SessionEnded => Login,
        [
            "Open the mail program again. If your password was changed, put the new one in.",
            "Rouvrez le logiciel. Si votre mot de passe a été changé, mettez le nouveau.",
        ],
        NOT_CONTACT,
        ["Say why it was ended.", "Dire pourquoi elle a pris fin."];
    NotYourAddress => Sending,
        [
            "Look at the sender of the message: it must be the address that the account is for, or an alias of it.",
            "Regardez l'expéditeur du message\u{a0}: ce doit être l'adresse du compte, ou un de ses alias.",
        ],
        ["Ask the host for an alias.", "Demander un alias à l'hébergeur."],
        [
            "Make an alias, or let the association send from all its addresses.",
            "Créer un alias, ou permettre à l'association d'écrire depuis toutes ses adresses.",
        ];
    NoSender => Sending,
        [
            "Write your address into the account's settings. Printers and scanners have a field for the sender too.",
            "Indiquez votre adresse dans les réglages du compte. Imprimantes et scanners ont aussi un champ pour l'expéditeur.",
        ],
        NOT_CONTACT,
        NOT_HOSTS;
    SenderUnclear => Sending,
        [
            "In the account's settings, take commas and brackets out of your name.",
            "Dans les réglages du compte, enlevez virgules et crochets de votre nom.",
        ],
        NOT_CONTACT,
        NOT_HOSTS;
    SendingOff => Sending,
        [
            "Choose a new password, one that you use nowhere else, and look through your devices. Reading and receiving go on.",
            "Choisissez un nouveau mot de passe, qui ne sert nulle part ailleurs, et vérifiez vos appareils. Vous pouvez toujours lire et recevoir.",
        ],
        [
            "Stop a mailbox's sending too, when it spreads spam.",
            "Arrêter aussi l'envoi d'une boîte, quand elle répand du pourriel.",
        ],
        ["Switch sending on again, after the password was changed.", "Réactiver l'envoi, une fois le mot de passe changé."];
    SentOrNot => Sending,
        [
            "Do not send it again at once. Ask an addressee whether it has arrived.",
            "Ne le renvoyez pas tout de suite. Demandez à un destinataire s'il l'a reçu.",
        ],
        NOT_CONTACT,
        ASK_IF_STAYS;
    TooManyMessages => Sending,
        [
            "Wait an hour. For a newsletter, use a mailing list. If it was not you who sent so much, change your password now.",
            "Attendez une heure. Pour une lettre d'information, utilisez une liste de diffusion. Si ce n'est pas vous qui avez tant envoyé, changez votre mot de passe maintenant.",
        ],
        ["Plan large mailings with the host.", "Préparer les gros envois avec l'hébergeur."],
        ["Allow more.", "En permettre davantage."];
    TooManyRecipients => Sending,
        [
            "Send to fewer at once, or to a mailing list.",
            "Écrivez à moins de personnes à la fois, ou à une liste de diffusion.",
        ],
        NOT_CONTACT,
        ["Set up a mailing list.", "Mettre en place une liste de diffusion."];
    HeaderTooLong => Sending,
        [
            "Send to fewer people at once, in several messages.",
            "Écrivez à moins de personnes à la fois, ou en plusieurs messages.",
        ],
        NOT_CONTACT,
        ["Set up a mailing list.", "Mettre en place une liste de diffusion."];
    MessageTooLong => Sending,
        [
            "Put the file where others can fetch it, and send the link. An attachment takes a third more space in a message than on the disk.",
            "Déposez le fichier là où l'on peut le récupérer, et envoyez le lien. Une pièce jointe prend un tiers de place de plus dans un message que sur le disque.",
        ],
        NOT_CONTACT,
        ["Allow larger messages.", "Permettre des messages plus grands."];
    ForwardingOff => Program,
        [
            "Leave out of the filter what forwards or notifies, and let the program that should get the mail fetch it from here by IMAP.",
            "Retirez du filtre ce qui fait suivre ou avertit, et laissez le logiciel qui doit recevoir ce courrier venir le chercher ici par IMAP.",
        ],
        NOT_CONTACT,
        [
            "Say why filters may not forward here. It can be allowed, for everybody or nobody.",
            "Expliquer pourquoi les filtres ne peuvent pas faire suivre ici. On peut le permettre, à tout le monde ou à personne.",
        ];
    ScriptTooLong => Program,
        [
            "Put the addresses of many rules into one list, and leave out rules that do nothing any more.",
            "Regroupez dans une seule liste les adresses de plusieurs règles, et retirez celles qui ne servent plus.",
        ],
        NOT_CONTACT,
        NOT_HOSTS;
    MessageMalformed | BareLineEnd => Sending,
        [
            "Update the mail program, or send it by the webmail. With a script or a plugin of a website, tell who made it.",
            "Mettez à jour le logiciel, ou passez par le webmail. S'il s'agit d'un script ou d'une extension de site, prévenez qui l'a écrit.",
        ],
        NOT_CONTACT,
        NOT_HOSTS;
    BackendDown | BackendConfused => Waiting,
        ["Try again in ten minutes. Nothing is lost.", "Réessayez dans dix minutes. Rien n'est perdu."],
        NOT_CONTACT,
        LOOK_BEHIND;
    Stopping => Waiting,
        ["Wait a minute; the mail program goes on by itself.", "Attendez une minute\u{a0}; le logiciel reprend tout seul."],
        NOT_CONTACT,
        NOT_HOSTS;
    Standby => Waiting,
        ["Wait a minute; the mail program goes on by itself.", "Attendez une minute\u{a0}; le logiciel reprend tout seul."],
        NOT_CONTACT,
        ASK_IF_STAYS;
    TakingOver => Waiting,
        [
            "Try again in a minute. Incoming mail is not lost: it comes in by itself.",
            "Réessayez dans une minute. Le courrier entrant n'est pas perdu\u{a0}: il arrivera tout seul.",
        ],
        NOT_CONTACT,
        [
            "They see by `nologd status` which machine judges, and whether it has counted. Tell them if it lasts for more than ten minutes.",
            "Les hébergeurs voient avec `nologd status` quelle machine décide, et si elle a compté. Prévenez-les si cela dure plus de dix minutes.",
        ];
    StoreUnwritable => Waiting,
        ["Try the change again later. Mail goes on.", "Réessayez plus tard. Le courrier continue."],
        ["Try again later.", "Réessayer plus tard."],
        ["Make room on the disk of the daemon.", "Faire de la place sur le disque du service."];
    FolderBusy => Waiting,
        [
            "Wait a minute until your other device is done, then try again.",
            "Attendez une minute que votre autre appareil ait fini, puis réessayez.",
        ],
        NOT_CONTACT,
        ASK_IF_STAYS;
    TooManyWrites => Waiting,
        ["Wait a moment; it goes on by itself.", "Attendez un instant\u{a0}; cela reprend tout seul."],
        NOT_CONTACT,
        ASK_IF_STAYS;
    TooSlow => Waiting,
        [
            "Try again where the connection is better. Send large attachments from there.",
            "Réessayez là où la connexion est meilleure, surtout pour de grosses pièces jointes.",
        ],
        NOT_CONTACT,
        NOT_HOSTS;
    LineTooLong | Syntax => Program,
        ["Update the mail program, or try another one.", "Mettez à jour le logiciel, ou essayez-en un autre."],
        NOT_CONTACT,
        ASK_IF_STAYS;
    NotHere => Program,
        [
            "Most programs do without it. If something important does not work, say what it is.",
            "La plupart des logiciels s'en passent. Si quelque chose d'important ne marche pas, dites quoi.",
        ],
        NOT_CONTACT,
        ASK_IF_STAYS;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Lang;

    #[test]
    fn every_word_has_advice_for_all_three_in_both_languages() {
        for code in RefusalCode::ALL {
            let advice = advice(*code);
            for lang in [Lang::En, Lang::Fr] {
                for text in [advice.you(lang), advice.contact(lang), advice.hosts(lang)] {
                    assert!(text.ends_with('.') && text.chars().next().is_some_and(char::is_uppercase), "{text}");
                    assert!(lang == Lang::En || ![" :", " ;", " !", " ?", "« "].iter().any(|sign| text.contains(sign)), "{text}");
                }
            }
            assert_ne!(advice.you(Lang::En), advice.you(Lang::Fr));
        }
        assert!(Matter::ALL.iter().all(|matter| RefusalCode::ALL.iter().any(|code| advice(*code).matter == *matter)));
    }
}
