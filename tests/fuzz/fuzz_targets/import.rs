//! Whatever stands in rules to be imported: it is read or refused, every line of it is accounted for, and what is
//! written is a configuration.
#![no_main]

use dockwall::config::Config;
use dockwall::import::{Kind, read, translate, write};

const KINDS: [Kind; 6] = [Kind::Direct, Kind::DirectXml, Kind::Script, Kind::Save, Kind::Ufw, Kind::Nft];

libfuzzer_sys::fuzz_target!(|text: &str| {
    for kind in KINDS.into_iter().map(Some).chain([None]) {
        let Ok(source) = read(text, kind, &|_| None) else { continue };
        let translation = translate(&source, false);
        assert_eq!(translation.report.lines.len(), source.text.lines().count());
        assert!(translation.report.lines.iter().all(|line| !line.said.is_empty()));
        assert!(Config::parse("imported", &write(&translation.plan, text)).is_ok());
    }
});
