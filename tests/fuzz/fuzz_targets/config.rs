//! Whatever stands in the file is read or refused with a diagnostic; what is read can be compiled,
//! printed, and compared with itself.
#![no_main]

use dockwall::config::Config;
use dockwall::host::Host;
use dockwall::policy::Policy;
use dockwall::ruleset::{Features, compile, diff};
use jiff::Timestamp;

libfuzzer_sys::fuzz_target!(|text: &str| {
    match Config::parse("dockwall.toml", text) {
        Ok(loaded) => {
            let now = Timestamp::UNIX_EPOCH;
            let Ok(resolved) = Policy::resolve(&loaded.config, &Host::default(), None, now) else { return };
            let table = compile(&resolved.policy, Features::ALL, now).marked(1);
            assert!(!table.to_string().is_empty());
            assert!(diff(Some(&table), &table).is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
