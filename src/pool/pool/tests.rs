use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{sleep, timeout};

use super::*;
use crate::fault::Side;
use crate::net::conn::Conn;
use crate::private::{Mechanism, Private};

struct World {
    pool: Arc<Pool>,
    first: BackendId,
}

impl World {
    fn new(params: PoolParams) -> World {
        World { pool: Pool::new(params), first: BackendId::new(0) }
    }

    fn owner(&self, user: &str) -> CheckoutOwner {
        let backend = if user.starts_with('z') { BackendId::new(1) } else { self.first };
        CheckoutOwner { user: Address::parse(user).unwrap(), backend }
    }

    fn admit(&self, user: &str, secret: &str) -> Arc<Checkout> {
        self.pool.admitted(self.owner(user), &credential(user, secret), b"IMAP4rev1")
    }

    /// Logs in and is parked at once: the backend's end of the connection.
    fn park(&self, user: &str, secret: &str) -> UnixStream {
        let (conn, end) = conn();
        self.pool.park(self.admit(user, secret), conn);
        end
    }

    fn take(&self, user: &str, secret: &str) -> Option<(Arc<Checkout>, BufferedConn)> {
        self.pool.take(&self.owner(user), &credential(user, secret))
    }
}

fn credential(user: &str, secret: &str) -> Credential {
    Credential { user: Private::new(user.into()), secret: Secret::new(secret.as_bytes()), mechanism: Mechanism::Password }
}

fn conn() -> (BufferedConn, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (BufferedConn::new(Conn::Unix(ours), Side::Backend, Instant::now() + Duration::from_secs(60)), theirs)
}

async fn until(mut done: impl FnMut() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not happen");
}

#[tokio::test]
async fn only_the_same_person_with_the_same_secret_and_backends_and_only_once() {
    let mut world = World::new(PoolParams::default());
    let _end = world.park("a@velo.example", "secret");
    for (user, secret) in [
        ("b@velo.example", "secret"),
        ("a@velo.example", "secre"),
        ("a@velo.example", "secret "),
        ("a@velo.example", "Secret"),
        ("a@jardin.example", "secret"),
    ] {
        assert!(world.take(user, secret).is_none());
    }
    let other = credential("A@velo.example", "secret");
    assert!(world.pool.take(&world.owner("a@velo.example"), &other).is_none(), "another spelling is another login");
    let token = Credential { mechanism: Mechanism::XOAuth2, ..credential("a@velo.example", "secret") };
    assert!(world.pool.take(&world.owner("a@velo.example"), &token).is_none());
    let (checkout, taken) = world.take("a@velo.example", "secret").unwrap();
    assert!(checkout.capabilities() == b"IMAP4rev1" && world.take("a@velo.example", "secret").is_none());
    world.pool.park(checkout, taken);
    world.first = BackendId::new(2);
    assert!(world.take("a@velo.example", "secret").is_none(), "it is another backend");
}

#[tokio::test]
async fn who_comes_back_at_once_waits_for_what_is_on_its_way_and_nobody_else_does() {
    let world = World::new(PoolParams::default());
    let find = |user: &str, secret: &str| {
        let (pool, owner, credential) = (world.pool.clone(), world.owner(user), credential(user, secret));
        async move { pool.find(&owner, &credential).await.map(|(checkout, _)| checkout) }
    };
    let checkout = world.admit("a@velo.example", "s");
    assert!(find("a@velo.example", "s").await.is_none(), "it is in use");
    let returning = checkout.returning().await;
    assert!(find("a@velo.example", "other").await.is_none() && find("b@velo.example", "s").await.is_none());
    let waiting = [tokio::spawn(find("a@velo.example", "s")), tokio::spawn(find("a@velo.example", "s"))];
    sleep(Duration::from_millis(20)).await;
    assert!(waiting.iter().all(|task| !task.is_finished()));
    let (conn, _end) = conn();
    world.pool.park(checkout, conn);
    drop(returning);
    let [one, other] = waiting;
    assert!(one.await.unwrap().is_some() != other.await.unwrap().is_some(), "one connection for one of them");
    // Given up: nobody waits for ever.
    let checkout = world.admit("a@velo.example", "s");
    let returning = checkout.returning().await;
    let waiting = tokio::spawn(find("a@velo.example", "s"));
    sleep(Duration::from_millis(20)).await;
    drop((checkout, returning));
    assert!(waiting.await.unwrap().is_none());
}

#[tokio::test]
async fn a_byte_or_the_end_closes_what_is_parked() {
    let world = World::new(PoolParams::default());
    let mut speaks = world.park("a@velo.example", "s");
    let ends = world.park("b@velo.example", "s");
    let _quiet = world.park("c@velo.example", "s");
    tokio::task::yield_now().await;
    speaks.write_all(b"* 4 EXISTS\r\n").await.unwrap();
    drop(ends);
    until(|| world.pool.parked() == 1).await;
    assert!(matches!(speaks.read(&mut [0; 9]).await, Ok(0) | Err(_)));
    assert!(world.take("a@velo.example", "s").is_none() && world.take("b@velo.example", "s").is_none());
    assert!(world.take("c@velo.example", "s").is_some());
    let inner = lock(&world.pool.inner);
    assert!(inner.of_user.is_empty() && inner.parked.is_empty());
}

