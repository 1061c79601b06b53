//! Layer 3: pages for people and answers for their mail programs, over HTTP (RFC 9110). Pure: what is asked comes in as [`WebRequest`], what is
//! told goes out as [`WebAnswer`]; `serve::web` carries them.
//!
//! | | |
//! |---|---|
//! | `request`, `answer` | what an answer may depend on, and what it is |
//! | `site` | what they say about this host |
//! | `mail_ports`, `autoconfig`, `apple`, `signed`, `xml` | how mail programs set themselves up |
//! | `zone` | the lines of the DNS by which they find it |
//! | `layout`, `style.css`, `typography` | how pages look |
//! | `home`, `help` with `advice` and `remedies`, `programs` | pages for everybody |
//! | `session`, `links`, `login`, `password`, `news` with `form_mark`, `budget` | who is logged in, and how; what came of the last form; how many there may be |
//! | `contact` with `contact_mailboxes`, `contact_fields`, `parts` and `contact_standing`, `form_result`, `form_input`, `typed_size`, `amount`, `lend`, `more_space`, `domains`, `hand_over` with `open_hand_overs` | the page of an association's contact |
//! | `member`, `held` | the page of a member |
//! | `admin_home`, `admin_association`, `admin_form`, `admin_fields` | the pages of admins |
//!
//! Absent on purpose: scripts, anything from another host, cookies before a login, query strings, and any trace of who asked for what.

pub mod admin_association;
mod admin_fields;
pub mod admin_form;
pub mod admin_home;
#[macro_use]
mod advice;
pub mod amount;
pub mod answer;
pub mod apple;
pub mod autoconfig;
pub mod budget;
pub mod contact;
mod contact_fields;
pub mod contact_mailboxes;
mod contact_standing;
pub mod domains;
mod form_input;
pub mod form_mark;
pub mod form_result;
pub mod hand_over;
mod held;
pub mod help;
pub mod home;
pub mod layout;
pub mod lend;
pub mod links;
pub mod login;
pub mod mail_ports;
pub mod member;
pub mod more_space;
pub mod news;
pub mod open_hand_overs;
pub mod parts;
pub mod password;
pub mod programs;
mod remedies;
pub mod request;
pub mod session;
pub mod signed;
mod site;
pub mod typed_size;
mod typography;
mod xml;
pub mod zone;

pub use answer::{Body, CookieChange, Keep, WebAnswer};
pub use request::WebRequest;
pub use site::Site;
