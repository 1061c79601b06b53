//! "Set up my program": the numbers to type, the ways that need no typing, and what a member should know before choosing a program.

use maud::{Markup, html};

use super::Site;
use super::apple;
use super::layout::{Layout, Style, say};
use super::mail_ports::{Encryption, MailPort, Speech};
use super::site::PROFILE;
use crate::fault::Lang;

/// The path of the picture that leads to it.
pub const QR: &str = "/mail.mobileconfig.svg";

/// The page.
pub fn programs(site: &Site, lang: Lang) -> String {
    let title = say(lang, "Set up a mail program", "Configurer un logiciel de messagerie");
    let main = html! {
        h1 { (title) }
        p.lead { (say(
            lang,
            "Most programs find the settings by themselves: type your name, your whole address and your password.",
            "La plupart des logiciels trouvent les réglages tout seuls\u{a0}: tapez votre nom, votre adresse complète et votre mot de passe.",
        )) }
        (numbers(site, lang))
        (by_themselves(lang))
        @if apple::profile(&site.ports).is_some() { (of_apple(site, lang)) }
        (of_outlook(lang))
        (afterwards(site, lang))
    };
    Layout { lang, title: &title, path: Some("/programs"), style: Style::Linked, host: &site.ports.host, leave: None }.page(&main)
}

fn numbers(site: &Site, lang: Lang) -> Markup {
    // What nearly everybody needs first.
    let (usual, others): (Vec<_>, Vec<_>) =
        Speech::ALL.into_iter().partition(|speech| [Speech::Imap, Speech::Submission].contains(speech));
    let rows: Vec<(Speech, MailPort)> =
        usual.into_iter().chain(others).flat_map(|speech| site.ports.of(speech).map(move |port| (speech, port))).collect();
    html! {
        section.card {
            table {
                caption { (say(lang, "If you have to type them", "S'il faut les taper")) }
                thead { tr {
                    th scope="col" { (say(lang, "For", "Pour")) }
                    th scope="col" { "Port" }
                    th scope="col" { (say(lang, "Security", "Sécurité")) }
                } }
                tbody { @for (speech, port) in rows {
                    tr {
                        th scope="row" { (speech.name(lang)) }
                        td { (port.port) }
                        td { @match port.encryption { Encryption::Implicit => "SSL/TLS", Encryption::StartTls => "STARTTLS" } }
                    }
                } }
            }
            dl {
                dt { (say(lang, "Server, for all of them", "Serveur, pour tous")) }
                dd { code { (site.ports.host) } }
                dt { (say(lang, "User name", "Identifiant")) }
                dd { (say(lang, "your whole address", "votre adresse complète")) }
                dt { (say(lang, "Way to log in", "Méthode d'authentification")) }
                dd { (say(lang, "normal password", "mot de passe normal")) }
            }
        }
    }
}

fn by_themselves(lang: Lang) -> Markup {
    html! {
        h2 { (say(lang, "Thunderbird, FairEmail, Delta Chat…", "Thunderbird, FairEmail, Delta Chat…")) }
        p { (say(
            lang,
            "Choose “existing mail account” and type your address. The program asks this server, and nobody else has to know. \
             Thunderbird for Android may ask you to confirm what it found: the server must be the one above.",
            "Choisissez «\u{a0}compte de messagerie existant\u{a0}» et tapez votre adresse. Le logiciel interroge ce serveur, et personne d'autre n'a \
             à le savoir. Thunderbird pour Android peut demander de confirmer ce qu'il a trouvé\u{a0}: le serveur doit être celui indiqué ci-dessus.",
        )) }
    }
}

fn of_apple(site: &Site, lang: Lang) -> Markup {
    html! {
        h2 { "iPhone, iPad, Mac" }
        p { (say(
            lang,
            "Install this profile. It holds the settings of the server, and no address and no password: the device asks you for them. It is \
             not signed, and the device says so.",
            "Installez ce profil. Il contient les réglages du serveur, mais ni adresse ni mot de passe\u{a0}: l'appareil vous les demande. Il \
             n'est pas signé, et l'appareil le signale.",
        )) }
        p { a href=(PROFILE) { (say(lang, "Download the profile", "Télécharger le profil")) } }
        ol {
            li { (say(lang, "Open the link on the device itself, in Safari.", "Ouvrez le lien sur l'appareil lui-même, dans Safari.")) }
            li { (say(
                lang,
                "Go to Settings: “Profile downloaded” stands on top (on a Mac: System Settings, General, Device Management).",
                "Allez dans Réglages\u{a0}: «\u{a0}Profil téléchargé\u{a0}» apparaît en haut (sur Mac\u{a0}: Réglages Système, Général, Gestion de l'appareil).",
            )) }
            li { (say(lang, "Install it, and type your address and password.", "Installez-le, puis tapez votre adresse et votre mot de passe.")) }
        }
        @if apple::qr(&site.profile_link()).is_some() {
            p.note { (say(
                lang,
                "If this page is on a computer, point the phone's camera at this:",
                "Si cette page est ouverte sur un ordinateur, visez ceci avec l'appareil photo du téléphone\u{a0}:",
            )) }
            p.qr { img src=(QR) width="176" height="176" alt=(say(lang, "QR code of the link to the profile", "Code QR du lien vers le profil")); }
        }
    }
}

fn of_outlook(lang: Lang) -> Markup {
    html! {
        h2 { (say(lang, "The new Outlook: know this first", "Le nouvel Outlook\u{a0}: à savoir avant")) }
        div.error {
            p { (say(
                lang,
                "The new Outlook for Windows, and Outlook on phones, give your password to Microsoft. Microsoft's servers then fetch all your \
                 mail, keep a copy, and pass it on to the program. So your mail no longer stays with your host.",
                "Le nouvel Outlook pour Windows, et Outlook sur téléphone, confient votre mot de passe à Microsoft. Ce sont alors les serveurs de \
                 Microsoft qui relèvent tout votre courrier, en gardent une copie et la transmettent au logiciel. Votre courrier ne reste donc plus \
                 chez votre hébergeur.",
            )) }
        }
        p { (say(
            lang,
            "Nothing here can prevent that. If you do not want it, choose another program: Thunderbird on computers and Android, Apple's Mail on \
             iPhone and Mac, or the webmail. If you have used it already, change your password after you removed the account there. The classic \
             Outlook connects by itself, without that detour: type the numbers above.",
            "Rien ici ne peut l'empêcher. Si vous ne le souhaitez pas, prenez un autre logiciel\u{a0}: Thunderbird sur ordinateur et Android, Mail \
             d'Apple sur iPhone et Mac, ou le webmail. Si vous l'avez déjà utilisé, retirez-y le compte, puis changez votre mot de passe. L'Outlook \
             classique se connecte lui-même, sans ce détour\u{a0}: tapez les réglages ci-dessus.",
        )) }
    }
}

fn afterwards(site: &Site, lang: Lang) -> Markup {
    html! {
        h2 { (say(lang, "It does not work?", "Cela ne marche pas\u{a0}?")) }
        p {
            (say(lang, "The refusal ends with a word in capitals: ", "Le refus se termine par un mot en capitales\u{a0}: "))
            a href=(site.help) { (say(lang, "what the words mean", "ce que veulent dire ces mots")) } "."
        }
    }
}
