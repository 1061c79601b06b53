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

    /// Who may give a command, besides admins.
    #[derive(Clone, Copy)]
    enum Who {
        Admins,
        /// The contact of `velo`.
        Contact,
        /// alice@velo.example.
        Owner,
        Both,
    }

    /// Every command about `velo` and about alice@velo.example.
    const COMMANDS: &[(&str, Who)] = &[
        (r#""association add","name":"velo","edit":{"add-domains":["new.example"]}"#, Who::Admins),
        (r#""association grant","name":"velo","size":7,"until":"2027-03-01""#, Who::Admins),
        (r#""association accept","from":"jardin","to":"velo","size":7,"until":"2027-03-01""#, Who::Contact),
        (r#""association hand-over","name":"velo","from":"carl@velo.example","to":"me@velo.example""#, Who::Admins),
        (r#""association lend","from":"velo","to":"jardin","size":7,"until":"2027-03-01""#, Who::Admins),
        (r#""association list""#, Who::Admins),
        (r#""association loans""#, Who::Admins),
        (r#""association offer","from":"velo","to":"jardin","said":"x","size":7,"until":"2027-03-01""#, Who::Contact),
        (r#""association return","from":"jardin","to":"velo","until":"2027-03-01""#, Who::Contact),
        (r#""association withdraw","from":"velo","said":"third","until":"2027-03-01""#, Who::Contact),
        (r#""association withdraw","from":"third","said":"velo","until":"2027-03-01""#, Who::Admins),
        (r#""association decline","from":"third","to":"velo","size":7,"until":"2027-03-01""#, Who::Contact),
        (r#""association decline","from":"velo","to":"third","size":7,"until":"2027-03-01""#, Who::Admins),
        (r#""association remove","name":"velo","with-mailboxes":true"#, Who::Admins),
        (r#""association set","name":"velo","edit":{}"#, Who::Contact),
        (r#""association set","name":"velo","edit":{"mailbox-default":7,"language":"fr"}"#, Who::Contact),
        (r#""association set","name":"velo","edit":{"storage":7}"#, Who::Admins),
        (r#""association set","name":"velo","edit":{"mailbox-default":7,"mailboxes":null}"#, Who::Admins),
        (r#""association set","name":"velo","edit":{"state":{"state":"active"}}"#, Who::Admins),
        (r#""association set","name":"velo","edit":{"sending":{"send-per-day":null}}"#, Who::Admins),
        (r#""association set","name":"velo","edit":{"senders":"domain"}"#, Who::Admins),
        (r#""association set","name":"velo","edit":{"contact":"me@velo.example"}"#, Who::Admins),
        (r#""association set","name":"velo","edit":{"add-domains":["new.example"]}"#, Who::Admins),
        (r#""association set","name":"velo","edit":{"set-aliases":[["x@velo.example",["alice@velo.example"]]]}"#, Who::Admins),
        (r#""association set","name":"velo","edit":{},"without":{"no-contact":true}"#, Who::Admins),
        (r#""association show","name":"velo""#, Who::Contact),
        (r#""blocks list""#, Who::Admins),
        (r#""blocks lift","address":"alice@velo.example""#, Who::Admins),
        (r#""blocks lift","all":true"#, Who::Admins),
        (r#""disclose","address":"alice@velo.example""#, Who::Owner),
        (r#""incident list""#, Who::Admins),
        (r#""incident show","address":"alice@velo.example""#, Who::Owner),
        (r#""incident start","address":"alice@velo.example","minutes":5"#, Who::Owner),
        (r#""incident stop","address":"alice@velo.example""#, Who::Owner),
        (r#""mailbox kick","address":"alice@velo.example""#, Who::Both),
        (r#""mailbox move","address":"alice@velo.example","to":{"to":"store2"}"#, Who::Admins),
        (r#""mailbox move","address":"alice@velo.example","to":{"nowhere":true}"#, Who::Admins),
        (r#""mailbox list""#, Who::Admins),
        (r#""mailbox list","association":"velo""#, Who::Contact),
        (r#""mailbox refresh","address":"alice@velo.example""#, Who::Both),
        (r#""mailbox remove","address":"alice@velo.example""#, Who::Admins),
        (r#""mailbox set","address":"alice@velo.example","edit":{"storage":7}"#, Who::Contact),
        (r#""mailbox set","address":"alice@v.example","edit":{"storage":"default"}"#, Who::Contact),
        (r#""mailbox set","address":"alice@velo.example","edit":{"sending":"off"}"#, Who::Contact),
        (r#""mailbox set","address":"alice@velo.example","edit":{"sending":"on"}"#, Who::Admins),
        (r#""mailbox set","address":"alice@velo.example","edit":{"storage":7,"kind":"machine"}"#, Who::Admins),
        (r#""mailbox set","address":"alice@velo.example","edit":{"language":"fr"}"#, Who::Both),
        (r#""mailbox set","address":"alice@v.example","edit":{"language":"default"}"#, Who::Both),
        (r#""mailbox set","address":"alice@velo.example","edit":{"language":"fr","storage":7}"#, Who::Contact),
        (r#""mailbox set","address":"alice@velo.example","edit":{"language":"fr","sending":"on"}"#, Who::Admins),
        (r#""mailbox set","address":"alice@velo.example","edit":{}"#, Who::Contact),
        (r#""node show""#, Who::Admins),
        (r#""node stand-by""#, Who::Admins),
        (r#""node take-over","with-own-book":false"#, Who::Admins),
        (r#""share show""#, Who::Admins),
        (r#""share publish""#, Who::Admins),
        (r#""share publish","replace":true"#, Who::Admins),
        (r#""share adopt""#, Who::Admins),
        (r#""share begin-count""#, Who::Admins),
        (r#""share counted","round":1,"mailboxes":[["alice@velo.example",5,1]],"whole":null"#, Who::Admins),
        (r#""status""#, Who::Admins),
        (r#""sync stage","batch":"x","part":0,"changes":{}"#, Who::Admins),
        (r#""sync apply","batch":"x","parts":0,"changes":{"gone-mailboxes":["bob@velo.example"]}"#, Who::Admins),
        (r#""dns tell","zones":[{"domain":"velo.example","with-mx":true,"amiss":[]}]"#, Who::Admins),
        (r#""usage load","mailboxes":[["alice@velo.example",5,1]]"#, Who::Admins),
        (r#""usage begin-count","round":"a""#, Who::Admins),
        (r#""usage counted","round":"a","mailboxes":[["alice@velo.example",5,1]],"over":true"#, Who::Admins),
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
        for &(fields, may) in COMMANDS {
            let (for_contact, for_owner) = (matches!(may, Who::Contact | Who::Both), matches!(may, Who::Owner | Who::Both));
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
