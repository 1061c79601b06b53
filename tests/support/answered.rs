//! What members were told of their messages, and what came of them.

/// How many were answered 250, that nobody knows, and no; each with its name and its answer. Panics where the first is not there once, the second is there
/// twice, or the last is there at all.
pub fn counted<'a>(told: impl IntoIterator<Item = &'a (String, String)>, times: impl Fn(&str) -> u64, play: &str) -> [u64; 3] {
    let mut kinds = [0; 3];
    for (name, answer) in told {
        let times = times(name);
        let (kind, holds) = match answer {
            answer if answer.starts_with("250 ") => (0, times == 1),
            answer if answer.contains("(SENT-OR-NOT)") => (1, times <= 1),
            _ => (2, times == 0),
        };
        kinds[kind] += 1;
        assert!(holds, "{name} is there {times} times, and was answered {answer:?} ({play})");
    }
    kinds
}
