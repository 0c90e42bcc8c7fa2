//! What our table remembers of denied flows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Lab;

/// Packets and bytes of each remembered flow, by source, destination, protocol and, where there is
/// one, port.
pub type Meters = BTreeMap<String, (u64, u64)>;

impl Lab {
    /// All remembered flows.
    #[track_caller]
    pub fn meters(&self) -> Meters {
        let sets = ["denied4", "denied4-other", "denied6", "denied6-other"];
        sets.into_iter().flat_map(|set| self.meter(set)).collect()
    }

    /// The flows that one set remembers.
    #[track_caller]
    pub fn meter(&self, set: &str) -> Meters {
        let listed = self.exec("host", &format!("nft -n -j list set inet dockwall {set}"));
        let listed: Value = serde_json::from_str(&listed).unwrap();
        let set = listed["nftables"].as_array().unwrap().iter().find_map(|object| object.get("set")).unwrap();
        set["elem"].as_array().into_iter().flatten().map(flow).collect()
    }
}

fn flow(element: &Value) -> (String, (u64, u64)) {
    let element = &element["elem"];
    let key = element["val"]["concat"].as_array().unwrap().iter();
    let key: Vec<String> = key.map(|part| part.to_string().trim_matches('"').to_owned()).collect();
    let count = |name: &str| element["counter"][name].as_u64().unwrap();
    (key.join(" "), (count("packets"), count("bytes")))
}
