//! Hosts of many sizes, without faults but for nodes that are killed: what etcd has to write, and how long a fail-over takes.

use super::say;
use super::setup::{Flaw, Setup};
use super::world::{STEP, World};

const HOUR: u64 = 3_600_000;

fn host(nodes: usize, tenants: u64, limit: u64, rate: u64) -> World {
    let limits = (limit / 2, limit);
    let setup = Setup {
        nodes,
        tenants,
        faults: false,
        backs: false,
        reaches: false,
        limits,
        rate: Some(rate),
        count: 1000,
        forget: HOUR,
    };
    let mut world = World::new(7, Flaw::None, setup);
    // All nodes come, and each takes its own.
    while world.unwell().is_some() {
        world.step();
        assert!(world.now < 600_000, "{:?}", world.unwell());
    }
    run(&mut world, 20);
    world
}

fn run(world: &mut World, seconds: u64) {
    (0..seconds * 1000 / STEP).for_each(|_| assert_eq!(world.step(), None));
}

/// What etcd's writes would tell about members: nothing.
#[test]
fn what_members_store_makes_etcd_write_nothing() {
    let mut world = host(20, 300, 10 << 30, 40);
    let (writes, put_off) = (world.etcd.writes, world.told.put_off);
    let (granted, octets) = (world.told.granted, world.told.octets);
    run(&mut world, 300);
    assert!(world.told.granted - granted > 10_000 && world.told.octets - octets > 1 << 30);
    assert_eq!((world.etcd.writes - writes, world.told.put_off - put_off), (0, 0));
}

/// How long until each tenant of the killed nodes is judged again, in milliseconds.
fn kill(world: &mut World, count: usize, back: u64) -> Vec<u64> {
    let begin = world.now;
    let mut waiting: Vec<_> = Vec::new();
    for at in 0..count {
        let judges = |tenant: &u64| world.machines[at].fellow.as_ref().is_some_and(|fellow| fellow.judges(*tenant));
        waiting.extend((0..world.setup.tenants).filter(judges));
        world.cut(at, None);
        world.machines[at].die(begin + back);
    }
    let mut took = Vec::new();
    while !waiting.is_empty() {
        world.step();
        let now = world.now;
        waiting.retain(|tenant| {
            let is_judged = world.machines.iter().any(|machine| machine.would_grant(*tenant));
            if is_judged {
                took.push(now - begin);
            }
            !is_judged
        });
        assert!(now < begin + 120_000);
    }
    took.sort_unstable();
    took
}

#[test]
fn what_a_killed_node_judged_is_judged_again() {
    let mut world = host(5, 300, 10 << 30, 40);
    let writes = world.etcd.writes;
    let took = kill(&mut world, 1, 1000 * 1000);
    assert!(took.len() > 40 && took.iter().all(|took| *took < 15_000), "{took:?}");
    assert_eq!(world.etcd.writes - writes, 1 + took.len() as u64, "a life, and a deed each");
}

/// The figures of docs/many-nodes.md.
#[test]
#[ignore = "make long"]
fn figures() {
    say(
        "nodes tenants msg/s | granted GiB, etcd writes, reads/s, waited for etcd | killed: tenants, writes, p50 s, max s, put off | held back MiB, of limit",
    );
    for (nodes, tenants, limit, rate) in [
        (3, 300, 10 << 30, 20),
        (3, 300, 1 << 30, 20),
        (3, 300, 256 << 20, 20),
        (3, 300, 64 << 20, 20),
        (10, 1000, 10 << 30, 60),
        (100, 3000, 10 << 30, 200),
        (300, 10_000, 10 << 30, 580),
        (1000, 10_000, 10_u64 << 30, 580),
    ] {
        let mut world = host(nodes, tenants, limit, rate);
        let (writes, reads, octets, soon) = (world.etcd.writes, world.etcd.reads, world.told.octets, world.told.soon);
        run(&mut world, 600);
        let (writes, reads) = (world.etcd.writes - writes, (world.etcd.reads - reads) / 600);
        let (octets, soon) = ((world.told.octets - octets) as f64 / f64::from(1 << 30), world.told.soon - soon);
        let (before, put_off) = (world.etcd.writes, world.told.put_off);
        let took = kill(&mut world, 1, 10 * HOUR);
        let withheld: u64 = (0..tenants).map(|tenant| world.withheld(tenant)).sum();
        say(&format!(
            "{nodes} {tenants} {rate} limit {} MiB | {octets:.1} {writes} {reads} {soon} | {} {} {:.1} {:.1} {} | {} of {} each {}",
            limit >> 20,
            took.len(),
            world.etcd.writes - before,
            took[took.len() / 2] as f64 / 1000.0,
            took[took.len() - 1] as f64 / 1000.0,
            world.told.put_off - put_off,
            withheld >> 20,
            (took.len() as u64 * limit) >> 20,
            (withheld >> 20) / took.len() as u64,
        ));
    }
}
