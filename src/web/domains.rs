//! An association's domains, on its contact's page: until when the certificates hold that mail programs are shown, and the lines that each
//! zone needs.
//!
//! Whether the lines are there is said as the daemon was told it: it asks no DNS (`nologd dns --check --tell` does). The MX is among them only where
//! the config names it: a wrong one loses mail.

use maud::{Markup, html};

use super::Site;
use super::layout::say;
use super::typography::{number, set};
use super::zone::records;
use crate::admin::zones::{Amiss, ZoneShown};
use crate::fault::Lang;
use crate::notice::date;
use crate::private::Domain;

/// Domains whose lines are shown.
const SHOWN: usize = 20;

/// A certificate that programs are shown.
pub struct ShownCertificate {
    /// The name that it is for; a wildcard as `*.parent`.
    pub name: Box<str>,
    /// Whole days that are left, below zero when it is over; none where its dates cannot be read.
    pub days: Option<i64>,
}

/// What the part of the page shows.
pub struct DomainsSection<'a> {
    /// The language.
    pub lang: Lang,
    /// This host.
    pub site: &'a Site,
    /// The association's own.
    pub domains: &'a [&'a Domain],
    /// How their zones stand, where somebody looked.
    pub zones: &'a [ZoneShown],
    /// Those for the mail host and below the domains.
    pub certificates: &'a [ShownCertificate],
}

impl DomainsSection<'_> {
    /// It.
    pub fn html(&self) -> Markup {
        let lang = self.lang;
        let more = self.domains.len().saturating_sub(SHOWN);
        html! {
            h2 id="domains" { (say(lang, "Domains", "Domaines")) }
            @if !self.certificates.is_empty() {
                ul { @for certificate in self.certificates { li { (holds(certificate, lang)) } } }
            }
            p { (say(
                lang,
                "So that mail programs set themselves up, each domain's zone at its registrar or DNS host needs some lines.",
                "Pour que les logiciels de messagerie se configurent seuls, la zone de chaque domaine, chez son bureau d'enregistrement ou son \
                 hébergeur DNS, doit contenir quelques lignes.",
            )) }
            @for domain in self.domains.iter().take(SHOWN) { (self.zone(domain)) }
            @if more > 0 { p { (match lang {
                Lang::En => format!("{more} more: ask your mail host for their lines."),
                Lang::Fr => format!("{more} de plus\u{a0}: demandez leurs lignes à votre hébergeur."),
            }) } }
            @if self.domains.iter().take(SHOWN).any(|domain| self.seen(domain).is_none()) {
                p.note {
                    (say(lang, "Where nothing is said of a domain, whether its lines are there is not known here: this server asks no DNS. Your mail host sees it with ", "Ce serveur n'interroge \
                     aucun DNS\u{a0}: si rien n'est dit d'un domaine, il ne sait pas si ses lignes y sont. Votre hébergeur le voit avec ")) code { "nologd dns --check" } "."
                }
            }
            p.note { (match self.site.mx {
                Some(_) => say(
                    lang,
                    "Besides, SPF, DKIM and DMARC: your mail host knows what belongs in these lines.",
                    "Il y a aussi SPF, DKIM et DMARC\u{a0}: votre hébergeur sait ce que ces lignes doivent contenir.",
                ),
                None => say(
                    lang,
                    "Besides, MX, SPF, DKIM and DMARC: your mail host knows what belongs in these lines.",
                    "Il y a aussi MX, SPF, DKIM et DMARC\u{a0}: votre hébergeur sait ce que ces lignes doivent contenir.",
                ),
            }) }
        }
    }

    fn seen(&self, domain: &Domain) -> Option<&ZoneShown> {
        self.zones.iter().find(|shown| shown.zone.domain == *domain)
    }

    fn zone(&self, domain: &Domain) -> Markup {
        let (lang, site) = (self.lang, self.site);
        let lines = records(domain, &site.ports, site.mx.as_deref(), Some(site.pages_host()));
        html! {
            @if let Some(shown) = self.seen(domain) { (seen(shown, lang)) }
            details {
                summary { (say(lang, "Lines for the zone of ", "Lignes pour la zone de ")) span.address { (domain.reveal()) } }
                div.zone { @for line in lines { code { (line) } } }
            }
        }
    }
}

/// How a zone stood when somebody looked.
fn seen(ZoneShown { day, zone }: &ZoneShown, lang: Lang) -> Markup {
    let (domain, day) = (zone.domain.reveal(), date(*day, lang));
    let head = match (zone.amiss.is_empty(), lang) {
        (true, Lang::En) => format!(": every line was there on {day}."),
        (true, Lang::Fr) => set(&format!("\u{a0}: toutes les lignes y étaient le {day}."), lang),
        (false, Lang::En) => format!(": looked at on {day}. Not as they are to be:"),
        (false, Lang::Fr) => set(&format!("\u{a0}: vérifié le {day}. À mettre en ordre\u{a0}:"), lang),
    };
    let stands = |standing: Amiss| match standing {
        Amiss::Missing => say(lang, "missing", "absente"),
        Amiss::Other => say(lang, "something else is there", "autre chose à la place"),
    };
    html! {
        p { span.address { (domain) } (head) }
        @if !zone.amiss.is_empty() {
            ul { @for line in &zone.amiss { li { code { (line.name) " " (line.kind) " " (line.wanted) } " – " (stands(line.standing)) } } }
        }
    }
}

