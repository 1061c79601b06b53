//! The code words: what a person reads in a refusal and passes on to the admins, instead of a log line.
//!
//! One list, one text each in English and French (`nologd help CODE`). Words are never renamed: members quote them.

/// A language that members and admins are spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// French.
    Fr,
}

words! { Lang, "The languages are en and fr.": En = "en", Fr = "fr" }

codes! {
    /// A code word, as it stands in parentheses at the end of a refusal.
    RefusalCode:
    AskAdmins "ASK-ADMINS"
        "The mail server behind keeps this account closed for now. Nothing is wrong with the password; ask the people who run this server."
        "Le serveur de courrier garde ce compte fermé pour le moment. Le mot de passe n'est pas en cause\u{a0}; écrivez aux personnes qui gèrent le serveur."
    AssociationFull "ASSOCIATION-FULL"
        "The space that the association shares is used up. Delete mail, or ask the person in charge of the association."
        "L'espace partagé par l'association est plein. Supprimez des messages, ou écrivez à la personne responsable de l'association."
    BackendConfused "BACKEND-CONFUSED"
        "The mail server behind answered something that makes no sense; the connection was closed to be safe. Try again."
        "Le serveur de courrier a donné une réponse incohérente\u{a0}; la connexion a été fermée par prudence. Réessayez."
    BackendDown "BACKEND-DOWN"
        "The mail server behind does not answer. Nothing is lost; try again in a few minutes."
        "Le serveur de courrier ne répond pas. Rien n'est perdu\u{a0}; réessayez dans quelques minutes."
    BackendSetup "BACKEND-SETUP"
        "The mail server behind is set up so that it takes no passwords from here. Nothing is wrong with the password; tell the people who run this server."
        "Le serveur de courrier est configuré de telle façon qu'il n'accepte aucun mot de passe venant d'ici. Le mot de passe n'est pas en cause\u{a0}; prévenez les personnes qui gèrent le serveur."
    BareLineEnd "BARE-LINE-END"
        "A line of the message ends in CR or LF alone, which can be used to smuggle mail. Use another mail program, or update it."
        "Une ligne du message se termine par un CR ou un LF seul, ce qui permet de glisser un faux message. Mettez à jour votre logiciel de messagerie."
    FolderBusy "FOLDER-BUSY"
        "Another mail program is moving messages or renaming folders of this mailbox at this very moment. Try again."
        "Un autre logiciel de messagerie déplace des messages ou renomme des dossiers de cette boîte en ce moment même. Réessayez."
    ForwardingOff "FORWARDING-OFF"
        "Filters that forward mail, or send notices about it, are not taken here: that mail would leave without being cleaned. Leave that part out of the filter, or ask the people who run this server."
        "Les filtres qui font suivre le courrier ou envoient des avis ne sont pas acceptés ici\u{a0}: ce courrier partirait sans être nettoyé. Retirez cette partie du filtre, ou écrivez aux personnes qui gèrent le serveur."
    HeaderTooLong "HEADER-TOO-LONG"
        "The header of the message is larger than what is read here. Usually there are too many addressees in one message."
        "L'en-tête du message est plus grand que ce qui est lu ici. En général, il y a trop de destinataires dans un seul message."
    LineTooLong "LINE-TOO-LONG"
        "The mail program sent a line longer than the protocol allows."
        "Le logiciel de messagerie a envoyé une ligne plus longue que ce que permet le protocole."
    LoginFirst "LOGIN-FIRST"
        "The mail program has to log in first. Look in its settings whether authentication is switched on for this server."
        "Le logiciel de messagerie doit d'abord s'identifier. Vérifiez dans ses réglages que l'authentification est activée pour ce serveur."
    LoginMethod "LOGIN-METHOD"
        "The mail server behind does not know this way of logging in. Choose a normal password in the mail program, and not OAuth or another method."
        "Le serveur de courrier ne connaît pas cette façon de s'identifier. Choisissez un mot de passe normal dans le logiciel de messagerie, et non OAuth ou une autre méthode."
    MailboxFull "MAILBOX-FULL"
        "The mailbox is full. Delete mail and empty the trash, or ask for more space."
        "La boîte est pleine. Supprimez des messages et videz la corbeille, ou demandez plus d'espace."
    MessageMalformed "MESSAGE-MALFORMED"
        "A line in the header of the message is no header field, or the message holds a NUL: it could not be checked. Use another mail program, or update it."
        "Une ligne de l'en-tête du message n'est pas un champ d'en-tête, ou le message contient un octet nul\u{a0}: il n'a pas pu être vérifié. Mettez à jour votre logiciel de messagerie."
    MessageTooLong "MESSAGE-TOO-LONG"
        "The message is larger than what is accepted here. Share large files in another way."
        "Le message est plus grand que ce qui est accepté ici. Partagez les gros fichiers autrement."
    NoSender "NO-SENDER"
        "The message does not say who wrote it: it has no From field, or no address in it. Set the sender's address in the program that sends."
        "Le message ne dit pas qui l'a écrit\u{a0}: il n'a pas de champ From, ou ce champ ne contient pas d'adresse. Indiquez l'adresse d'expédition dans le logiciel qui envoie."
    NoSuchFolder "NO-SUCH-FOLDER"
        "There is no folder of that name. Create it first; most mail programs do that by themselves."
        "Il n'y a pas de dossier de ce nom. Créez-le d'abord\u{a0}; la plupart des logiciels de messagerie le font d'eux-mêmes."
    NoSuchMessage "NO-SUCH-MESSAGE"
        "None of these messages is there any more. Let the mail program look at the folder again."
        "Aucun de ces messages n'est plus là. Actualisez le dossier dans le logiciel de messagerie."
    NotAllowed "NOT-ALLOWED"
        "The mail server behind does not let this account in, whatever the password. Ask the people who run this server."
        "Le serveur de courrier ne laisse pas entrer ce compte, quel que soit le mot de passe. Écrivez aux personnes qui gèrent le serveur."
    NotHere "NOT-HERE"
        "This command is not available here."
        "Cette commande n'est pas disponible ici."
    NotYourAddress "NOT-YOUR-ADDRESS"
        "The sender address is not one that this login may use. Choose your own address as sender, or ask for an alias."
        "L'adresse d'expédition ne fait pas partie de celles de ce compte. Choisissez votre propre adresse, ou demandez un alias."
    NotYourFolder "NOT-YOUR-FOLDER"
        "The folder belongs to somebody whom this server does not know, so nothing can be stored there. Ask the people who run this server."
        "Ce dossier appartient à quelqu'un que ce serveur ne connaît pas\u{a0}: rien ne peut y être enregistré. Écrivez aux personnes qui gèrent le serveur."
    PasswordExpired "PASSWORD-EXPIRED"
        "The password is no longer valid because of its age. Choose a new one; ask the people who run this server how."
        "Le mot de passe n'est plus valable parce qu'il est trop ancien. Choisissez-en un nouveau\u{a0}; demandez comment aux personnes qui gèrent le serveur."
    ReadOnly "READ-ONLY"
        "The association is read-only for the moment: mail can be read, not stored or sent."
        "L'association est en lecture seule pour le moment\u{a0}: on peut lire le courrier, mais ni en enregistrer ni en envoyer."
    ScriptTooLong "SCRIPT-TOO-LONG"
        "The filter is larger than what is accepted here. Make it shorter, for example with one list of addresses in place of many rules."
        "Le filtre est plus grand que ce qui est accepté ici. Raccourcissez-le, par exemple avec une seule liste d'adresses au lieu de nombreuses règles."
    SenderUnclear "SENDER-UNCLEAR"
        "The From or Sender field of the message can be read in more than one way, so nobody can say whose it is. Write one address, and the name in quotes."
        "Le champ From ou Sender du message peut se lire de plusieurs façons\u{a0}: on ne peut pas dire de qui il vient. Mettez une seule adresse, et le nom entre guillemets."
    SendingOff "SENDING-OFF"
        "Sending is switched off for this mailbox, mostly because somebody else seems to use its password. Ask the person in charge of the association, or the people who run this server."
        "L'envoi est désactivé pour cette boîte, le plus souvent parce que quelqu'un d'autre semble utiliser son mot de passe. Écrivez à la personne responsable de l'association, ou à celles qui gèrent le serveur."
    SentOrNot "SENT-OR-NOT"
        "The mail server behind had the whole message and then did not say whether it takes it, so it is not known whether it was sent. Ask an addressee before you send it again."
        "Le serveur de courrier avait reçu tout le message, puis n'a pas dit s'il l'acceptait\u{a0}: on ne sait pas s'il est parti. Demandez à un destinataire avant de le renvoyer."
    SessionEnded "SESSION-ENDED"
        "The people who run this server ended this connection. Connect again; if that fails, ask them."
        "Les personnes qui gèrent ce serveur ont mis fin à cette connexion. Reconnectez-vous\u{a0}; si cela échoue, écrivez-leur."
    SizeUnknown "SIZE-UNKNOWN"
        "The mail server behind did not say how big these messages are, so they cannot be copied now. Try again, or fewer at once."
        "Le serveur de courrier n'a pas donné la taille de ces messages\u{a0}: ils ne peuvent pas être copiés. Réessayez, ou moins à la fois."
    Standby "STANDBY"
        "This is the second of two machines, and the other one serves. The mail program will find that one by itself; if it does not within a minute, ask the people who run this server."
        "C'est la deuxième de deux machines, et l'autre est en service. Le logiciel de messagerie la trouvera tout seul\u{a0}; si ce n'est pas le cas au bout d'une minute, écrivez aux personnes qui gèrent le serveur."
    Stopping "STOPPING"
        "The service restarts. The mail program will connect again by itself."
        "Le service redémarre. Le logiciel de messagerie se reconnectera tout seul."
    StoreUnwritable "STORE-UNWRITABLE"
        "The limits cannot be changed now: the disk that keeps them is full, or takes nothing. Mail goes on as before. For the people who run this server: make room, then try again."
        "Les limites ne peuvent pas être modifiées pour le moment\u{a0}: le disque qui les garde est plein ou n'accepte plus rien. Le courrier continue comme avant. Pour les personnes qui gèrent le serveur\u{a0}: faites de la place, puis réessayez."
    Suspended "SUSPENDED"
        "The association is suspended. Its mail is still accepted; ask the person in charge of the association."
        "L'association est suspendue. Son courrier est toujours accepté\u{a0}; écrivez à la personne responsable de l'association."
    Syntax "SYNTAX"
        "The mail program sent a command that cannot be understood."
        "Le logiciel de messagerie a envoyé une commande incompréhensible."
    TakingOver "TAKING-OVER"
        "One machine is taking over from another, or has lost touch with the place where mail is stored. For a moment nothing new is stored; reading goes on, and nothing is lost. Try again in a minute."
        "Une machine prend le relais d'une autre, ou n'a plus de contact avec le lieu où le courrier est conservé. Pendant un instant rien de nouveau n'est enregistré\u{a0}; on peut lire, et rien n'est perdu. Réessayez dans une minute."
    TlsFirst "TLS-FIRST"
        "Passwords are accepted over encrypted connections only: choose SSL/TLS in the mail program."
        "Les mots de passe ne sont acceptés que sur une connexion chiffrée\u{a0}: choisissez SSL/TLS dans le logiciel de messagerie."
    TooManyConnections "TOO-MANY-CONNECTIONS"
        "Too many connections are open at once. Close other mail programs, or wait a moment."
        "Trop de connexions sont ouvertes en même temps. Fermez d'autres logiciels de messagerie, ou attendez un instant."
    TooManyMailboxes "TOO-MANY-MAILBOXES"
        "The association has as many mailboxes as it may have, and this one would be one more. Its limit can be raised by the admins of the host."
        "L'association a déjà autant de boîtes que permis, et celle-ci serait de trop. Les admins de l'hébergeur peuvent relever la limite."
    TooManyMessages "TOO-MANY-MESSAGES"
        "More messages were sent than this account may send in that time. Wait; nothing was lost, the message is still with you."
        "Ce compte a envoyé plus de messages qu'il n'est permis dans ce laps de temps. Attendez\u{a0}; rien n'est perdu, le message est toujours chez vous."
    TooManyRecipients "TOO-MANY-RECIPIENTS"
        "The message has more recipients than are accepted at once. Send it in parts, or use a mailing list."
        "Le message a plus de destinataires que ce qui est accepté en une fois. Envoyez-le en plusieurs fois, ou utilisez une liste de diffusion."
    TooManyTries "TOO-MANY-TRIES"
        "Too many tries in a short time. Wait a few minutes, and check the password that is saved in each mail program. Where you logged in well the day before, others' tries elsewhere do not count."
        "Trop d'essais en peu de temps. Attendez quelques minutes et vérifiez le mot de passe enregistré dans chaque logiciel de messagerie. Là où vous vous êtes identifié sans erreur la veille, les essais faits ailleurs ne comptent pas."
    TooManyWrites "TOO-MANY-WRITES"
        "The mail program announced more mail at once than it sends. Wait a moment; it will go on by itself."
        "Le logiciel de messagerie annonce plus de courrier à la fois qu'il n'en envoie. Attendez un instant\u{a0}; il reprendra de lui-même."
    TooSlow "TOO-SLOW"
        "The mail program was silent, or sent too slowly, for too long."
        "Le logiciel de messagerie n'a rien envoyé, ou a envoyé trop lentement, pendant trop longtemps."
    UnknownDomain "UNKNOWN-DOMAIN"
        "No association here has the domain of this address."
        "Le domaine de cette adresse n'appartient à aucune association hébergée ici."
    UnknownMailbox "UNKNOWN-MAILBOX"
        "This mailbox is not known here: its domain belongs to no association, or it was removed. Ask the person in charge of the association."
        "Cette boîte est inconnue ici\u{a0}: son domaine n'appartient à aucune association, ou elle a été supprimée. Écrivez à la personne responsable de l'association."
    WrongPassword "WRONG-PASSWORD"
        "The address or the password is wrong. Which of the two is not told, on purpose."
        "L'adresse ou le mot de passe est incorrect. C'est exprès qu'on ne précise pas lequel des deux."
}

impl RefusalCode {
    /// The code with this word, in any case of letters.
    pub fn find(word: &str) -> Option<RefusalCode> {
        RefusalCode::ALL.iter().copied().find(|code| code.word().eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_safe_in_a_protocol_line_and_found_again() {
        for code in RefusalCode::ALL {
            assert!(code.word().bytes().all(|b| b.is_ascii_uppercase() || b == b'-'));
            assert_eq!(RefusalCode::find(&code.word().to_lowercase()), Some(*code));
        }
    }

    #[test]
    fn the_list_is_in_alphabetical_order() {
        assert!(RefusalCode::ALL.is_sorted_by_key(|code| code.word()));
    }

    /// In French a space stands before these signs. A plain one lets the sign begin a line alone.
    #[test]
    fn french_signs_stay_with_their_word() {
        for text in RefusalCode::ALL.iter().map(|code| code.text(Lang::Fr)) {
            let alone = [" :", " ;", " !", " ?", " %", " »", "« "].into_iter().find(|sign| text.contains(sign));
            assert_eq!(alone, None, "{text}");
        }
    }
}
