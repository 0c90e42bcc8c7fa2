//! Whatever a kernel may send is understood, kept raw or refused: never a panic, never a hang.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| dockwall::netlink::decode_any(bytes));
