//! What a contact presses twice, too often, or in two windows: what was done is said once and where it belongs, and a second click does no harm.

use super::*;

impl Stage {
    fn press(&self, (cookie, token): &(String, String), what: &str, rest: &str) -> Got {
        post(self.page, &format!("/en/contact/{what}"), cookie, &format!("token={token}&{rest}"))
    }
}

/// Offers cost what other changes cost; what is refused costs nothing, and what leads to nothing is not weighed.
#[test]
fn offers_without_end_are_stopped_and_what_is_refused_is_free() {
    let stage = Stage::start();
    let (carl, rose) = (stage.log_in("carl%40velo.example"), stage.log_in("rose%40jardin.example"));
    // Nothing is there to be weighed; and what no form of ours sends is not charged either.
    for _ in 0..6 {
        assert_eq!(stage.press(&rose, "lend/accept", "from=velo&size=1&until=2099-03-01").status, 422);
        assert_eq!(stage.press(&rose, "lend/accept", "from=velo&size=x&until=2099-03-01").status, 400);
        assert_eq!(stage.press(&rose, "lend/return", "from=velo&until=never").status, 400);
    }
    let accept = |octets: u64| stage.press(&rose, "lend/accept", &format!("from=velo&size={octets}&until=2099-03-01")).status;
    let (mut taken, mut refused) = (0, 0);
    for megabytes in 1..=6 {
        let offered = stage.press(&carl, "lend/offer", &format!("to=jardin&share={megabytes}+MB&until=2099-03-01"));
        assert_eq!(offered.status, 303, "{}", offered.body);
        match accept(megabytes << 20) {
            303 => taken += 1,
            503 => refused += 1,
            status => panic!("{status}"),
        }
    }
    assert_eq!((taken, refused), (4, 2), "four weighings in ten minutes");
    // Those used rose's up, whole; carl has made six changes.
    let mut done = 6;
    for round in 0..150 {
        for (what, rest) in
            [("lend/offer", "to=x.example&share=1&until=2099-03-01"), ("lend/withdraw", "to=x.example&until=2099-03-01")]
        {
            match stage.press(&carl, what, rest).status {
                303 => done += 1,
                503 => {}
                status => panic!("{round}: {status}"),
            }
        }
    }
    assert_eq!(done, 200);
    for (what, rest) in [
        ("default", "share=1"),
        ("lend/decline", "from=jardin&size=1&until=2099-03-01"),
        ("hand-over", "address=zoe%40elsewhere.example"),
    ] {
        assert_eq!(stage.press(&carl, what, rest).status, 503, "{what}: it is one budget");
    }
    // What is wrong is said to be wrong, also then.
    assert_eq!(stage.press(&carl, "default", "share=99").status, 422);
    assert_eq!(stage.press(&carl, "lend/offer", "to=jardin&share=x&until=2099-03-01").status, 422);
}
