//! What comes to a place, counted by its own kernel.

use serde_json::Value;

use super::Lab;

impl Lab {
    /// Begins to count what comes in and matches, in nft's words; drops nothing.
    #[track_caller]
    pub fn count_seen(&self, place: &str, matching: &str) {
        for statement in [
            "add table inet seen",
            "add chain inet seen input { type filter hook input priority 0; }",
            &format!("add rule inet seen input {matching} counter"),
        ] {
            self.exec(place, &format!("nft {statement}"));
        }
    }

    /// How many packets of that came so far.
    #[track_caller]
    pub fn seen(&self, place: &str) -> u64 {
        let listed: Value = serde_json::from_str(&self.exec(place, "nft -j list chain inet seen input")).unwrap();
        let rule = listed["nftables"].as_array().unwrap().iter().find_map(|object| object.get("rule")).unwrap();
        let counter = rule["expr"].as_array().unwrap().iter().find_map(|expression| expression.get("counter")).unwrap();
        counter["packets"].as_u64().unwrap()
    }
}
