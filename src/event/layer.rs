//! The `tracing` layer: an allow list of one target. Text never passes, only numbers; some of them become words again here.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::catalogue::MOST;
use super::{TARGET, catalogue, named};

/// Makes the layer the process-wide receiver of events. Later calls change nothing.
pub fn install() {
    let subscriber = tracing_subscriber::registry().with(AllowList);
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Prints the events with these words from now on, and no others. What is no event of the catalogue cannot be added.
pub fn print_only<'a>(words: impl Iterator<Item = &'a str>) {
    let number = |word: &str| catalogue::catalogue().position(|(known, _)| known == word);
    let bits = words.filter_map(number).fold(0, |bits, number| bits | 1 << number);
    PRINTED.store(bits, Ordering::Relaxed);
}

/// A bit for each event. All of them, until the policy has been read.
static PRINTED: AtomicU64 = AtomicU64::new(u64::MAX);

struct AllowList;

impl<S: Subscriber> Layer<S> for AllowList {
    // `never` is cached per callsite: a foreign event costs about a nanosecond, and no one can switch it on later.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if allowed(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        allowed(metadata)
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if !allowed(event.metadata()) {
            return;
        }
        let mut numbers = Numbers::default();
        event.record(&mut numbers);
        let printed = numbers.event.is_some_and(|number| number < 64 && PRINTED.load(Ordering::Relaxed) >> number & 1 == 1);
        if let Some(line) = render(&numbers).filter(|_| printed) {
            // One write, so that lines of several threads do not mix. Nobody to tell when it fails.
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}

// The name is compared too: a callsite elsewhere that borrows our target is still foreign.
fn allowed(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET && metadata.module_path() == Some(TARGET)
}

#[derive(Default)]
struct Numbers {
    event: Option<u64>,
    values: [u64; MOST],
}

impl Visit for Numbers {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "event" => self.event = Some(value),
            "a" => self.values[0] = value,
            "b" => self.values[1] = value,
            "c" => self.values[2] = value,
            _ => {}
        }
    }

    // Everything that is not a number comes here (text, `?x`, `%x`, messages) and is dropped.
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

fn render(numbers: &Numbers) -> Option<String> {
    let (word, names) = catalogue::words(numbers.event?)?;
    let mut line = format!("nologd: {word}");
    for (name, value) in names.iter().zip(numbers.values) {
        let _ = match named::word(name, value) {
            Some(word) => write!(line, " {name}={word}"),
            None => write!(line, " {name}={value}"),
        };
    }
    let backend = names.iter().zip(numbers.values).find(|(name, _)| **name == "backend");
    if let Some(name) = backend.and_then(|(_, position)| named::backend(position)) {
        let _ = write!(line, " name={name}");
    }
    line.push('\n');
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{BackendService, ConfigPart, Event};

    #[test]
    fn an_event_becomes_one_line_of_words_and_numbers() {
        let (event, values) = Event::Started { listeners: 3, backends: 1 }.encode();
        let line = render(&Numbers { event: Some(event), values }).unwrap();
        assert_eq!(line, "nologd: started listeners=3 backends=1\n");
        assert!(render(&Numbers { event: Some(9999), values }).is_none());
    }

    #[test]
    fn a_backend_is_named_as_the_config_names_it() {
        let line = |event: Event| {
            let (event, values) = event.encode();
            render(&Numbers { event: Some(event), values }).unwrap()
        };
        let down = Event::BackendDown { backend: 1, service: BackendService::Lmtp as u64 };
        super::super::name_backends(["store1", "a b\n\u{1b}[31mnologd: started \u{e9}"].into_iter());
        assert_eq!(line(down), "nologd: backend-down backend=1 service=lmtp name=a_b__[31mnologd:_started_\u{e9}\n");
        let confused = Event::BackendConfused { backend: 0, times: 10, service: BackendService::Relay as u64 };
        assert_eq!(line(confused), "nologd: backend-confused backend=0 times=10 service=relay name=store1\n");
        super::super::name_backends(["store1"].into_iter());
        assert_eq!(line(down), "nologd: backend-down backend=1 service=lmtp\n", "of nobody who is there");
        let changed = ConfigPart::bits([ConfigPart::Listen, ConfigPart::Sandbox].into_iter());
        let line = line(Event::RestartNeeded { sections: 2, changed });
        assert_eq!(line, "nologd: restart-needed sections=2 changed=listen,sandbox\n");
    }
}
