//! Layer 3: totals for the admins' monitoring, in the text form that Prometheus reads, over the least HTTP that serves it.
//!
//! Two rules keep a single person's act out of them. There is no label, so no number is about somebody, an association, an address
//! or a domain. And a number moves only when ten to nineteen acts have come together since it moved last (`shown` says how),
//! is rounded, and is made anew once a minute: what lies between two looks is never one act.
//!
//! Absent on purpose: octets, since one large attachment would show; incoming mail, which the relay that brings it counts; logins that
//! a relay judges; rates, histograms, and the times of anything.

mod counters;
mod http;
mod shown;

pub use counters::{Counters, Metrics, Now};
pub use http::{MAX_REQUEST, respond};
