//! nologd inside the test, so that its book can be looked into. Without TLS towards clients; it ends with the runtime.

use std::sync::Arc;

use nologd::config;
use nologd::net::shutdown;
use nologd::quota::Book;
use nologd::sandbox::Enforcement;
use nologd::serve::{Context, usage};
use tokio::runtime::{Builder, Runtime};

/// With `text` as its config file.
pub fn in_process(text: &str) -> (Arc<Book>, Runtime) {
    in_process_with(text, |_| {})
}

/// The same, changed before anybody comes.
pub fn in_process_with(text: &str, change: impl FnOnce(&mut Context)) -> (Arc<Book>, Runtime) {
    let mut config = config::read(text).unwrap_or_else(|problems| panic!("{problems:?}"));
    let built = config::build(&config).unwrap();
    config::state_folder(&config.state_dir).unwrap();
    let mut context = config::context(&mut config, Enforcement::default(), u64::MAX, None, None, None).unwrap();
    change(Arc::get_mut(&mut context).unwrap());
    let runtime = Builder::new_multi_thread().enable_all().build().unwrap();
    let (trigger, shutdown) = shutdown::pair();
    // Never stopped, and what it made in the file system goes with its folder.
    std::mem::forget(trigger);
    let listeners = config::listeners(&config, &built).unwrap();
    std::mem::forget(built.files);
    for (listener, bound) in listeners.into_iter().zip(built.bound) {
        runtime.spawn(listener.open(bound, context.clone(), shutdown.clone()));
    }
    // The book has no other clock.
    runtime.spawn(usage::tick(context.book.clone()));
    (context.book.clone(), runtime)
}

/// A listener in the clear, for a config file.
pub fn listen(service: &str, address: &str) -> String {
    format!("[[listen]]\nservice = \"{service}\"\naddress = \"{address}\"\ntls = \"none\"\n")
}
