//! What stands in both languages: the same parts and the same code.

use super::page::{Page, files};

/// English, French.
pub const TWINS: &[(&str, &str)] = &[
    ("README.md", "README.fr.md"),
    ("docs/members.md", "docs/fr/membres.md"),
    ("docs/admin/install.md", "docs/fr/installer.md"),
    ("docs/admin/install-from-source.md", "docs/fr/installer-depuis-les-sources.md"),
    ("docs/admin/quotas.md", "docs/fr/quotas.md"),
    ("docs/admin/usage.md", "docs/fr/occupation.md"),
    ("docs/admin/webmail.md", "docs/fr/webmail.md"),
    ("docs/admin/pages.md", "docs/fr/pages.md"),
    ("docs/nodes.md", "docs/fr/noeuds.md"),
    ("docs/many-nodes.md", "docs/fr/plusieurs-noeuds.md"),
    ("docs/admin/pair.md", "docs/fr/paire.md"),
    ("docs/admin/move.md", "docs/fr/demenager.md"),
    ("docs/admin/panels.md", "docs/fr/panneaux.md"),
    ("docs/admin/alternc.md", "docs/fr/alternc.md"),
    ("docs/admin/hacked-account.md", "docs/fr/compte-pirate.md"),
    ("docs/admin/limits.md", "docs/fr/limites.md"),
    ("docs/admin/doors.md", "docs/fr/portes.md"),
    ("docs/admin/servers.md", "docs/fr/serveurs.md"),
    ("docs/admin/monitoring.md", "docs/fr/supervision.md"),
    ("docs/admin/faults.md", "docs/fr/pannes.md"),
    ("docs/admin/sandbox.md", "docs/fr/bac-a-sable.md"),
    ("docs/admin/audit.md", "docs/fr/audit.md"),
    ("docs/admin/upgrade.md", "docs/fr/mettre-a-jour.md"),
    ("docs/admin/back-out.md", "docs/fr/revenir-en-arriere.md"),
];

/// Pages of the handbook that are in English alone, and the two tables of contents.
const SINGLE: &[&str] = &["docs/admin/README.md", "docs/admin/reference.md", "docs/fr/README.md"];

#[test]
fn both_have_the_same_parts_and_the_same_code() {
    let (mut headings, mut blocks) = (0, 0);
    for (english, french) in TWINS {
        let (english, french) = (Page::read(english), Page::read(french));
        let depths = |page: &Page| page.headings.iter().map(|(depth, _)| *depth).collect::<Vec<_>>();
        assert_eq!(depths(&english), depths(&french), "{}", french.name);
        for (number, (one, other)) in english.blocks.iter().zip(&french.blocks).enumerate() {
            assert_eq!(one.code(), other.code(), "{} block {number}", french.name);
        }
        assert_eq!(english.blocks.len(), french.blocks.len(), "{}", french.name);
        // One that was copied and never translated.
        let copied = english.prose.lines().filter(|line| line.len() > 60 && french.prose.contains(line)).count();
        assert_eq!(copied, 0, "{}", french.name);
        headings += english.headings.len();
        blocks += english.blocks.len();
    }
    assert!(headings > 25 && blocks > 25, "{headings} {blocks}");
}

#[test]
fn each_leads_to_the_other() {
    for (english, french) in TWINS {
        for (from, to) in [(english, french), (french, english)] {
            let page = Page::read(from);
            let head = Page { prose: page.prose.lines().take(4).collect(), ..page };
            assert!(head.links().iter().any(|(file, _)| file.to_str() == Some(to)), "{from} does not lead to {to}");
        }
    }
}

#[test]
fn no_page_of_the_handbook_is_without_its_twin() {
    let known: Vec<_> = TWINS.iter().flat_map(|(english, french)| [*english, *french]).chain(SINGLE.iter().copied()).collect();
    let alone: Vec<_> = files(&["docs/admin", "docs/fr"]).into_iter().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(alone.is_empty(), "in no pair of languages: {alone:?}");
}

/// In French a space stands before these signs. A plain one lets the sign begin a line alone.
#[test]
fn french_signs_stay_with_their_word() {
    for (_, name) in TWINS.iter().chain(&[("", "docs/fr/README.md")]) {
        let page = Page::read(name);
        for (number, line) in page.prose.lines().enumerate() {
            let text = line.split('`').enumerate().map(|(at, part)| if at % 2 == 0 { part } else { "x" }).collect::<String>();
            let signs = [" :", " ;", " !", " ?", " »", " %"];
            let alone = signs.into_iter().find(|sign| text.contains(sign));
            assert!(alone.is_none() && !text.contains("« "), "{name}, line {number} of the text: {line}");
        }
    }
}