#[tokio::test]
async fn whoever_is_ended_has_nothing_parked_and_parks_nothing() {
    let world = World::new(PoolParams::default());
    let (_one, _tag) = (world.park("a@velo.example", "s"), world.park("a+tag@velo.example", "s"));
    let _other = world.park("b@velo.example", "s");
    let checkout = world.admit("a@velo.example", "s");
    world.pool.end(|user| user.reveal().starts_with('a'));
    world.pool.park(checkout, conn().0);
    assert!(world.take("a@velo.example", "s").is_none() && world.take("a+tag@velo.example", "s").is_none());
    assert!(world.take("b@velo.example", "s").is_some() && world.pool.parked() == 0);
}

#[tokio::test]
async fn its_time_ends_with_a_goodbye_and_a_login_gets_too_old() {
    let short = Duration::from_millis(50);
    let world = World::new(PoolParams { rest: short, ..PoolParams::default() });
    let mut end = world.park("a@velo.example", "s");
    let mut heard = String::new();
    end.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "n8 LOGOUT\r\n");
    until(|| world.pool.parked() == 0).await;

    let world = World::new(PoolParams { verify: short, ..PoolParams::default() });
    let checkout = world.admit("a@velo.example", "s");
    sleep(short).await;
    world.pool.sweep();
    assert!(checkout.is_revoked(), "the secret of a session whose connection comes back too late is kept for nothing");
    world.pool.park(checkout, conn().0);
    assert_eq!(world.pool.parked(), 0);
}

#[tokio::test]
async fn the_oldest_go_first() {
    let world = World::new(PoolParams { per_user: 2, per_backend: 3, total: 4, ..PoolParams::default() });
    let mut ends: Vec<_> = (0..3).map(|_| world.park("a@velo.example", "s")).collect();
    let mut heard = Vec::new();
    // At once: its time would end it as well.
    timeout(Duration::from_secs(5), ends.remove(0).read_to_end(&mut heard)).await.unwrap().unwrap();
    assert_eq!(heard, reset::GOODBYE);
    assert_eq!(world.pool.parked(), 2);
    ends.extend([world.park("b@velo.example", "s"), world.park("c@velo.example", "s")]);
    assert_eq!(world.pool.parked(), 3);
    ends.extend([world.park("z@velo.example", "s"), world.park("z@velo.example", "s")]);
    assert_eq!(world.pool.parked(), 4);
    let left = ["a", "b", "c", "z", "z"].map(|name| world.take(&format!("{name}@velo.example"), "s").is_some());
    assert_eq!(left, [false, true, true, true, true]);
}

#[tokio::test]
async fn room_is_made_at_one_backend_from_the_oldest() {
    let world = World::new(PoolParams::default());
    let _ends = ["a", "z", "b", "c"].map(|name| world.park(&format!("{name}@velo.example"), "s"));
    world.pool.release(world.first, 2);
    let left = ["a", "b", "c", "z"].map(|name| world.take(&format!("{name}@velo.example"), "s").is_some());
    assert_eq!(left, [false, false, true, true]);
}

#[tokio::test]
async fn a_changed_password_closes_what_is_parked_and_what_would_be() {
    let world = World::new(PoolParams::default());
    let in_use = world.admit("a@velo.example", "old");
    let ends = [world.park("a@velo.example", "old"), world.park("b@velo.example", "old")];
    world.pool.refused(&Address::parse("a@velo.example").unwrap(), &Secret::new(b"guess"));
    assert_eq!(world.pool.parked(), 2, "a guesser closes nothing");
    let _new = world.park("A@velo.example", "new");
    assert!(world.take("a@velo.example", "old").is_none() && world.take("b@velo.example", "old").is_some());
    world.pool.park(in_use, conn().0);
    assert!(world.take("a@velo.example", "old").is_none(), "it was in use under the old password");
    world.pool.refused(&Address::parse("a@velo.example").unwrap(), &Secret::new(b"new"));
    assert!(world.take("A@velo.example", "new").is_none());
    drop(ends);
}

#[tokio::test]
async fn a_closed_shelf_takes_nothing() {
    let world = World::new(PoolParams::default());
    let _ends = [world.park("a@velo.example", "s"), world.park("z@velo.example", "s")];
    world.pool.release(world.first, 9);
    assert_eq!(world.pool.parked(), 1);
    world.pool.close();
    let _end = world.park("a@velo.example", "s");
    assert_eq!(world.pool.parked(), 0);
}
