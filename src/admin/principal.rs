//! Who asks, and who may. One function of (principal, command), for the admins' socket and for pages alike.

use crate::private::Address;
use crate::quota::{Book, Name};

/// Who asks. Made by whoever knows: the socket by its peer's credentials, a page by a login.
#[derive(Clone, PartialEq, Eq)]
pub enum Principal {
    /// Of the host: everything.
    Admin,
    /// The contact of this association, about it and no other.
    Contact(Name),
    /// The owner of this mailbox, about it and no other.
    Member(Address),
}

/// Who may give a command, besides admins: each command says it, with what it is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// Nobody.
    Admins,
    /// The contact of the association.
    Contact(&'a Name),
    /// The contact of the association that the mailbox belongs to. Not its owner.
    ContactOf(&'a Address),
    /// The owner of the mailbox. Not the contact: it is the owner's own affair.
    Owner(&'a Address),
    /// Either of the two.
    OwnerOrContact(&'a Address),
}

impl Principal {
    /// Whether this one is in `audience`. What belongs to another association is refused like what is nowhere, so that nobody learns
    /// from a refusal what there is.
    pub fn may(&self, audience: Audience<'_>, book: &Book) -> bool {
        let owns = |own: &Address, mailbox: &Address| {
            let (own, mailbox) = (book.mailbox_itself(own), book.mailbox_itself(mailbox));
            own.is_some() && own == mailbox
        };
        let has = |own: &Name, mailbox: &Address| book.association_of(mailbox).as_ref() == Some(own);
        match (self, audience) {
            (Principal::Admin, _) => true,
            (Principal::Contact(own), Audience::Contact(name)) => own == name,
            (Principal::Contact(own), Audience::ContactOf(mailbox) | Audience::OwnerOrContact(mailbox)) => has(own, mailbox),
            (Principal::Contact(_), Audience::Admins | Audience::Owner(_)) => false,
            (Principal::Member(own), Audience::Owner(mailbox) | Audience::OwnerOrContact(mailbox)) => owns(own, mailbox),
            (Principal::Member(_), Audience::Admins | Audience::Contact(_) | Audience::ContactOf(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::admin::Request;
    use crate::admin::tests::stage::TestStage;

    /// Every command about `velo` and about alice@velo.example; whether the contact of `velo` may give it, and whether alice may.
    const COMMANDS: &[(&str, bool, bool)] = &[
        (r#""association add","name":"velo","edit":{"add-domains":["new.example"]}"#, false, false),
        (r#""association grant","name":"velo","size":7,"until":"2027-03-01""#, false, false),
        (r#""association accept","from":"jardin","to":"velo","size":7,"until":"2027-03-01""#, true, false),
        (r#""association hand-over","name":"velo","from":"carl@velo.example","to":"me@velo.example""#, false, false),
        (r#""association lend","from":"velo","to":"jardin","size":7,"until":"2027-03-01""#, false, false),
        (r#""association list""#, false, false),
        (r#""association loans""#, false, false),
        (r#""association offer","from":"velo","to":"jardin","said":"x","size":7,"until":"2027-03-01""#, true, false),
        (r#""association return","from":"jardin","to":"velo","until":"2027-03-01""#, true, false),
        (r#""association withdraw","from":"velo","said":"third","until":"2027-03-01""#, true, false),
        (r#""association withdraw","from":"third","said":"velo","until":"2027-03-01""#, false, false),
        (r#""association decline","from":"third","to":"velo","size":7,"until":"2027-03-01""#, true, false),
        (r#""association decline","from":"velo","to":"third","size":7,"until":"2027-03-01""#, false, false),
        (r#""association remove","name":"velo","with-mailboxes":true"#, false, false),
        (r#""association set","name":"velo","edit":{}"#, true, false),
        (r#""association set","name":"velo","edit":{"mailbox-default":7,"language":"fr"}"#, true, false),
        (r#""association set","name":"velo","edit":{"storage":7}"#, false, false),
        (r#""association set","name":"velo","edit":{"mailbox-default":7,"mailboxes":null}"#, false, false),
        (r#""association set","name":"velo","edit":{"state":{"state":"active"}}"#, false, false),
        (r#""association set","name":"velo","edit":{"sending":{"send-per-day":null}}"#, false, false),
        (r#""association set","name":"velo","edit":{"senders":"domain"}"#, false, false),
        (r#""association set","name":"velo","edit":{"contact":"me@velo.example"}"#, false, false),
        (r#""association set","name":"velo","edit":{"add-domains":["new.example"]}"#, false, false),
        (r#""association set","name":"velo","edit":{"set-aliases":[["x@velo.example",["alice@velo.example"]]]}"#, false, false),
        (r#""association set","name":"velo","edit":{},"without":{"no-contact":true}"#, false, false),
        (r#""association show","name":"velo""#, true, false),
        (r#""blocks list""#, false, false),
        (r#""blocks lift","address":"alice@velo.example""#, false, false),
        (r#""blocks lift","all":true"#, false, false),
        (r#""disclose","address":"alice@velo.example""#, false, true),
        (r#""incident list""#, false, false),
        (r#""incident show","address":"alice@velo.example""#, false, true),
        (r#""incident start","address":"alice@velo.example","minutes":5"#, false, true),
        (r#""incident stop","address":"alice@velo.example""#, false, true),
        (r#""mailbox kick","address":"alice@velo.example""#, true, true),
        (r#""mailbox move","address":"alice@velo.example","to":{"to":"store2"}"#, false, false),
        (r#""mailbox move","address":"alice@velo.example","to":{"nowhere":true}"#, false, false),
        (r#""mailbox list""#, false, false),
        (r#""mailbox list","association":"velo""#, true, false),
        (r#""mailbox refresh","address":"alice@velo.example""#, true, true),
        (r#""mailbox remove","address":"alice@velo.example""#, false, false),
        (r#""mailbox set","address":"alice@velo.example","edit":{"storage":7}"#, true, false),
        (r#""mailbox set","address":"alice@v.example","edit":{"storage":"default"}"#, true, false),
        (r#""mailbox set","address":"alice@velo.example","edit":{"sending":"off"}"#, true, false),
        (r#""mailbox set","address":"alice@velo.example","edit":{"sending":"on"}"#, false, false),
        (r#""mailbox set","address":"alice@velo.example","edit":{"storage":7,"kind":"machine"}"#, false, false),
        (r#""mailbox set","address":"alice@velo.example","edit":{"language":"fr"}"#, true, true),
        (r#""mailbox set","address":"alice@v.example","edit":{"language":"default"}"#, true, true),
        (r#""mailbox set","address":"alice@velo.example","edit":{"language":"fr","storage":7}"#, true, false),
        (r#""mailbox set","address":"alice@velo.example","edit":{"language":"fr","sending":"on"}"#, false, false),
        (r#""mailbox set","address":"alice@velo.example","edit":{}"#, true, false),
        (r#""node show""#, false, false),
        (r#""node stand-by""#, false, false),
        (r#""node take-over","with-own-book":false"#, false, false),
        (r#""share show""#, false, false),
        (r#""share publish""#, false, false),
        (r#""share begin-count""#, false, false),
        (r#""share counted","round":1,"mailboxes":[["alice@velo.example",5,1]],"whole":null"#, false, false),
        (r#""status""#, false, false),
        (r#""sync stage","batch":"x","part":0,"changes":{}"#, false, false),
        (r#""sync apply","batch":"x","parts":0,"changes":{"gone-mailboxes":["bob@velo.example"]}"#, false, false),
        (r#""dns tell","zones":[{"domain":"velo.example","with-mx":true,"amiss":[]}]"#, false, false),
        (r#""usage load","mailboxes":[["alice@velo.example",5,1]]"#, false, false),
        (r#""usage begin-count","round":"a""#, false, false),
        (r#""usage counted","round":"a","mailboxes":[["alice@velo.example",5,1]],"over":true"#, false, false),
    ];

    fn request(fields: &str) -> Request {
        let line = format!(r#"{{"nologd":1,"command":{fields}}}"#);
        Request::read(line.as_bytes()).unwrap_or_else(|refusal| panic!("{line}: {}", refusal.text))
    }

    #[test]
    fn each_command_is_for_those_that_the_table_names_and_for_nobody_of_another_association() {
        let tried: BTreeSet<_> = COMMANDS.iter().map(|(fields, ..)| request(fields).word()).collect();
        assert_eq!(tried, Request::WORDS.iter().copied().collect(), "a command is not in the table");
        let (contact, member) =
            (|name: &str| Principal::Contact(name.parse().unwrap()), |address: &str| Principal::Member(address.parse().unwrap()));
        for &(fields, for_contact, for_owner) in COMMANDS {
            for (principal, expected, who) in [
                (Principal::Admin, true, "admin"),
                (contact("velo"), for_contact, "contact"),
                (contact("jardin"), false, "contact of another association"),
                (contact("nobody"), false, "contact of no association"),
                (member("alice@velo.example"), for_owner, "owner"),
                (member("alice@v.example"), for_owner, "owner, by the alias domain"),
                (member("bob@velo.example"), false, "member of the same association"),
                // The contact's own mailbox gives no rights: who logs in as the contact is the contact.
                (member("carl@velo.example"), false, "contact, as a member"),
                (member("alice@jardin.example"), false, "member of another association"),
                (member("alice@nowhere.example"), false, "member of nothing"),
            ] {
                // What was done before must not show: each on a stage of its own.
                let stage = TestStage::new();
                let before = stage.everything();
                let request = request(fields);
                assert_eq!(request.is_for(&principal, &stage.executor), expected, "{who}: {fields}");
                let told = stage.say(&principal, &request);
                assert_eq!(told.contains("You may not do this."), !expected, "{who}: {fields}: {told}");
                assert!(expected || stage.everything() == before, "{who}: {fields} changed something");
            }
        }
    }

    #[test]
    fn what_is_elsewhere_and_what_is_nowhere_are_refused_alike() {
        let stage = TestStage::new();
        let velo = Principal::Contact("velo".parse().unwrap());
        for pair in [
            [r#""association show","name":"jardin""#, r#""association show","name":"none""#],
            [r#""mailbox list","association":"jardin""#, r#""mailbox list","association":"none""#],
            [r#""mailbox kick","address":"alice@jardin.example""#, r#""mailbox kick","address":"alice@nowhere.example""#],
        ] {
            let [elsewhere, nowhere] = pair.map(|fields| stage.say(&velo, &request(fields)));
            assert_eq!(elsewhere, nowhere);
            assert!(elsewhere.contains("You may not do this."));
        }
    }
}
