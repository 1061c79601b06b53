//! Which of the living nodes is to judge an association: the one whose number for it is highest (rendezvous hashing, Thaler and Ravishankar 1998). All
//! nodes find the same one without asking each other, and where one comes or goes, only its own associations move.

use super::Tenant;

/// The node of `living` that is to judge `tenant`; none where nobody lives.
pub fn nearest<'a>(tenant: Tenant, living: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    living.into_iter().max_by_key(|node| (weight(tenant, node), *node))
}

/// No secret: FNV-1a of the name, and the mixing of SplitMix64, so that near names and numbers come out far from each other.
fn weight(tenant: Tenant, node: &str) -> u64 {
    let name =
        node.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    mixed(mixed(name) ^ tenant)
}

fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_moves_only_its_own_and_all_have_about_as_many() {
        let nodes: Vec<String> = (1..=10).map(|number| format!("front-{number}")).collect();
        let names = || nodes.iter().map(String::as_str);
        let mut count = [0_u32; 10];
        for tenant in 0..10_000 {
            let all = nearest(tenant, names()).unwrap();
            count[nodes.iter().position(|node| node == all).unwrap()] += 1;
            let without = nearest(tenant, names().filter(|node| *node != "front-3")).unwrap();
            assert!(all == without || all == "front-3");
            assert_eq!(Some(all), nearest(tenant, names().rev()), "in whatever order they are named");
        }
        assert!(count.iter().all(|count| (850..1150).contains(count)), "{count:?}");
        assert_eq!(nearest(1, []), None);
    }
}