/// Until when it holds. What is not known is not said to be good.
fn holds(certificate: &ShownCertificate, lang: Lang) -> Markup {
    let words = match certificate.days {
        None => say(
            lang,
            " is there; until when it holds cannot be read.",
            " est là\u{a0}; jusqu'à quand il est valable n'a pas pu être lu.",
        ),
        Some(..0) => say(
            lang,
            " is over: mail programs refuse it. Tell your mail host.",
            " n'est plus valable\u{a0}: les logiciels le refusent. Prévenez votre hébergeur.",
        ),
        Some(0) => say(
            lang,
            " holds for less than a day. Tell your mail host.",
            " n'est plus valable que moins d'un jour. Prévenez votre hébergeur.",
        ),
        Some(1) => {
            say(lang, " holds for one day. Tell your mail host.", " est encore valable un jour. Prévenez votre hébergeur.")
        }
        Some(days) => {
            let days = number(days.unsigned_abs(), lang);
            match lang {
                Lang::En => format!(" holds for {days} days."),
                Lang::Fr => set(&format!(" est encore valable {days} jours."), lang),
            }
        }
    };
    html! { (say(lang, "The certificate of ", "Le certificat de ")) span.address { (certificate.name) } (words) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::zones::LineAmiss;
    use crate::web::mail_ports::MailPorts;

    fn shown(mx: Option<&str>, domains: &[&Domain], days: &[Option<i64>], lang: Lang) -> String {
        let ports = MailPorts::new("mail.nolog.example", Vec::new());
        let site =
            Site { ports, url: "https://pages.nolog.example:8443".into(), help: "x".into(), mx: mx.map(Into::into), hosts: None };
        let certificates: Vec<_> =
            days.iter().map(|days| ShownCertificate { name: "mail.nolog.example".into(), days: *days }).collect();
        DomainsSection { lang, site: &site, domains, zones: &[], certificates: &certificates }.html().into_string()
    }

    #[test]
    fn days_are_said_in_words_and_what_is_not_known_is_not_good() {
        let page = shown(None, &[], &[Some(61), Some(1), Some(0), Some(-3), None], Lang::En);
        let text = page.replace("<span class=\"address\">", "").replace("</span>", "");
        for words in ["of mail.nolog.example holds for 61 days.", "one day", "less than a day", "is over", "cannot be read"] {
            assert_eq!(text.matches(words).count(), 1, "{words}: {text}");
        }
        assert!(!text.contains("-3"));
        assert!(!shown(None, &[], &[], Lang::Fr).contains("certificat"));
    }

    #[test]
    fn how_a_zone_stood_is_said_with_its_day_and_nothing_is_guessed() {
        let line =
            |standing: Amiss, name: &str| LineAmiss { standing, kind: "SRV".into(), name: name.into(), wanted: "<993>".into() };
        let told = |amiss| ZoneShown {
            day: "2027-03-01".parse().unwrap(),
            zone: crate::admin::zones::SeenZone { domain: "velo.example".parse().unwrap(), with_mx: false, amiss },
        };
        let amiss = vec![line(Amiss::Missing, "a"), line(Amiss::Other, "b")];
        let page = seen(&told(amiss), Lang::En).into_string().replace('\u{a0}', " ");
        for words in ["on 1 March 2027", "a SRV &lt;993&gt;</code> – missing", "something else"] {
            assert_eq!(page.matches(words).count(), 1, "{words}: {page}");
        }
        assert!(!page.contains("every line"));
        assert!(seen(&told(Vec::new()), Lang::Fr).into_string().contains("toutes les lignes y étaient le 1er"));
    }

    #[test]
    fn of_a_domain_that_nobody_looked_at_it_is_said_that_nothing_is_known() {
        let domains: Vec<_> = ["a.example", "b.example"].into_iter().map(|name| Domain::parse(name).unwrap()).collect();
        let (all, ports) = (domains.iter().collect::<Vec<_>>(), MailPorts::new("mail.nolog.example", Vec::new()));
        let site = Site { ports, url: "https://pages.nolog.example".into(), help: "x".into(), mx: None, hosts: None };
        let look = |domain: &Domain| ZoneShown {
            day: "2027-03-01".parse().unwrap(),
            zone: crate::admin::zones::SeenZone { domain: domain.clone(), with_mx: false, amiss: Vec::new() },
        };
        let zones: Vec<_> = domains.iter().map(look).collect();
        let says = |zones: &[ZoneShown]| {
            let section = DomainsSection { lang: Lang::En, site: &site, domains: &all, zones, certificates: &[] };
            section.html().into_string().contains("is not known here")
        };
        assert!(says(&[]) && says(&zones[..1]) && !says(&zones));
    }

    #[test]
    fn the_mx_is_shown_only_where_it_is_known() {
        let domains: Vec<_> = (0..25).map(|number| Domain::parse(&format!("d{number}.example")).unwrap()).collect();
        let all: Vec<_> = domains.iter().collect();
        let without = shown(None, &all[..1], &[], Lang::Fr);
        assert!(!without.contains("IN MX") && without.contains("Il y a aussi MX"), "{without}");
        assert!(without.contains("autoconfig.d0.example. 3600 IN CNAME pages.nolog.example."), "{without}");
        let with = shown(Some("mx.nolog.example"), &all, &[], Lang::En);
        assert!(with.contains("d0.example. 3600 IN MX 10 mx.nolog.example.") && with.contains("5 more"), "{with}");
        assert_eq!(with.matches("<details>").count(), SHOWN);
    }
}
